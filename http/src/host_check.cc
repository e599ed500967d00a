#include "host_check.h"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <cctype>

namespace bitacora::http {
namespace {

bool same_name(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

bool is_ip_literal(const std::string& text) {
  boost::system::error_code error;
  boost::asio::ip::make_address(text, error);
  return !error;
}

}  // namespace

bool is_our_host(std::string_view host, const std::vector<std::string>& names) {
  if (host.starts_with('[')) {
    const std::size_t end = host.find(']');
    return end != std::string_view::npos && is_ip_literal(std::string(host.substr(1, end - 1)));
  }
  const std::string_view name = host.substr(0, host.rfind(':'));
  if (name.empty()) return false;
  if (same_name(name, "localhost") || is_ip_literal(std::string(name))) return true;
  constexpr std::string_view below_localhost = ".localhost";
  if (name.size() > below_localhost.size() &&
      same_name(name.substr(name.size() - below_localhost.size()), below_localhost)) {
    return true;
  }
  return std::any_of(names.begin(), names.end(), [&](const std::string& ours) { return same_name(name, ours); });
}

}  // namespace bitacora::http
