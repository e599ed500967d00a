#include "bridge/retained_index.h"

#include <iterator>

#include "bridge/message.h"
#include "mqtt/topic.h"

namespace bitacora::bridge {
namespace {

// What every matching topic begins with: the filter up to its first wildcard.
std::string_view literal_prefix(std::string_view filter) {
  std::string_view prefix = filter.substr(0, filter.find_first_of("+#"));
  // "a/#" matches "a" too.
  if (prefix.size() != filter.size() && filter.substr(prefix.size()) == "#" && !prefix.empty()) prefix.remove_suffix(1);
  return prefix;
}

}  // namespace

void RetainedIndex::apply(const storage::RecordView& record) {
  const auto topic = MessageDecoder::topic_of(record);
  if (!topic) return;
  if (!record.value || record.value->empty()) {
    erase(*topic);
    return;
  }
  RetainedEntry entry{record.offset, 0, topic->size() + record.value->size()};
  MessageDecoder decoder;
  const Message* message = decoder.decode(record);
  if (message != nullptr && message->properties.message_expiry_interval) {
    entry.expires_at = record.timestamp + std::int64_t{*message->properties.message_expiry_interval} * 1000;
  }
  entry.publisher = number_of(message == nullptr ? std::string_view() : message->publisher);
  erase(*topic);
  if (entry.expires_at != 0) expiries_.emplace(entry.expires_at, *topic);
  entries_.emplace(*topic, entry);
  bytes_ += entry.bytes;
  Share& share = shares_[entry.publisher];
  ++share.messages;
  share.bytes += entry.bytes;
}

void RetainedIndex::erase(std::string_view topic) {
  const auto found = entries_.find(topic);
  if (found == entries_.end()) return;
  if (found->second.expires_at != 0) expiries_.erase({found->second.expires_at, found->first});
  drop(found);
}

void RetainedIndex::drop(Entries::iterator entry) {
  bytes_ -= entry->second.bytes;
  Share& share = shares_[entry->second.publisher];
  --share.messages;
  share.bytes -= entry->second.bytes;
  entries_.erase(entry);
}

std::uint32_t RetainedIndex::number_of(std::string_view publisher) {
  const auto [known, is_new] = numbers_.try_emplace(std::string(publisher), static_cast<std::uint32_t>(shares_.size()));
  if (is_new) shares_.emplace_back();
  return known->second;
}

RetainedIndex::Share RetainedIndex::share_of(std::string_view publisher) const {
  const auto known = numbers_.find(std::string(publisher));
  return known == numbers_.end() ? Share{} : shares_[known->second];
}

bool RetainedIndex::is_of(const RetainedEntry& entry, std::string_view publisher) const {
  const auto known = numbers_.find(std::string(publisher));
  return known != numbers_.end() && known->second == entry.publisher;
}

void RetainedIndex::drop_expired(Timestamp now_ms, std::size_t count) {
  for (; count > 0 && !expiries_.empty() && expiries_.begin()->first <= now_ms; --count) {
    drop(entries_.find(expiries_.begin()->second));
    expiries_.erase(expiries_.begin());
  }
}

RetainedIndex::Found RetainedIndex::next(std::string_view filter, const std::optional<std::string>& after,
                                         std::size_t& budget) const {
  const std::string_view prefix = literal_prefix(filter);
  auto entry = after ? entries_.upper_bound(*after) : entries_.lower_bound(prefix);
  for (; entry != entries_.end() && entry->first.starts_with(prefix); ++entry) {
    if (budget == 0) return {nullptr, {}, entry == entries_.begin() ? after : std::prev(entry)->first};
    --budget;
    if (mqtt::matches(filter, entry->first)) return {&entry->first, entry->second, std::nullopt};
  }
  return {};
}

}  // namespace bitacora::bridge
