// Which message stands at which offset, as receipts, deliveries and readings have told it, and what each reading left
// out.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "findings.h"
#include "messages.h"
#include "proof/fact.h"

namespace bitacora::proof {

struct Range {
  Offset begin = 0, end = 0;  // half open
  [[nodiscard]] bool holds(Offset offset) const noexcept { return begin <= offset && offset < end; }
  [[nodiscard]] bool meets(Range other) const noexcept { return begin < other.end && other.begin < end; }
};

// Facts between which the server refused publishes whose senders never heard of it.
struct UnheardRefusals {
  FactNumber begin = 0, end = 0;
};

// A log, and what its durability has let it forget.
struct KnownLog {
  std::string name;
  Durability durability = Durability::sync;
  Keep keep = Keep::all;
  FactNumber forgets_before = 0;  // what was told before this fact may be gone
  std::vector<FactNumber> unclean_ends{};
  [[nodiscard]] bool ended_between(FactNumber begin, FactNumber end) const;
};

struct Held {
  MessageId id;  // nothing: not known
  FactNumber told_at = 0;
  FactNumber last_reading = 0;  // when the last reading that had it began; 0: none
};

struct Reading {
  FactNumber began = 0;
  Offset log_start = 0, from = 0, next = 0;
  std::vector<Range> holes{};
};

class PartitionHistory {
 public:
  PartitionHistory(const KnownLog& log, std::int32_t number) : log_(log), number_(number) {}

  [[nodiscard]] const KnownLog& log() const noexcept { return log_; }
  [[nodiscard]] std::string name() const { return log_.name + "/" + std::to_string(number_); }
  [[nodiscard]] std::string name(Offset offset) const { return name() + " offset " + std::to_string(offset); }
  [[nodiscard]] std::int32_t number() const noexcept { return number_; }

  // A message was told to stand here. `reading`: when that reading began, 0 if it was no reading.
  void hold(Offset offset, MessageId id, FactNumber at, FactNumber reading, Messages& messages, Findings& findings);
  // What was told before `log().forgets_before` may be gone: it is no copy any more until it is seen again.
  void forget(FactNumber forgot_before, Messages& messages);
  void add(Reading reading) { readings_.push_back(std::move(reading)); }
  void damaged(Range range) { damages_.push_back(range); }

  [[nodiscard]] const Held* find(Offset offset) const;
  [[nodiscard]] bool is_damaged(Offset offset) const;
  // The last reading from the log start on; nullptr: there is none.
  [[nodiscard]] const Reading* last_whole() const;
  // Whether retention, compaction, the rig's damage or the log's durability explains that `offset` is not in the last
  // whole reading.
  [[nodiscard]] bool may_be_gone(Offset offset) const;
  // A reading of a compacted log left it out, whatever later ones gave.
  [[nodiscard]] bool was_compacted_away(Offset offset) const;
  // Of the copies of a QoS 2 message those that need not count: retention had removed them, and the server crashed.
  void count_removed_copies(const Messages& messages, std::unordered_map<std::uint64_t, std::uint16_t>& into) const;
  // Calls `use(offset, held)` for each known place in the order of offsets.
  void walk(const std::function<void(Offset, const Held&)>& use) const;

  // I2 and I3 of the readings; I1 and I2 of what is gone; I5.
  void check(const Messages& messages, const std::vector<UnheardRefusals>& refusals, Findings& findings) const;

 private:
  void check_holes(const Messages& messages, Findings& findings) const;
  void check_gone(const Messages& messages, Findings& findings) const;
  void check_order(const Messages& messages, const std::vector<UnheardRefusals>& refusals, Findings& findings) const;
  [[nodiscard]] static bool may_be_overtaken(const Message& message, FactNumber seen_at, const Message& later,
                                             const std::vector<UnheardRefusals>& refusals);
  [[nodiscard]] Held& at(Offset offset);
  [[nodiscard]] bool is_forgotten(const Held& held) const noexcept { return held.told_at < log_.forgets_before; }

  const KnownLog& log_;
  std::int32_t number_;
  Offset first_ = 0;  // of held_[0]
  std::vector<Held> held_;
  std::vector<Reading> readings_;
  std::vector<Range> damages_;  // by the rig
};

// All logs and partitions, and the readings under way.
class Places {
 public:
  void know(const LogKnown& log);
  void ended(End how, FactNumber at, Messages& messages);
  // Asserts that the log is known; makes the partition at its first mention.
  [[nodiscard]] PartitionHistory& partition(const std::string& log, std::int32_t number);
  [[nodiscard]] const PartitionHistory* find(const std::string& log, std::int32_t number) const;

  void begin(const ReadingBegan& fact, FactNumber at);
  void record(const ReadRecord& fact, FactNumber at, Messages& messages, Findings& findings);
  void end(const ReadingEnded& fact, Findings& findings);

  void add(UnheardRefusals refusals) { refusals_.push_back(refusals); }
  void check(const Messages& messages, Findings& findings) const;
  // PartitionHistory::count_removed_copies of all partitions, by MessageId::packed().
  [[nodiscard]] std::unordered_map<std::uint64_t, std::uint16_t> removed_copies(const Messages& messages) const;
  // Acknowledged, and in no log that may have forgotten it since.
  [[nodiscard]] bool is_remembered(const Message& message) const;
  [[nodiscard]] const std::map<std::pair<std::string, std::int32_t>, PartitionHistory>& partitions() const {
    return partitions_;
  }

 private:
  struct OpenReading {
    PartitionHistory* partition = nullptr;
    Reading reading;
    Offset expected = 0;
  };
  std::map<std::string, KnownLog> logs_;
  std::map<std::pair<std::string, std::int32_t>, PartitionHistory> partitions_;
  std::unordered_map<std::uint32_t, OpenReading> open_;
  std::vector<UnheardRefusals> refusals_;
};

}  // namespace bitacora::proof
