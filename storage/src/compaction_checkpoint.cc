#include "compaction_checkpoint.h"

#include <charconv>
#include <cstdint>

namespace bitacora::storage {
namespace {

constexpr std::string_view heading = "bitacora-compaction 1\n";
constexpr std::string_view never = "-\n";

// Takes one number and the character behind it off the front. False if they are not there.
bool take_number(std::string_view& text, char terminator, std::int64_t& into) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into);
  if (error != std::errc() || end == text.data() + text.size() || *end != terminator) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()) + 1);
  return true;
}

}  // namespace

std::string format_compaction_checkpoint(const CompactionCheckpoint& checkpoint) {
  std::string text(heading);
  text += std::to_string(checkpoint.clean_end) + " ";
  return text + (checkpoint.next_expiry ? std::to_string(*checkpoint.next_expiry) + "\n" : std::string(never));
}

std::optional<CompactionCheckpoint> parse_compaction_checkpoint(std::string_view text) {
  if (!text.starts_with(heading)) return std::nullopt;
  text.remove_prefix(heading.size());
  CompactionCheckpoint checkpoint;
  if (!take_number(text, ' ', checkpoint.clean_end) || checkpoint.clean_end < 0) return std::nullopt;
  if (text == never) return checkpoint;
  Timestamp expiry = 0;
  if (!take_number(text, '\n', expiry) || !text.empty()) return std::nullopt;
  checkpoint.next_expiry = expiry;
  return checkpoint;
}

}  // namespace bitacora::storage
