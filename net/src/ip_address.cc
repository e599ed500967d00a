#include "net/ip_address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace bitacora::net {
namespace {

constexpr std::size_t mapped_prefix_size = 12;
constexpr std::array<std::byte, mapped_prefix_size> mapped_prefix = [] {
  std::array<std::byte, mapped_prefix_size> prefix{};
  prefix[10] = prefix[11] = std::byte{0xFF};
  return prefix;
}();

// The bits of byte `index` that belong to a prefix of `bits` bits.
std::byte mask_of(std::size_t index, std::uint32_t bits) noexcept {
  const std::size_t before = index * 8;
  if (bits >= before + 8) return std::byte{0xFF};
  if (bits <= before) return std::byte{0};
  return static_cast<std::byte>(0xFFU << (8 - (bits - before)));
}

}  // namespace

bool IpAddress::is_ipv4() const noexcept {
  return std::equal(mapped_prefix.begin(), mapped_prefix.end(), bytes.begin());
}

IpAddress ipv4_address(const std::array<std::byte, 4>& bytes) noexcept {
  IpAddress address;
  std::copy(mapped_prefix.begin(), mapped_prefix.end(), address.bytes.begin());
  std::copy(bytes.begin(), bytes.end(), address.bytes.begin() + mapped_prefix_size);
  return address;
}

std::optional<IpAddress> parse_ip_address(const std::string& text) {
  std::array<std::byte, 4> v4{};
  if (::inet_pton(AF_INET, text.c_str(), v4.data()) == 1) return ipv4_address(v4);
  IpAddress address;
  if (::inet_pton(AF_INET6, text.c_str(), address.bytes.data()) == 1) return address;
  return std::nullopt;
}

std::string format(const IpAddress& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const bool is_ipv4 = address.is_ipv4();
  const std::byte* from = address.bytes.data() + (is_ipv4 ? mapped_prefix_size : 0);
  (void)::inet_ntop(is_ipv4 ? AF_INET : AF_INET6, from, text.data(), text.size());
  return text.data();
}

std::string format(const Endpoint& endpoint) {
  const std::string address = format(endpoint.address);
  return (endpoint.address.is_ipv4() ? address : '[' + address + ']') + ':' + std::to_string(endpoint.port);
}

bool AddressRange::contains(const IpAddress& address) const noexcept {
  for (std::size_t i = 0; i < address.bytes.size(); ++i) {
    if (((address.bytes[i] ^ first.bytes[i]) & mask_of(i, prefix_bits)) != std::byte{0}) return false;
  }
  return true;
}

std::optional<AddressRange> parse_address_range(const std::string& text) {
  const std::size_t slash = text.find('/');
  const auto address = parse_ip_address(text.substr(0, slash));
  if (!address) return std::nullopt;
  AddressRange range{*address};
  if (slash == std::string::npos) return range;
  const bool written_as_ipv4 = text.find(':') == std::string::npos;
  const char* const end = text.data() + text.size();
  std::uint32_t bits = 0;
  const auto [parsed_to, error] = std::from_chars(text.data() + slash + 1, end, bits);
  if (error != std::errc() || parsed_to != end || bits > (written_as_ipv4 ? 32U : 128U)) return std::nullopt;
  range.prefix_bits = bits + (written_as_ipv4 ? 96 : 0);
  for (std::size_t i = 0; i < range.first.bytes.size(); ++i) {
    if ((range.first.bytes[i] & ~mask_of(i, range.prefix_bits)) != std::byte{0}) return std::nullopt;
  }
  return range;
}

}  // namespace bitacora::net
