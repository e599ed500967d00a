// A compacted log "x" of small segments, and the verbs that its tests speak in.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "storage/log_world.h"

namespace bitacora::storage {

// What is in the log, or was put there.
struct KeyedRecord {
  Offset offset = 0;
  Timestamp timestamp = 0;
  std::string key;
  std::optional<std::string> value;  // nullopt: a tombstone
  friend bool operator==(const KeyedRecord&, const KeyedRecord&) = default;
};
inline void PrintTo(const KeyedRecord& record, std::ostream* out) {
  *out << record.offset << ":" << record.key << "=" << record.value.value_or("(null)").substr(0, 12);
}

using Put = std::pair<std::string, std::optional<std::string>>;

class CompactionWorld : public LogWorld {
 public:
  explicit CompactionWorld(Durability durability = Durability::sync) : LogWorld(compacted(durability)) {
    options.index_interval_bytes = 300;
  }

  static LogSettings compacted(Durability durability = Durability::sync) {
    LogSettings settings = one_partition(durability);
    settings.cleanup = Cleanup::compact;
    settings.segment_bytes = 1024;
    settings.min_cleanable_ratio = 0;
    settings.delete_retention = std::chrono::hours(1);
    return settings;
  }
  // Three of them fill a segment.
  static std::string big(const std::string& text) { return text + std::string(250, '.'); }

  AppendOutcome try_put(const std::vector<Put>& puts) {
    BatchBuilder builder;
    for (const auto& [key, value] : puts) {
      builder.add({.offset = 0,
                   .timestamp = clock.now().wall_ms,
                   .key = as_bytes(key),
                   .value = value ? std::optional(as_bytes(*value)) : std::nullopt,
                   .headers = {}});
    }
    return try_submit(builder.take());
  }
  AppendOutcome try_submit(Bytes batch) {
    EXPECT_TRUE(committer().submit({.partition = &partition(), .batch = std::move(batch), .origin = 0, .id = 0}));
    committer().run_once();
    AppendOutcome outcome = notices.back()->outcomes.back();
    notices.clear();
    return outcome;
  }
  // All that was ever put and acknowledged is in `written`, by offset.
  Offset put(const std::vector<Put>& puts) {
    const AppendOutcome outcome = try_put(puts);
    EXPECT_FALSE(outcome.error) << outcome.error->message;
    note(puts, outcome);
    return outcome.base_offset;
  }
  Offset put(const std::string& key, std::optional<std::string> value) { return put({{key, std::move(value)}}); }
  void note(const std::vector<Put>& puts, const AppendOutcome& outcome) {
    for (std::size_t i = 0; i < puts.size(); ++i) {
      written.push_back(
          {outcome.base_offset + static_cast<Offset>(i), clock.now().wall_ms, puts[i].first, puts[i].second});
    }
  }
  // Fills the active segment, so that what was put before is sealed.
  void seal() {
    const std::int32_t before = partition().segment_count();
    for (int i = 0; partition().segment_count() == before; ++i) put("filler", big(std::to_string(i)));
  }
  std::uint64_t compact() {
    const Result<std::uint64_t> freed = store().run_housekeeping();
    EXPECT_TRUE(freed) << freed.error().message;
    return freed.value_or(0);
  }

  // All records from `from` on that can be read; the chain of batches must be dense.
  Result<std::vector<KeyedRecord>> try_records(Offset from = 0, std::size_t max_bytes = 700) {
    std::vector<KeyedRecord> found;
    Offset next = from;
    ReadHint hint;
    while (true) {
      const auto read = partition().read(next, max_bytes, hint);
      if (!read) return Failed(read.error());
      if (read->bytes.empty()) return found;
      Offset expected = -1;
      for (ByteView rest = read->bytes; !rest.empty(); rest = rest.subspan(*BatchView::claimed_size(rest))) {
        const Result<BatchView> batch = BatchView::check(rest);
        if (!batch) return Failed(batch.error());
        EXPECT_TRUE(expected < 0 || batch->base_offset() == expected) << "a hole between batches";
        expected = batch->next_offset();
        RecordReader reader(*batch);
        while (auto record = *reader.next()) {
          if (record->offset < from) continue;
          found.push_back({record->offset, record->timestamp, std::string(as_text(record->key.value_or(ByteView()))),
                           record->value ? std::optional(std::string(as_text(*record->value))) : std::nullopt});
        }
      }
      EXPECT_EQ(expected, read->next);
      EXPECT_GT(read->next, next);
      next = read->next;
      hint = read->hint;
    }
  }
  std::vector<KeyedRecord> records(Offset from = 0) {
    auto found = try_records(from);
    EXPECT_TRUE(found) << found.error().message;
    return found ? *found : std::vector<KeyedRecord>{};
  }
  std::vector<Offset> offsets_of(const std::string& key) {
    std::vector<Offset> offsets;
    for (const KeyedRecord& record : records())
      if (record.key == key) offsets.push_back(record.offset);
    return offsets;
  }
  std::vector<std::string> segment_files() const {
    std::vector<std::string> names;
    for (const std::string& name : files())
      if (name.ends_with(".log")) names.push_back(name);
    return names;
  }
  Offset active_base() const { return std::stoll(segment_files().back()); }

  // What compaction must never break: each record is one that was written, in order; the last of each key is there, but
  // for a tombstone older than `delete_retention`, and then nothing of that key is. Empty, or what is wrong.
  std::string broken_promise(const std::vector<KeyedRecord>& found) const {
    std::map<std::string, KeyedRecord> last_found;
    Offset previous = -1;
    for (const KeyedRecord& record : found) {
      if (record.offset <= previous) return "offsets do not rise at " + std::to_string(record.offset);
      previous = record.offset;
      const auto original = std::find(written.begin(), written.end(), record);
      if (original == written.end()) return "changed or invented: " + testing::PrintToString(record);
      last_found[record.key] = record;
    }
    std::map<std::string, KeyedRecord> last_written;
    for (const KeyedRecord& record : written) last_written[record.key] = record;
    for (const auto& [key, record] : last_written) {
      const auto kept = last_found.find(key);
      if (kept != last_found.end() && kept->second == record) continue;
      if (kept != last_found.end()) return "an old value is the last of " + testing::PrintToString(record);
      const bool may_be_gone = !record.value && record.timestamp + 3'600'000 <= clock.now().wall_ms;
      if (!may_be_gone) return "lost: " + testing::PrintToString(record);
    }
    return {};
  }

  std::vector<KeyedRecord> written;
};

}  // namespace bitacora::storage
