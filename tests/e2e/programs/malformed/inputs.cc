#include "inputs.h"

#include <algorithm>
#include <array>

#include "mqtt/codec.h"

namespace bitacora::e2e {
namespace {

using mqtt::ProtocolVersion;

constexpr std::array versions = {ProtocolVersion::v3_1, ProtocolVersion::v3_1_1, ProtocolVersion::v5};

Bytes good_connect(ProtocolVersion version) {
  Bytes bytes;
  mqtt::encode(bytes, mqtt::Connect{.version = version, .client_id = "malformed"}, version);
  return bytes;
}

bool is_connect(const Bytes& packet) { return !packet.empty() && packet.front() == std::byte{0x10}; }

std::vector<Bytes> packets_of(ProtocolVersion version) {
  std::vector<Bytes> packets;
  for (const auto& table : {&mqtt::packet_table(), &mqtt::alternative_spelling_table()}) {
    for (const auto& entry : *table) {
      if (entry.version == version) packets.push_back(entry.bytes);
    }
  }
  for (const auto& entry : mqtt::malformed_packet_table()) {
    if (entry.version == version) packets.push_back(entry.bytes);
  }
  return packets;
}

std::size_t size_of_connect(const Bytes& dialogue) { return 2 + std::to_integer<std::size_t>(dialogue[1]); }

}  // namespace

std::vector<Bytes> every_prefix() {
  std::vector<Bytes> all;
  for (const ProtocolVersion version : versions) {
    for (const Bytes& packet : packets_of(version)) {
      for (std::size_t size = 0; size <= packet.size(); ++size) {
        const ByteView prefix = ByteView(packet).first(size);
        all.emplace_back(prefix.begin(), prefix.end());
        Bytes behind_connect = good_connect(version);
        append(behind_connect, prefix);
        all.push_back(std::move(behind_connect));
      }
    }
  }
  return all;
}

Mutator::Mutator(std::uint64_t seed) : random_(seed) {
  for (const ProtocolVersion version : versions) packets_.push_back(packets_of(version));
}

std::size_t Mutator::below(std::size_t bound) { return random_() % bound; }

Bytes Mutator::next() {
  switch (below(16)) {
    case 0: return noise();
    case 1: {  // mistakes in the CONNECT itself
      const auto& packets = packets_[below(packets_.size())];
      Bytes bytes = packets[below(packets.size())];
      spoil(bytes, 0);
      return bytes;
    }
    default: {
      Bytes bytes = dialogue();
      spoil(bytes, size_of_connect(bytes));
      return bytes;
    }
  }
}

// A good CONNECT and one to four packets behind it.
Bytes Mutator::dialogue() {
  const std::size_t version = below(versions.size());
  Bytes bytes = good_connect(versions[version]);
  const auto& packets = packets_[version];
  for (std::size_t count = 1 + below(4); count > 0;) {
    const Bytes& packet = packets[below(packets.size())];
    if (is_connect(packet) && below(8) != 0) continue;  // a second CONNECT ends it at once
    append(bytes, packet);
    --count;
  }
  return bytes;
}

Bytes Mutator::noise() {
  Bytes bytes(1 + below(64));
  for (std::byte& byte : bytes) byte = any_byte();
  return bytes;
}

// One to eight mistakes in what comes at `from` or behind it.
void Mutator::spoil(Bytes& bytes, std::size_t from) {
  for (std::size_t count = 1 + below(8); count > 0 && bytes.size() > from; --count) {
    const auto at = bytes.begin() + static_cast<std::ptrdiff_t>(from + below(bytes.size() - from));
    const auto size = static_cast<std::ptrdiff_t>(1 + below(static_cast<std::size_t>(bytes.end() - at)));
    switch (below(8)) {
      case 0:
      case 1: *at ^= std::byte(1U << below(8)); break;
      case 2: *at = any_byte(); break;
      case 3: *at = std::array{std::byte{0}, std::byte{0x7f}, std::byte{0x80}, std::byte{0xff}}[below(4)]; break;
      case 4: bytes.insert(at, any_byte()); break;
      case 5: bytes.erase(at, at + std::min<std::ptrdiff_t>(size, 4)); break;
      case 6: {  // a piece comes twice
        const Bytes piece(at, at + size);
        bytes.insert(at, piece.begin(), piece.end());
        break;
      }
      default: bytes.erase(at, bytes.end()); break;
    }
  }
}

}  // namespace bitacora::e2e
