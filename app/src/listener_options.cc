#include "listener_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace bitacora::app {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;

constexpr std::array<std::string_view, 2> protocol_names{"mqtt", "http"};
constexpr std::array<std::string_view, 4> transport_names{"tcp", "tls", "ws", "wss"};
constexpr std::array<std::string_view, 3> anonymous_names{"default", "refused", "allowed"};
constexpr std::array<std::string_view, 3> client_certificate_names{"none", "optional", "required"};
constexpr std::array<std::string_view, 2> tls_version_names{"1.2", "1.3"};
constexpr std::array<std::string_view, 5> certificate_user_names{"none", "common_name", "dns_name", "email", "uri"};

constexpr std::uint32_t max_mode = 0777;

std::optional<std::string> check_address(const Listener& listener, const std::string& text) {
  if (is_ip_address(text)) return std::nullopt;
  if (text.starts_with(net::unix_prefix)) {
    if (listener.protocol == Protocol::http) return "only MQTT listens on Unix sockets";
    if (text.size() > net::unix_prefix.size()) return std::nullopt;
    return "write the path behind it, as in \"unix:/run/bitacora.sock\"";
  }
  return "write the number, as in \"127.0.0.1\", \"::1\" or \"0.0.0.0\" for every interface";
}

std::optional<std::string> check_name(const std::string& text) {
  const auto fits = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '-'; };
  if (std::all_of(text.begin(), text.end(), fits)) return std::nullopt;
  return "use letters, digits, _ and - only";
}

std::optional<std::string> check_path(const std::string& text) {
  const bool fits = text.starts_with('/') && text.find_first_of("?# ") == std::string::npos;
  return fits ? std::nullopt : std::optional<std::string>("begin it with / and leave ?, # and blanks out");
}

// "0660" as chmod has it.
std::optional<std::string> set_mode(Listener& listener, const std::string& text) {
  std::uint32_t mode = 0;
  const char* const end = text.data() + text.size();
  const auto [parsed_to, error] = std::from_chars(text.data(), end, mode, 8);
  if (error != std::errc() || parsed_to != end || mode > max_mode) return "write three octal digits";
  listener.socket_mode = mode;
  return std::nullopt;
}

TextOption file_name() { return {"the name of a PEM file, or empty", {}, Presence::optional, Emptiness::allowed}; }

}  // namespace

std::string_view name_of(Protocol protocol) noexcept { return protocol_names[static_cast<std::size_t>(protocol)]; }

namespace {

void describe_tls(OptionVisitor& v, net::ListenerRules& rules) {
  v.duration("handshake_timeout", rules.handshake_timeout, milliseconds(100), minutes(10));
  v.text("tls_certificate", rules.tls.certificate_file, file_name());
  v.text("tls_key", rules.tls.key_file, file_name());
  v.choice("tls_min_version", rules.tls.min_version, tls_version_names);
  v.choice("tls_client_certificates", rules.tls.client_certificates, client_certificate_names);
  v.text("tls_client_ca", rules.tls.client_ca_file, file_name());
  v.text("tls_crl", rules.tls.crl_file, file_name());
  v.choice("certificate_user", rules.certificate_user, certificate_user_names);
}

// What an HTTP listener has of these.
void describe_http_listener(OptionVisitor& v, net::ListenerRules& rules) {
  v.choice("transport", rules.transport, transport_names);
  v.choice("anonymous", rules.anonymous, anonymous_names);
  describe_tls(v, rules);
}

}  // namespace

void describe_listener(OptionVisitor& v, Listener& listener) {
  v.choice("protocol", listener.protocol, protocol_names, Presence::required);
  v.text("address", listener.address,
         {"an IPv4 or IPv6 address", [&listener](const std::string& text) { return check_address(listener, text); }});
  v.count("port", listener.port, {0, 65535});
  net::ListenerRules& rules = listener.rules;
  v.text("name", rules.name, {"a name", check_name, Presence::optional, Emptiness::allowed});
  if (listener.protocol == Protocol::http) return describe_http_listener(v, rules);
  v.choice("transport", rules.transport, transport_names);
  v.yes_no("dual_stack", listener.dual_stack);
  std::string mode = fmt::format("{:04o}", listener.socket_mode);
  v.text("socket_mode", mode,
         {"a file mode as in \"0660\"", [&listener](const std::string& text) { return set_mode(listener, text); }});
  v.count("max_connections", rules.max_connections, {1, 10'000'000});
  v.count("max_connections_per_address", rules.max_connections_per_address, {1, 10'000'000});
  v.count("max_connection_rate", rules.max_connection_rate, {1, 1'000'000});
  v.text_list("unlimited_addresses", rules.unlimited_addresses);
  v.choice("anonymous", rules.anonymous, anonymous_names);
  describe_tls(v, rules);
  v.text("websocket_path", rules.websocket_path, {"a path as in \"/mqtt\"", check_path});
  v.text_list("websocket_origins", rules.websocket_origins);
  v.yes_no("proxy_protocol", rules.proxy_protocol);
  v.text_list("trusted_proxies", rules.trusted_proxies);
}

}  // namespace bitacora::app
