#include "mosquitto_listener.h"

#include <fmt/format.h>

#include <charconv>

#include "app/config.h"
#include "toml_text.h"

namespace bitacora::app {
namespace {

constexpr std::int64_t most_connections = 10'000'000;  // the option's bound

// Collects the table's lines and what is to be told about them.
class ListenerTable {
 public:
  ListenerTable(const MosquittoListener& listener, WhoComesIn who) : from_(listener), who_(who) {}

  ImportedListener take() {
    put("protocol", "mqtt");
    const bool has_equal = put_address() && put_transport();
    if (!has_equal) return {{}, std::move(notes_)};
    put_access();
    if (from_.max_connections) put_max_connections(*from_.max_connections);
    return {std::move(toml_), std::move(notes_)};
  }

 private:
  void put(std::string_view key, std::string_view text) { toml_ += fmt::format("{} = {}\n", key, toml_string(text)); }
  void note(std::string text) { notes_.push_back(std::move(text)); }

  [[nodiscard]] bool is_secure() const { return !from_.certificate.empty() || !from_.key.empty(); }
  [[nodiscard]] bool is_unix() const { return from_.port == "0" && from_.address.starts_with('/'); }
  // Whether its clients must show what they are before anything else.
  [[nodiscard]] bool is_guarded() const { return is_secure() && from_.requires_certificate; }

  bool put_address() {
    if (is_unix()) {
      put("address", "unix:" + from_.address);
      return true;
    }
    std::uint16_t port = 0;
    const char* const end = from_.port.data() + from_.port.size();
    if (const auto [parsed_to, error] = std::from_chars(from_.port.data(), end, port);
        error != std::errc() || parsed_to != end || port == 0) {
      note(fmt::format("left out: \"{}\" is no port", from_.port));
      return false;
    }
    std::string address = from_.address == "localhost" ? "127.0.0.1" : from_.address;
    const bool every_interface = address.empty();
    if (every_interface) address = from_.socket_domain == "ipv4" ? "0.0.0.0" : "::";
    if (!is_ip_address(address)) {
      note(fmt::format("left out: \"{}\" is a name; a listener here has the number of its interface", address));
      return false;
    }
    if (!is_loopback(address) && who_ == WhoComesIn::nobody_by_name && !is_guarded()) {
      held_back_ = true;
      note(
          fmt::format("on loopback instead of {}: mosquitto lets nobody in here without a name, and no password_file "
                      "that could be carried over says whom; set up [auth] password_file first, then the address",
                      every_interface ? "every interface" : address));
      address = address.find(':') == std::string::npos || every_interface ? "127.0.0.1" : "::1";
    }
    put("address", address);
    toml_ += fmt::format("port = {}\n", port);
    if (address == "::" && !from_.socket_domain) toml_ += "dual_stack = true\n";
    return true;
  }

  bool put_transport() {
    if (from_.has_psk) {
      note("left out: no TLS with pre-shared keys, and without them it would be open");
      return false;
    }
    const bool is_websocket = from_.protocol == "websockets";
    if (!is_websocket && from_.protocol != "mqtt") {
      note(fmt::format("left out: there is no protocol \"{}\"", from_.protocol));
      return false;
    }
    put("transport", is_websocket ? (is_secure() ? "wss" : "ws") : (is_secure() ? "tls" : "tcp"));
    if (is_websocket) {
      note("mosquitto takes WebSockets at any path; here clients name websocket_path, which is \"/mqtt\"");
    }
    return !is_secure() || put_tls();
  }

  bool put_tls() {
    if (from_.certificate.empty() || from_.key.empty()) {
      note("left out: TLS needs certfile and keyfile both");
      return false;
    }
    put("tls_certificate", from_.certificate);
    put("tls_key", from_.key);
    if (from_.tls_version == "tlsv1.3") put("tls_min_version", "1.3");
    if (from_.tls_version == "tlsv1.1") note("the oldest TLS is 1.2");
    if (!from_.client_ca_directory.empty()) {
      note("capath: name one file instead: tls_client_ca, with all certificates of the directory in it");
    }
    if (!from_.requires_certificate) {
      if (!from_.client_ca.empty()) note("cafile has no use without require_certificate; clients are asked for none");
      if (!from_.crl.empty()) note("crlfile has no use without require_certificate");
      return true;
    }
    if (from_.client_ca.empty()) {
      note("left out: require_certificate needs cafile, the file of who may sign certificates");
      return false;
    }
    put("tls_client_certificates", "required");
    put("tls_client_ca", from_.client_ca);
    if (!from_.crl.empty()) put("tls_crl", from_.crl);
    if (from_.identity_is_user) put("certificate_user", "common_name");
    return true;
  }

  void put_access() {
    if (held_back_) return;
    put("anonymous", who_ == WhoComesIn::everybody ? "allowed" : "refused");
  }

  void put_max_connections(std::int64_t count) {
    if (count > 0 && count <= most_connections) {
      toml_ += fmt::format("max_connections = {}\n", count);
    } else {
      toml_ += fmt::format("max_connections = {}\n", most_connections);
      note(fmt::format("max_connections: without a bound in mosquitto; here it is {}", most_connections));
    }
  }

  const MosquittoListener& from_;
  WhoComesIn who_;
  bool held_back_ = false;  // from the network to loopback
  std::string toml_ = "[[listeners]]\n";
  std::vector<std::string> notes_;
};

}  // namespace

ImportedListener import_listener(const MosquittoListener& listener, WhoComesIn who) {
  return ListenerTable(listener, who).take();
}

}  // namespace bitacora::app
