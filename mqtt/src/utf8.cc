// UTF-8 as MQTT takes it (section 1.5.4): the well-formed sequences of Unicode's Table 3-7 and no U+0000. Nothing is
// stripped: EF BB BF is a character like others [MQTT-1.5.4-3].
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "mqtt/codec.h"

namespace bitacora::mqtt {
namespace {

// The number of leading bytes in steps of eight that are all U+0001 .. U+007F: most of what topics are made of.
std::size_t plain_ascii_prefix(std::string_view text) noexcept {
  constexpr std::uint64_t ones = 0x0101010101010101;
  constexpr std::uint64_t highs = 0x8080808080808080;
  std::size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    std::uint64_t word;
    std::memcpy(&word, text.data() + at, sizeof word);
    if (((word | (word - ones)) & highs) != 0) break;  // a byte over 0x7F, or (borrowing) one that is 0
  }
  return at;
}

struct SequenceShape {
  std::size_t size = 0;  // bytes; 0: no sequence begins with this byte
  unsigned second_min = 0x80;
  unsigned second_max = 0xBF;
};

// The ranges of the second byte are what keeps overlong forms, surrogates and what is over U+10FFFF out.
SequenceShape shape_of(unsigned first) noexcept {
  if (first >= 0xC2 && first <= 0xDF) return {2};
  if (first == 0xE0) return {3, 0xA0, 0xBF};
  if (first == 0xED) return {3, 0x80, 0x9F};
  if (first >= 0xE1 && first <= 0xEF) return {3};
  if (first == 0xF0) return {4, 0x90, 0xBF};
  if (first >= 0xF1 && first <= 0xF3) return {4};
  if (first == 0xF4) return {4, 0x80, 0x8F};
  return {};
}

}  // namespace

bool is_valid_utf8_string(std::string_view text) noexcept {
  const auto byte_at = [text](std::size_t index) { return static_cast<unsigned char>(text[index]); };
  std::size_t at = plain_ascii_prefix(text);
  while (at < text.size()) {
    const unsigned first = byte_at(at);
    if (first == 0) return false;  // [MQTT-1.5.4-2]
    if (first < 0x80) {
      ++at;
      continue;
    }
    const SequenceShape shape = shape_of(first);
    if (shape.size == 0 || text.size() - at < shape.size) return false;  // [MQTT-1.5.4-1]
    if (byte_at(at + 1) < shape.second_min || byte_at(at + 1) > shape.second_max) return false;
    for (std::size_t i = 2; i < shape.size; ++i) {
      if ((byte_at(at + i) & 0xC0) != 0x80) return false;
    }
    at += shape.size;
  }
  return true;
}

}  // namespace bitacora::mqtt
