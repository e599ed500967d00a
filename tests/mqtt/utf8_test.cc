#include <gtest/gtest.h>

#include <string>

#include "mqtt/codec.h"

namespace bitacora::mqtt {
namespace {

// The bits of `value` in the form of `size` bytes, whether or not that is the right form for it.
std::string in_bytes(char32_t value, int size) {
  if (size == 1) return {static_cast<char>(value)};
  constexpr unsigned lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
  std::string text(1, static_cast<char>(lead[size] | (value >> (6 * (size - 1)))));
  for (int i = size - 2; i >= 0; --i) text += static_cast<char>(0x80 | ((value >> (6 * i)) & 0x3F));
  return text;
}

int shortest_size(char32_t value) {
  if (value < 0x80) return 1;
  if (value < 0x800) return 2;
  return value < 0x10000 ? 3 : 4;
}

bool may_be_in_a_string(char32_t value) {
  return value != 0 && value <= 0x10FFFF && (value < 0xD800 || value > 0xDFFF);
}

// The same question asked the slow way: is there a sequence of code points that is written like this?
bool is_valid_by_definition(std::string_view text) {
  if (text.empty()) return true;
  const unsigned first = static_cast<unsigned char>(text[0]);
  const int size = first < 0x80            ? 1
                   : first >> 5 == 0b110   ? 2
                   : first >> 4 == 0b1110  ? 3
                   : first >> 3 == 0b11110 ? 4
                                           : 0;
  if (size == 0 || text.size() < static_cast<std::size_t>(size)) return false;
  char32_t value = size == 1 ? first : first & (0xFFU >> (size + 1));
  for (int i = 1; i < size; ++i) value = value << 6 | (static_cast<unsigned char>(text[i]) & 0x3F);
  const std::string_view sequence = text.substr(0, size);
  return may_be_in_a_string(value) && in_bytes(value, shortest_size(value)) == sequence &&
         is_valid_by_definition(text.substr(size));
}

struct KnownText {
  std::string_view what;
  std::string text;
  bool valid;
};

// [MQTT-1.5.4-1] [MQTT-1.5.4-2] [MQTT-1.5.4-3]
TEST(Utf8, FollowsTheTable) {
  const KnownText table[] = {
      {"nothing", "", true},
      {"ASCII", "plant/1/temp", true},
      {"controls, which are discouraged and not forbidden", "\x01\x1f\x7f", true},
      {"two bytes, first and last", "\xc2\x80\xdf\xbf", true},
      {"three bytes, first and last", "\xe0\xa0\x80\xef\xbf\xbf", true},
      {"four bytes, first and last", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", true},
      {"a byte order mark [MQTT-1.5.4-3]", "\xef\xbb\xbf", true},
      {"the standard's example, A U+2A6D4", "A\xf0\xaa\x9b\x94", true},
      {"U+0000 [MQTT-1.5.4-2]", std::string(1, '\0'), false},
      {"U+0000 in the middle of ASCII", std::string("abcd\0efghijklmnop", 17), false},
      {"U+0000 after eight characters", std::string("abcdefgh\0", 9), false},
      {"U+0000 in two bytes, as Java writes it", "\xc0\x80", false},
      {"overlong, two bytes", "\xc1\xbf", false},
      {"overlong, three bytes", "\xe0\x9f\xbf", false},
      {"overlong, four bytes", "\xf0\x8f\xbf\xbf", false},
      {"the first surrogate [MQTT-1.5.4-1]", "\xed\xa0\x80", false},
      {"the last surrogate", "\xed\xbf\xbf", false},
      {"a pair of surrogates, as CESU-8 writes it", "\xed\xa0\x81\xed\xb0\x80", false},
      {"U+110000", "\xf4\x90\x80\x80", false},
      {"a byte that begins nothing", "\xf5\x80\x80\x80", false},
      {"five bytes", "\xf8\x88\x80\x80\x80", false},
      {"a continuation alone", "\x80", false},
      {"two bytes cut short", "abc\xc3", false},
      {"three bytes cut short", "\xe2\x82", false},
      {"four bytes cut short", "\xf0\x9f\x98", false},
      {"Latin-1", "caf\xe9 au lait", false},
  };
  for (const KnownText& row : table) {
    EXPECT_EQ(is_valid_utf8_string(row.text), row.valid) << row.what;
    EXPECT_EQ(is_valid_by_definition(row.text), row.valid) << row.what << " (the test's own definition)";
    EXPECT_EQ(is_valid_utf8_string("12345678" + row.text), row.valid) << row.what << " behind eight characters";
    EXPECT_EQ(is_valid_utf8_string(row.text + "12345678"), row.valid) << row.what << " before eight characters";
  }
}

TEST(Utf8, EveryCodePointIsValidUnlessItIsZeroOrASurrogate) {
  for (char32_t value = 0; value <= 0x10FFFF; ++value) {
    ASSERT_EQ(is_valid_utf8_string(in_bytes(value, shortest_size(value))), may_be_in_a_string(value))
        << std::hex << static_cast<unsigned>(value);
  }
}

// Every sequence of four bytes from the values where something changes.
TEST(Utf8, AgreesWithItsDefinitionOnEverySequenceOfBoundaryBytes) {
  constexpr unsigned char boundaries[] = {0x00, 0x01, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2,
                                          0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5};
  std::string text(4, '\0');
  for (const auto a : boundaries) {
    for (const auto b : boundaries) {
      for (const auto c : boundaries) {
        for (const auto d : boundaries) {
          text = {static_cast<char>(a), static_cast<char>(b), static_cast<char>(c), static_cast<char>(d)};
          ASSERT_EQ(is_valid_utf8_string(text), is_valid_by_definition(text)) << to_hex(as_bytes(text));
        }
      }
    }
  }
}

}  // namespace
}  // namespace bitacora::mqtt
