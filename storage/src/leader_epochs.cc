#include "leader_epochs.h"

#include <algorithm>
#include <charconv>

#include "base/assert.h"

namespace bitacora::storage {
namespace {

// Takes one number and the character behind it off the front. False if they are not there.
template <class Integer>
bool take_number(std::string_view& text, char terminator, Integer& into) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into);
  if (error != std::errc() || end == text.data() + text.size() || *end != terminator) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()) + 1);
  return true;
}

}  // namespace

std::optional<LeaderEpochs> LeaderEpochs::parse(std::string_view text) {
  std::int32_t version = 0;
  std::size_t count = 0;
  if (!take_number(text, '\n', version) || version != 0 || !take_number(text, '\n', count)) return std::nullopt;
  LeaderEpochs epochs;
  for (std::size_t i = 0; i < count; ++i) {
    Entry entry{};
    if (!take_number(text, ' ', entry.epoch) || !take_number(text, '\n', entry.start)) return std::nullopt;
    if (entry.epoch < 0 || entry.start < 0) return std::nullopt;
    if (i > 0 && (entry.epoch <= epochs.entries_.back().epoch || entry.start <= epochs.entries_.back().start)) {
      return std::nullopt;
    }
    epochs.entries_.push_back(entry);
  }
  if (!text.empty()) return std::nullopt;
  return epochs;
}

std::string LeaderEpochs::format() const {
  std::string text = "0\n" + std::to_string(entries_.size()) + "\n";
  for (const Entry& entry : entries_) {
    text += std::to_string(entry.epoch) + " " + std::to_string(entry.start) + "\n";
  }
  return text;
}

std::int32_t LeaderEpochs::at(Offset offset) const noexcept {
  const auto after = std::upper_bound(entries_.begin(), entries_.end(), offset,
                                      [](Offset wanted, const Entry& entry) { return wanted < entry.start; });
  return after == entries_.begin() ? unknown : std::prev(after)->epoch;
}

std::int32_t LeaderEpochs::latest() const noexcept { return empty() ? unknown : entries_.back().epoch; }

Offset LeaderEpochs::latest_start() const noexcept { return empty() ? 0 : entries_.back().start; }

void LeaderEpochs::begin(std::int32_t epoch, Offset start) {
  BITACORA_ASSERT(epoch > latest());
  while (!entries_.empty() && entries_.back().start >= start) entries_.pop_back();
  entries_.push_back({epoch, start});
}

void LeaderEpochs::forget_before(Offset log_start) {
  while (entries_.size() > 1 && entries_[1].start <= log_start) entries_.erase(entries_.begin());
}

}  // namespace bitacora::storage
