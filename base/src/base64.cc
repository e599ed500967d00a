#include "base/base64.h"

#include <array>
#include <cstdint>

namespace bitacora {
namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view url_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::uint8_t no_digit = 0xff;

using Digits = std::array<std::uint8_t, 256>;
constexpr Digits digits_of(std::string_view letters) {
  Digits digits{};
  for (auto& digit : digits) digit = no_digit;
  for (std::size_t i = 0; i < letters.size(); ++i)
    digits[static_cast<unsigned char>(letters[i])] = static_cast<std::uint8_t>(i);
  return digits;
}
constexpr Digits standard_digits = digits_of(alphabet);
constexpr Digits url_digits = digits_of(url_alphabet);

// `text` is without padding. One encoding for each value: bits that mean nothing must be zero.
std::optional<Bytes> decode(std::string_view text, const Digits& digits) {
  if (text.size() % 4 == 1) return std::nullopt;
  Bytes bytes;
  bytes.reserve(text.size() * 3 / 4);
  std::uint32_t bits = 0;
  unsigned bit_count = 0;
  for (const char letter : text) {
    const std::uint8_t digit = digits[static_cast<unsigned char>(letter)];
    if (digit == no_digit) return std::nullopt;
    bits = bits << 6 | digit;
    bit_count += 6;
    if (bit_count < 8) continue;
    bit_count -= 8;
    bytes.push_back(static_cast<std::byte>(bits >> bit_count));
    bits &= (1U << bit_count) - 1;
  }
  if (bits != 0) return std::nullopt;
  return bytes;
}

}  // namespace

void append_base64(std::string& to, ByteView bytes) {
  const std::size_t begin = to.size();
  to.resize(begin + (bytes.size() + 2) / 3 * 4);
  char* out = to.data() + begin;
  const auto byte = [&](std::size_t at) { return std::to_integer<std::uint32_t>(bytes[at]); };
  std::size_t at = 0;
  for (; at + 3 <= bytes.size(); at += 3) {
    const std::uint32_t group = byte(at) << 16 | byte(at + 1) << 8 | byte(at + 2);
    *out++ = alphabet[group >> 18];
    *out++ = alphabet[group >> 12 & 63];
    *out++ = alphabet[group >> 6 & 63];
    *out++ = alphabet[group & 63];
  }
  if (at == bytes.size()) return;
  const bool two_left = at + 2 == bytes.size();
  const std::uint32_t group = byte(at) << 16 | (two_left ? byte(at + 1) << 8 : 0);
  *out++ = alphabet[group >> 18];
  *out++ = alphabet[group >> 12 & 63];
  *out++ = two_left ? alphabet[group >> 6 & 63] : '=';
  *out++ = '=';
}

std::string encode_base64(ByteView bytes) {
  std::string text;
  append_base64(text, bytes);
  return text;
}

std::optional<Bytes> decode_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
  return decode(text, standard_digits);
}

std::optional<Bytes> decode_base64url(std::string_view text) { return decode(text, url_digits); }

}  // namespace bitacora
