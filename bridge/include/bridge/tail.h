// Following an MQTT filter through the log, from any position into what is published now: one cursor over partitions,
// the records that the filter does not match passed over. The position is a short text that brings a reader back to
// exactly the next record: "mqtt:0=123,1=456;other:0=9".
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "bridge/cursor.h"
#include "bridge/named_position.h"
#include "bridge/start_position.h"
#include "storage/store.h"

namespace bitacora::bridge {

// The position of a reader of these partitions; those of one log must stand together.
void format_positions(std::string& to, std::span<const PartitionPosition> positions);
// The inverse; the error says what is wrong. An empty text is no position.
[[nodiscard]] bitacora::Result<NamedPositions, std::string> parse_positions(std::string_view text);

// A record that the tail gave; views are good until the next call.
struct TailRecord {
  storage::Partition* partition = nullptr;
  std::string_view topic;
  storage::RecordView record;
};

class Tail {
 public:
  // Follows `logs`, each partition from `from`. `filter` is a valid MQTT topic filter. Errors: the disk's.
  [[nodiscard]] static storage::Result<Tail> start(std::string filter, std::vector<storage::Log*> logs,
                                                   const StartPosition& from, Timestamp now_ms);
  // Goes on where a tail of the same logs stood. A partition that is not named is read from its log start: it was made
  // since. Errc::invalid_argument if a partition is named that `logs` does not have.
  [[nodiscard]] static storage::Result<Tail> resume(std::string filter, std::vector<storage::Log*> logs,
                                                    std::span<const NamedPosition> positions);

  // The next record (tombstones too) whose key is a topic that the filter matches. Passes over at most
  // `max_passed_over` records that it does not match, so that a turn stays short: nullopt then too, and at_end() says
  // no.
  [[nodiscard]] storage::Result<std::optional<TailRecord>> next();
  [[nodiscard]] bool at_end() const noexcept { return at_end_; }
  // Records that retention or damage took from this tail. To be looked at whenever next() has none.
  [[nodiscard]] std::optional<Gap> take_gap();
  // Undoes the last next() that gave a record.
  void put_back() { cursor_.put_back(); }

  // Takes in partitions that were added to the logs since; from their log start.
  void add_new_partitions();
  // Gives up what was read ahead, for the time it waits.
  void release_chunk() { cursor_.release_chunk(); }
  [[nodiscard]] std::span<const PartitionPosition> positions() const noexcept { return cursor_.positions(); }

  static constexpr std::size_t max_passed_over = 10'000;

 private:
  Tail(std::string filter, std::vector<storage::Log*> logs);

  std::string filter_;
  std::vector<storage::Log*> logs_;
  Cursor cursor_;
  bool at_end_ = false;
};

}  // namespace bitacora::bridge
