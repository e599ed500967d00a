#include <arpa/inet.h>

#include <charconv>

#include "app/config.h"

namespace bitacora::app {

bool is_ip_address(const std::string& text) {
  in6_addr parsed{};
  return inet_pton(AF_INET, text.c_str(), &parsed) == 1 || inet_pton(AF_INET6, text.c_str(), &parsed) == 1;
}

bool is_loopback(const std::string& ip_address) {
  in6_addr parsed{};
  if (inet_pton(AF_INET6, ip_address.c_str(), &parsed) == 1) return IN6_IS_ADDR_LOOPBACK(&parsed) != 0;
  return ip_address.starts_with("127.") && is_ip_address(ip_address);
}

std::optional<Listener> parse_listener(Protocol protocol, std::string_view text) {
  if (protocol == Protocol::mqtt && text.starts_with(net::unix_prefix)) {
    if (text.size() == net::unix_prefix.size()) return std::nullopt;
    return Listener{protocol, std::string(text)};
  }
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  Listener listener{protocol};
  const std::string_view port = text.substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), listener.port);
  if (error != std::errc() || end != port.data() + port.size()) return std::nullopt;
  std::string_view address = text.substr(0, colon);
  if (address.empty()) return listener;
  const bool bracketed = address.size() > 2 && address.front() == '[' && address.back() == ']';
  if (bracketed) address = address.substr(1, address.size() - 2);
  listener.address = address;
  const bool is_v6 = address.find(':') != std::string_view::npos;
  if (is_v6 != bracketed || !is_ip_address(listener.address)) return std::nullopt;
  return listener;
}

std::string format_address(const Listener& listener) {
  if (listener.where().is_unix()) return listener.address;
  const bool is_v6 = listener.address.find(':') != std::string::npos;
  return (is_v6 ? "[" + listener.address + "]" : listener.address) + ":" + std::to_string(listener.port);
}

}  // namespace bitacora::app
