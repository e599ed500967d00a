// IP addresses as values, for those who have to compare them: trusted proxies. An IPv4 address is held as the IPv6
// address that maps it (::ffff:a.b.c.d), so that it is the same one whichever socket it came in by.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace bitacora::net {

struct IpAddress {
  std::array<std::byte, 16> bytes{};  // in network order

  [[nodiscard]] bool is_ipv4() const noexcept;
  friend bool operator==(const IpAddress&, const IpAddress&) = default;
};

[[nodiscard]] IpAddress ipv4_address(const std::array<std::byte, 4>& bytes) noexcept;
// An IPv4 or IPv6 literal; nullopt for anything else.
[[nodiscard]] std::optional<IpAddress> parse_ip_address(const std::string& text);
[[nodiscard]] std::string format(const IpAddress& address);

// A port of an address: "127.0.0.1:50123", "[::1]:50123".
struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};
[[nodiscard]] std::string format(const Endpoint& endpoint);

// All addresses that begin with the same bits: "10.0.0.0/8", "fd00::/8"; a single address is a range of one.
struct AddressRange {
  IpAddress first;
  std::uint32_t prefix_bits = 128;  // of the mapped address: 96 more than an IPv4 range is written with

  [[nodiscard]] bool contains(const IpAddress& address) const noexcept;
};
// nullopt: not a range, or bits are set behind the prefix ("10.0.0.1/8"), which says two things at once.
[[nodiscard]] std::optional<AddressRange> parse_address_range(const std::string& text);

}  // namespace bitacora::net
