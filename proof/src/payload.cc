#include "proof/payload.h"

#include <charconv>
#include <cstdio>

#include "base/assert.h"
#include "base/crc32c.h"

namespace bitacora::proof {
namespace {

constexpr std::string_view marker = "bitacora-proof/";
constexpr std::size_t checksum_size = 8;
constexpr std::size_t excerpt_size = 32;

std::string checksum_of(std::string_view head, std::string_view filler) {
  std::array<char, checksum_size + 1> text{};
  const std::uint32_t crc = crc32c_extend(crc32c(as_bytes(head)), as_bytes(filler));
  std::snprintf(text.data(), text.size(), "%08x", crc);
  return {text.data(), checksum_size};
}

// Letters that follow from the head alone.
std::string filler_of(std::string_view head, std::size_t size) {
  std::string filler(size, 'a');
  std::uint32_t state = crc32c(as_bytes(head)) | 1;
  for (char& letter : filler) {
    state = state * 1664525 + 1013904223;
    letter = static_cast<char>('a' + (state >> 24) % 26);
  }
  return filler;
}

Content damaged(std::string_view text, std::string_view publisher) {
  return {Content::Kind::damaged, std::string(publisher), 0, std::string(text.substr(0, excerpt_size))};
}

}  // namespace

std::string make_payload(std::string_view publisher, std::uint32_t sequence, std::size_t size) {
  BITACORA_ASSERT(!publisher.empty() && publisher.size() <= 64 && publisher.find('/') == std::string_view::npos);
  std::string head(marker);
  head.append(publisher).append("/").append(std::to_string(sequence)).append("/");
  const std::size_t before_filler = head.size() + checksum_size + 1;
  const std::string filler = filler_of(head, size > before_filler ? size - before_filler : 0);
  const std::string checksum = checksum_of(head, filler);
  return head + checksum + "/" + filler;
}

Content identify(ByteView payload) {
  if (payload.empty()) return {};
  const std::string_view text = as_text(payload);
  if (!text.starts_with(marker)) {
    return {Content::Kind::foreign, {}, 0, std::string(text.substr(0, excerpt_size))};
  }
  const std::size_t name_end = text.find('/', marker.size());
  if (name_end == std::string_view::npos) return damaged(text, {});
  const std::string_view publisher = text.substr(marker.size(), name_end - marker.size());
  std::uint32_t sequence = 0;
  const char* const begin = text.data() + name_end + 1;
  const auto number = std::from_chars(begin, text.data() + text.size(), sequence);
  const auto number_end = static_cast<std::size_t>(number.ptr - text.data());
  const std::size_t filler_begin = number_end + 1 + checksum_size + 1;
  if (number.ec != std::errc() || filler_begin > text.size()) return damaged(text, publisher);
  const std::string_view head = text.substr(0, number_end + 1);
  const std::string_view checksum = text.substr(number_end + 1, checksum_size);
  const bool whole =
      head.back() == '/' && text[filler_begin - 1] == '/' && checksum == checksum_of(head, text.substr(filler_begin));
  if (!whole) return damaged(text, publisher);
  return {Content::Kind::message, std::string(publisher), sequence, {}};
}

std::string describe(const Content& content) {
  switch (content.kind) {
    case Content::Kind::message: return content.publisher + "#" + std::to_string(content.sequence);
    case Content::Kind::damaged: return "damaged bytes \"" + content.excerpt + "\"";
    case Content::Kind::foreign: return "foreign bytes \"" + content.excerpt + "\"";
    case Content::Kind::empty: break;
  }
  return "nothing";
}

}  // namespace bitacora::proof
