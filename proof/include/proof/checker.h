// Decides, from facts alone, whether the promise was kept. One checker for every rig: it knows nothing of the server
// but what clients and readers were told.
//
//   I1   every acknowledged message is readable, byte-identical, where its receipt says
//   I2   offsets are dense, strictly rising, never used again for something else
//   I3   a replay gives the same sequence each time
//   I4   nothing is readable that no client sent
//   I5   a publisher's order is kept inside a partition (QoS 1 and 2 among themselves, QoS 0 among themselves)
//   I6   QoS 2 and QoS 0: never twice; QoS 1: not more often than it was sent
//   I7   a group's committed offset is not past the log's end and never goes back without an event
//   I8   the retained value of a topic is its last acknowledged retained publish
//   I9   wrong bytes are never served
//   I10  when the fault has ended, the server is ready in time, by itself
//   I11  every truncation, quarantine and refusal is reported and counted
//   D1   what was acknowledged at QoS 1 or 2 reached every subscriber that was to get it
//   D2   of one partition's records the first copies reach a subscriber in their order
//   D3   a group's position is never past a record that no member has acknowledged
//
// What a log does not promise is not asked of it: removed records where retention runs (but only if they are known to
// have been below the log start offset: without receipts, take readings before retention runs), acknowledged records
// of an `async` log before a power cut and of a `memory` log before any end of the server.
//
// What is held in memory: about 70 bytes a publish and 24 a record.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proof/fact.h"

namespace bitacora::proof {

enum class Invariant : std::uint8_t { I1, I2, I3, I4, I5, I6, I7, I8, I9, I10, I11, D1, D2, D3 };
inline constexpr std::array<std::string_view, 14> invariant_names{"I1", "I2", "I3",  "I4",  "I5", "I6", "I7",
                                                                  "I8", "I9", "I10", "I11", "D1", "D2", "D3"};
[[nodiscard]] constexpr std::string_view name_of(Invariant invariant) noexcept {
  return invariant_names[static_cast<std::size_t>(invariant)];
}

struct Breach {
  Invariant invariant = Invariant::I1;
  std::string evidence;  // "orders/0 offset 812 held p1#17 and holds p2#3 now"
};

struct Totals {
  std::uint64_t published = 0;     // messages
  std::uint64_t sent_again = 0;    // attempts beyond the first
  std::uint64_t acknowledged = 0;  // messages
  std::uint64_t refused = 0;
  std::uint64_t records_read = 0;
  std::uint64_t delivered = 0;
  std::uint64_t server_ends = 0;
  friend bool operator==(const Totals&, const Totals&) = default;
};

struct Verdict {
  std::vector<Breach> breaches;  // the first few of each invariant, by invariant
  std::array<std::uint64_t, invariant_names.size()> counts{};
  Totals totals;
  [[nodiscard]] bool kept() const noexcept { return breaches.empty(); }
  [[nodiscard]] bool broke(Invariant invariant) const noexcept {
    return counts[static_cast<std::size_t>(invariant)] != 0;
  }
};
// One line for each breach: "I2: orders/0 offset 812 ...", and how many there are beyond those shown.
[[nodiscard]] std::string to_text(const Verdict& verdict);

struct CheckerOptions {
  std::int64_t ready_within_ms = 60'000;  // I10
};

class Checker {
 public:
  explicit Checker(CheckerOptions options = {});
  ~Checker();
  Checker(Checker&&) noexcept;
  Checker& operator=(Checker&&) noexcept;

  // A fact that contradicts the ledger itself (an acknowledgement of what was never published, a record of a reading
  // that has not begun) is the rig's fault and aborts.
  void take(const Fact& fact);
  // Over all that was taken. What was acknowledged must be in the last whole reading of its partition; a partition
  // that holds acknowledged records and was never read from its log start breaks I1.
  [[nodiscard]] Verdict verdict() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace bitacora::proof
