#include "proxy_header.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <utility>
#include <vector>

#include "base/crc32c.h"
#include "base/endian.h"

namespace bitacora::net {
namespace {

using Failed = Failure<std::string>;
using Parsed = Result<std::optional<ProxyHeader>, std::string>;

constexpr std::string_view signature_v1 = "PROXY ";
constexpr std::string_view signature_v2("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t max_v1 = 107;  // with its CR LF
constexpr std::size_t fixed_v2 = 16;

// Values of version 2's fields.
constexpr unsigned command_local = 0x0;
constexpr unsigned command_proxy = 0x1;
constexpr unsigned family_unspecified = 0x0;
constexpr unsigned family_ipv4 = 0x1;
constexpr unsigned family_ipv6 = 0x2;
constexpr unsigned family_unix = 0x3;
constexpr unsigned transport_stream = 0x1;
constexpr std::size_t unix_addresses = 216;
constexpr std::uint8_t tlv_crc32c = 0x03;
constexpr std::uint8_t tlv_ssl = 0x20;
constexpr std::uint8_t tlv_ssl_common_name = 0x22;
constexpr unsigned ssl_client_certificate = 0x02 | 0x04;  // shown on this connection or when its session began
constexpr std::size_t ssl_fixed = 5;

bool may_begin_with(ByteView bytes, std::string_view signature) {
  const std::size_t size = std::min(bytes.size(), signature.size());
  return as_text(bytes.first(size)) == signature.substr(0, size);
}

// --- version 1: a line of text ---

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  for (std::size_t begin = 0;;) {
    const std::size_t end = line.find(' ', begin);
    words.push_back(line.substr(begin, end - begin));
    if (end == std::string_view::npos) return words;
    begin = end + 1;
  }
}

std::optional<Endpoint> parse_endpoint(std::string_view address, std::string_view port) {
  const auto parsed = parse_ip_address(std::string(address));
  std::uint16_t number = 0;
  const char* const end = port.data() + port.size();
  const auto [parsed_to, error] = std::from_chars(port.data(), end, number);
  if (!parsed || error != std::errc() || parsed_to != end) return std::nullopt;
  return Endpoint{*parsed, number};
}

Parsed parse_v1(ByteView bytes) {
  const std::string_view text = as_text(bytes.first(std::min(bytes.size(), max_v1)));
  const std::size_t end = text.find("\r\n");
  if (end == std::string_view::npos) {
    if (text.size() < max_v1) return std::optional<ProxyHeader>();
    return Failed("the PROXY line does not end");
  }
  ProxyHeader header{.size = end + 2, .client = {}, .common_name = {}};
  const auto words = words_of(text.substr(0, end));
  if (words.size() >= 2 && words[1] == "UNKNOWN") return header;
  const bool is_v4 = words.size() == 6 && words[1] == "TCP4";
  const bool is_v6 = words.size() == 6 && words[1] == "TCP6";
  if (is_v4 || is_v6) {
    header.client = parse_endpoint(words[2], words[4]);
    const auto server = parse_endpoint(words[3], words[5]);
    const bool family_fits = header.client && (words[2].find(':') == std::string_view::npos) == is_v4;
    if (family_fits && server) return header;
  }
  return Failed("the PROXY line is malformed");
}

// --- version 2: binary ---

struct Tlv {
  std::uint8_t type;
  ByteView value;
};

// Cuts the first one off; nullopt if it does not fit.
std::optional<Tlv> take_tlv(ByteView& bytes) {
  constexpr std::size_t fixed = 3;
  if (bytes.size() < fixed) return std::nullopt;
  const std::size_t size = load_be<std::uint16_t>(bytes.data() + 1);
  if (bytes.size() < fixed + size) return std::nullopt;
  const Tlv tlv{std::to_integer<std::uint8_t>(bytes.front()), bytes.subspan(fixed, size)};
  bytes = bytes.subspan(fixed + size);
  return tlv;
}

bool checksum_fits(ByteView header, ByteView stored) {
  if (stored.size() != sizeof(std::uint32_t)) return false;
  Bytes zeroed(header.begin(), header.end());
  const auto at = static_cast<std::ptrdiff_t>(stored.data() - header.data());
  std::fill_n(zeroed.begin() + at, sizeof(std::uint32_t), std::byte{0});
  return crc32c(zeroed) == load_be<std::uint32_t>(stored.data());
}

// False: malformed.
bool read_ssl(ByteView value, ProxyHeader& into) {
  if (value.size() < ssl_fixed) return false;
  const unsigned client = std::to_integer<unsigned>(value[0]);
  const bool verified = load_be<std::uint32_t>(value.data() + 1) == 0;
  ByteView rest = value.subspan(ssl_fixed);
  while (!rest.empty()) {
    const auto tlv = take_tlv(rest);
    if (!tlv) return false;
    if (tlv->type != tlv_ssl_common_name || !verified || (client & ssl_client_certificate) == 0) continue;
    const std::string_view name = as_text(tlv->value);
    const bool acceptable =
        !name.empty() && std::none_of(name.begin(), name.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; });
    if (acceptable) into.common_name = std::string(name);
  }
  return true;
}

Result<void, std::string> read_tlvs(ByteView header, ByteView tlvs, ProxyHeader& into) {
  while (!tlvs.empty()) {
    const auto tlv = take_tlv(tlvs);
    if (!tlv) return Failed("the PROXY header's TLVs do not fit into it");
    if (tlv->type == tlv_crc32c && !checksum_fits(header, tlv->value)) {
      return Failed("the PROXY header's checksum is wrong");
    }
    if (tlv->type == tlv_ssl && !read_ssl(tlv->value, into)) return Failed("the PROXY header's TLS part is malformed");
  }
  return {};
}

Endpoint read_source(ByteView addresses, unsigned family) {
  if (family == family_ipv4) {
    std::array<std::byte, 4> source{};
    std::copy_n(addresses.begin(), source.size(), source.begin());
    return {ipv4_address(source), load_be<std::uint16_t>(addresses.data() + 2 * source.size())};
  }
  IpAddress source;
  std::copy_n(addresses.begin(), source.bytes.size(), source.bytes.begin());
  return {source, load_be<std::uint16_t>(addresses.data() + 2 * source.bytes.size())};
}

std::size_t addresses_size(unsigned family) {
  switch (family) {
    case family_ipv4: return 2 * (4 + 2);
    case family_ipv6: return 2 * (16 + 2);
    case family_unix: return unix_addresses;
    default: return 0;
  }
}

Parsed parse_v2(ByteView bytes) {
  if (bytes.size() < fixed_v2) return std::optional<ProxyHeader>();
  const unsigned version = std::to_integer<unsigned>(bytes[12]) >> 4;
  const unsigned command = std::to_integer<unsigned>(bytes[12]) & 0x0F;
  const unsigned family = std::to_integer<unsigned>(bytes[13]) >> 4;
  const unsigned transport = std::to_integer<unsigned>(bytes[13]) & 0x0F;
  const std::size_t size = fixed_v2 + load_be<std::uint16_t>(bytes.data() + 14);
  if (version != 2 || command > command_proxy) return Failed("the PROXY header's version or command is unknown");
  if (size > max_proxy_header) return Failed("the PROXY header is too long");
  if (bytes.size() < size) return std::optional<ProxyHeader>();
  ProxyHeader header{.size = size, .client = {}, .common_name = {}};
  if (command == command_local || family == family_unspecified) return header;
  if (family > family_unix || transport != transport_stream)
    return Failed("the PROXY header is not of a TCP connection");
  const ByteView whole = bytes.first(size);
  const ByteView body = whole.subspan(fixed_v2);
  if (body.size() < addresses_size(family)) return Failed("the PROXY header is too short for its addresses");
  if (family == family_ipv4 || family == family_ipv6) header.client = read_source(body, family);
  if (auto read = read_tlvs(whole, body.subspan(addresses_size(family)), header); !read) return Failed(read.error());
  return header;
}

}  // namespace

Parsed parse_proxy_header(ByteView bytes) {
  if (may_begin_with(bytes, signature_v2)) {
    if (bytes.size() < signature_v2.size()) return std::optional<ProxyHeader>();
    return parse_v2(bytes);
  }
  if (may_begin_with(bytes, signature_v1)) {
    if (bytes.size() < signature_v1.size()) return std::optional<ProxyHeader>();
    return parse_v1(bytes);
  }
  return Failed("there is no PROXY header");
}

}  // namespace bitacora::net
