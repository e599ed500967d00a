// PROXY headers as bytes, and addresses with their ranges.
#include "proxy_header.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/crc32c.h"
#include "base/endian.h"

namespace bitacora::net {
namespace {

using testing::HasSubstr;

const std::string signature = "0D 0A 0D 0A 00 0D 0A 51 55 49 54 0A ";
const std::string addresses_v4 = "C0 00 02 01 C6 33 64 02 D4 31 07 5B ";  // 192.0.2.1:54321 -> 198.51.100.2:1883

std::string client_of(const Bytes& bytes) {
  const auto header = parse_proxy_header(bytes);
  if (!header) return "refused: " + header.error();
  if (!*header) return "needs more";
  return (*header)->client ? format(*(*header)->client) : "itself";
}
std::string client_of(std::string_view text) { return client_of(to_bytes(text)); }

// Version 2 over IPv4 with these TLVs.
Bytes with_tlvs(const Bytes& tlvs) {
  Bytes bytes = from_hex(signature + "21 11");
  append_be(bytes, static_cast<std::uint16_t>(12 + tlvs.size()));
  append(bytes, from_hex(addresses_v4));
  append(bytes, tlvs);
  return bytes;
}

Bytes ssl_tlv(const std::string& client_bits, const std::string& verify, std::string_view name) {
  Bytes value = from_hex(client_bits + verify + "22");
  append_be(value, static_cast<std::uint16_t>(name.size()));
  append(value, as_bytes(name));
  Bytes tlv = from_hex("20");
  append_be(tlv, static_cast<std::uint16_t>(value.size()));
  append(tlv, value);
  return tlv;
}

std::optional<std::string> common_name_in(const Bytes& tlvs) {
  const auto header = parse_proxy_header(with_tlvs(tlvs));
  return header && *header ? (*header)->common_name : "malformed";
}

TEST(ProxyHeader, OfVersion1NamesTheClient) {
  EXPECT_EQ(client_of("PROXY TCP4 192.0.2.1 198.51.100.2 54321 1883\r\n"), "192.0.2.1:54321");
  EXPECT_EQ(client_of("PROXY TCP6 2001:db8::1 2001:db8::2 54321 1883\r\n"), "[2001:db8::1]:54321");
  EXPECT_EQ(client_of("PROXY UNKNOWN\r\n"), "itself");
  EXPECT_EQ(client_of("PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n"), "itself");
}

TEST(ProxyHeader, OfVersion2NamesTheClient) {
  EXPECT_EQ(client_of(from_hex(signature + "21 11 00 0C " + addresses_v4)), "192.0.2.1:54321");
  const std::string v6 = "20 01 0D B8 00 00 00 00 00 00 00 00 00 00 00 01 ";
  EXPECT_EQ(client_of(from_hex(signature + "21 21 00 24 " + v6 + v6 + "D4 31 07 5B")), "[2001:db8::1]:54321");
  EXPECT_EQ(client_of(from_hex(signature + "20 00 00 00")), "itself") << "LOCAL";
  EXPECT_EQ(client_of(from_hex(signature + "20 11 00 0C " + addresses_v4)), "itself") << "LOCAL with addresses";
  EXPECT_EQ(client_of(from_hex(signature + "21 00 00 02 AA BB")), "itself") << "UNSPEC";
  Bytes over_unix = from_hex(signature + "21 31 00 D8");
  over_unix.resize(over_unix.size() + 216);
  EXPECT_EQ(client_of(over_unix), "itself");
}

TEST(ProxyHeader, IsReadWhereverItIsCutAndEndsWhereItEnds) {
  const Bytes headers[] = {to_bytes("PROXY TCP4 192.0.2.1 198.51.100.2 54321 1883\r\n"),
                           with_tlvs(ssl_tlv("07", "00 00 00 00", "sensor"))};
  for (const Bytes& header : headers) {
    for (std::size_t size = 0; size < header.size(); ++size) {
      const auto parsed = parse_proxy_header(ByteView(header).first(size));
      ASSERT_TRUE(parsed) << size << ": " << parsed.error();
      ASSERT_FALSE(*parsed) << size;
    }
    Bytes followed = header;
    append(followed, from_hex("10 0C"));
    const auto parsed = parse_proxy_header(followed);
    ASSERT_TRUE(parsed && *parsed);
    EXPECT_EQ((*parsed)->size, header.size());
  }
}

TEST(ProxyHeader, ThatIsMalformedIsRefused) {
  for (const std::string_view text :
       {"GET / HTTP/1.1\r\n", "PROXY\r\n", "PROXY TCP4 192.0.2.1 198.51.100.2 54321\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 54321 1883 9\r\n", "PROXY TCP4 192.0.2.256 198.51.100.2 54321 1883\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 65536 1883\r\n", "PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n",
        "PROXY TCP6 192.0.2.1 198.51.100.2 1 2\r\n", "PROXY UDP4 192.0.2.1 198.51.100.2 1 2\r\n",
        "PROXY  TCP4 192.0.2.1 198.51.100.2 1 2\r\n", "\x10\x0C"}) {
    EXPECT_THAT(client_of(text), HasSubstr("refused")) << text;
  }
  EXPECT_THAT(client_of("PROXY " + std::string(101, 'x')), HasSubstr("does not end"));
  for (const std::string hex : {"31 11 00 0C ", "22 11 00 0C ", "21 12 00 0C ", "21 41 00 0C ", "21 11 00 0B ",
                                "21 21 00 0C ", "21 11 FF FF "}) {
    EXPECT_THAT(client_of(from_hex(signature + hex + addresses_v4)), HasSubstr("refused")) << hex;
  }
  EXPECT_THAT(client_of(with_tlvs(from_hex("04 00"))), HasSubstr("TLV"));
  EXPECT_THAT(client_of(with_tlvs(from_hex("04 00 05 AA"))), HasSubstr("TLV"));
  EXPECT_THAT(client_of(with_tlvs(from_hex("20 00 04 07 00 00 00"))), HasSubstr("TLS"));
}

TEST(ProxyHeader, NamesTheUserOfAVerifiedCertificateAlone) {
  EXPECT_EQ(common_name_in(ssl_tlv("07", "00 00 00 00", "sensor-7")), "sensor-7");
  EXPECT_EQ(common_name_in(ssl_tlv("05", "00 00 00 00", "resumed")), "resumed");
  EXPECT_EQ(common_name_in(ssl_tlv("07", "00 00 00 01", "not verified")), std::nullopt);
  EXPECT_EQ(common_name_in(ssl_tlv("01", "00 00 00 00", "no certificate")), std::nullopt);
  EXPECT_EQ(common_name_in(ssl_tlv("07", "00 00 00 00", std::string_view("a\0b", 3))), std::nullopt);
  EXPECT_EQ(common_name_in(ssl_tlv("07", "00 00 00 00", "")), std::nullopt);
}

TEST(ProxyHeader, WithAWrongChecksumIsRefused) {
  Bytes bytes = with_tlvs(from_hex("03 00 04 00 00 00 00"));
  const std::uint32_t right = crc32c(bytes);
  store_be(bytes.data() + bytes.size() - 4, right);
  EXPECT_EQ(client_of(bytes), "192.0.2.1:54321");
  store_be(bytes.data() + bytes.size() - 4, right + 1);
  EXPECT_THAT(client_of(bytes), HasSubstr("checksum"));
}

TEST(AddressRange, ContainsWhatBeginsAsItDoes) {
  const auto contains = [](const std::string& range, const std::string& address) {
    return parse_address_range(range).value().contains(parse_ip_address(address).value());
  };
  EXPECT_TRUE(contains("10.0.0.0/8", "10.255.0.1"));
  EXPECT_FALSE(contains("10.0.0.0/8", "11.0.0.1"));
  EXPECT_TRUE(contains("192.0.2.7", "192.0.2.7"));
  EXPECT_FALSE(contains("192.0.2.7", "192.0.2.6"));
  EXPECT_TRUE(contains("192.0.2.0/25", "192.0.2.127"));
  EXPECT_FALSE(contains("192.0.2.0/25", "192.0.2.128"));
  EXPECT_TRUE(contains("0.0.0.0/0", "255.1.2.3"));
  EXPECT_FALSE(contains("0.0.0.0/0", "::1"));
  EXPECT_TRUE(contains("10.0.0.0/8", "::ffff:10.1.2.3")) << "as a dual-stack socket shows it";
  EXPECT_TRUE(contains("fd00::/8", "fdff::1"));
  EXPECT_FALSE(contains("fd00::/8", "fe80::1"));
  EXPECT_TRUE(contains("::/0", "127.0.0.1"));
}

TEST(AddressRange, ThatSaysTwoThingsOrNothingIsRefused) {
  for (const std::string text : {"", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x",
                                 "fd00::/129", "localhost", "10.0.0", "::1/64"}) {
    EXPECT_FALSE(parse_address_range(text)) << text;
  }
}

}  // namespace
}  // namespace bitacora::net
