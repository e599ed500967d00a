// The records of several partitions in the order of their time, each partition's in the order of its offsets.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "log_source.h"

namespace bitacora::app {

// A part of one partition: offsets [from, to).
struct ReplayRange {
  std::int32_t partition = 0;
  storage::Offset from = 0;
  storage::Offset to = 0;
};

class MergedReplay {
 public:
  // `source` outlives the replay. `to` is at most each partition's committed offset.
  // `filter`: only records whose MQTT topic it matches; empty: all.
  MergedReplay(LogSource& source, std::string log, const std::vector<ReplayRange>& ranges, std::string filter = {});

  struct Step {
    std::int32_t partition = 0;
    storage::RecordView record;  // lives until the next call
  };
  // The next record of all; nullopt behind the last.
  [[nodiscard]] SourceResult<std::optional<Step>> next();

  // What had to be passed over since the last call, for a person.
  [[nodiscard]] std::vector<std::string> take_damage() { return std::exchange(damage_, {}); }

  // Offsets behind us and offsets in all, for a progress bar.
  [[nodiscard]] std::uint64_t passed() const noexcept { return passed_; }
  [[nodiscard]] std::uint64_t total() const noexcept { return total_; }

 private:
  // A record that owns its bytes.
  struct OwnedRecord {
    explicit OwnedRecord(const storage::RecordView& view);
    [[nodiscard]] storage::RecordView view(std::vector<storage::HeaderView>& views) const;

    storage::Offset offset;
    Timestamp timestamp;
    std::optional<Bytes> key;
    std::optional<Bytes> value;
    std::vector<std::pair<std::string, std::optional<Bytes>>> headers;
  };
  struct Lane {
    ReplayRange rest;  // not yet read
    std::deque<OwnedRecord> records;
  };
  [[nodiscard]] SourceResult<> fill(Lane& lane);

  LogSource& source_;
  std::string log_;
  std::string filter_;
  std::vector<Lane> lanes_;
  std::optional<OwnedRecord> current_;
  std::vector<storage::HeaderView> current_headers_;
  std::vector<std::string> damage_;
  std::uint64_t passed_ = 0;
  std::uint64_t total_ = 0;
};

}  // namespace bitacora::app
