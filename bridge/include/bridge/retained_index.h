// Which topics have a retained message and where its record lies in the retained log: a view of that log, kept by every
// shard as it follows the log's tail. Payloads stay in the log.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "storage/batch.h"
#include "storage/offset.h"

namespace bitacora::bridge {

struct RetainedEntry {
  storage::Offset offset = 0;   // in the retained log's partition
  Timestamp expires_at = 0;     // ms since the epoch; 0: never
  std::uint64_t bytes = 0;      // of topic and payload
  std::uint32_t publisher = 0;  // RetainedIndex's number for who published it
  [[nodiscard]] bool has_expired(Timestamp now_ms) const noexcept { return expires_at != 0 && expires_at <= now_ms; }
};

class RetainedIndex {
 public:
  using Entries = std::map<std::string, RetainedEntry, std::less<>>;

  // A record of the retained log: a value replaces the topic's entry [MQTT-3.3.1-5], none removes it [MQTT-3.3.1-6].
  void apply(const storage::RecordView& record);
  void erase(std::string_view topic);
  // Takes out at most `count` entries whose time is over at `now_ms`, the oldest first.
  void drop_expired(Timestamp now_ms, std::size_t count);

  // The first entry behind `after` (or from the start, if nullopt) whose topic `filter` matches, looking at `budget`
  // entries at the most; `budget` is lowered by what was looked at. Where the budget ends first, `stopped_at` is the
  // last topic seen.
  struct Found {
    const std::string* topic = nullptr;  // null: none (more)
    RetainedEntry entry;
    std::optional<std::string> stopped_at;
  };
  [[nodiscard]] Found next(std::string_view filter, const std::optional<std::string>& after, std::size_t& budget) const;

  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }  // of all entries
  // What one publisher's messages (Message::publisher) are together.
  struct Share {
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;
  };
  [[nodiscard]] Share share_of(std::string_view publisher) const;
  [[nodiscard]] bool is_of(const RetainedEntry& entry, std::string_view publisher) const;
  // nullptr if the topic has none.
  [[nodiscard]] const RetainedEntry* find(std::string_view topic) const {
    const auto found = entries_.find(topic);
    return found == entries_.end() ? nullptr : &found->second;
  }

 private:
  void drop(Entries::iterator entry);
  [[nodiscard]] std::uint32_t number_of(std::string_view publisher);

  Entries entries_;
  std::uint64_t bytes_ = 0;
  std::unordered_map<std::string, std::uint32_t> numbers_;  // of publishers
  std::vector<Share> shares_;                               // by number
  std::set<std::pair<Timestamp, std::string>> expiries_;    // of the entries that expire
};

}  // namespace bitacora::bridge
