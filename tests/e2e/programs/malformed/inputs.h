// What is thrown at a server: what clients might send who are broken, cut off, or mean it.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "base/bytes.h"
#include "mqtt/packet_table.h"

namespace bitacora::e2e {

// Every prefix, the empty and the whole one included, of every packet of the tests' packet tables: alone, and behind a
// good CONNECT of the packet's version.
[[nodiscard]] std::vector<Bytes> every_prefix();

// Connections' worth of bytes: good packets of one version with a few mistakes in them, or noise. The same seed gives
// the same inputs in the same order.
class Mutator {
 public:
  explicit Mutator(std::uint64_t seed);
  void seed(std::uint64_t seed) { random_.seed(seed); }
  [[nodiscard]] Bytes next();

 private:
  [[nodiscard]] std::size_t below(std::size_t bound);  // 0 <= result < bound
  [[nodiscard]] std::byte any_byte() { return std::byte(below(256)); }
  [[nodiscard]] Bytes dialogue();
  [[nodiscard]] Bytes noise();
  void spoil(Bytes& bytes, std::size_t from);

  std::mt19937_64 random_;
  std::vector<std::vector<Bytes>> packets_;  // by version
};

}  // namespace bitacora::e2e
