// The shard's mark in the session journal: positions below which the journal says everything of the shard's sessions. A
// start reads the logs from the lowest mark on, and takes what the journal calls live for settled below it. So
//
//   * a mark is written only when everything that it vouches for is durable: not behind it in the queue, durable;
//   * what lies behind the mark in force is kept from compaction: superseded records too say which QoS 2 publishes were
//     received and which Wills were published.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "journal.h"
#include "shard_context.h"
#include "storage/compaction_hold.h"

namespace bitacora::bridge {

class Mark {
 public:
  enum class Recovered : std::uint8_t { none, in_force };  // whether the journal has one, at the shard's tails

  Mark(ShardContext& context, Journal& journal, Recovered recovered);

  // No session may be durable without one: writes the first one again until it is known to be durable. Returns for how
  // many records `ticket` has to wait.
  [[nodiscard]] std::uint32_t ensure(Ticket ticket);
  // What was written to the journal up to now says everything below the shard's tails: a mark follows when it is
  // durable. Not while one is under way.
  void follow();
  // The shard has no sessions any more. Not while one is under way.
  void remove();

  // At the end of a turn: the next step, when what the last one wrote is durable. Where something was lost there is
  // none: the checkpoint that writes it again is followed by a mark.
  void run();
  [[nodiscard]] bool is_under_way() const noexcept { return waits_for_ != Wait::nothing; }

 private:
  enum class Wait : std::uint8_t { nothing, sessions, mark, removal };
  void wait(Wait what);
  // Nothing of the logs is needed any more below `tails`.
  void vouch_for(std::vector<storage::Offset> tails);

  ShardContext& context_;
  Journal& journal_;
  bool in_force_ = false;  // one is known to be durable
  Wait waits_for_ = Wait::nothing;
  JournalEnd until_;
  std::vector<storage::Offset> next_;              // tails of the mark under way, by PartitionIndex
  std::vector<storage::Offset> vouched_;           // the same of the one in force, or of the first
  std::unique_ptr<storage::CompactionHold> hold_;  // at `vouched_`, as long as the journal may have a mark
};

}  // namespace bitacora::bridge
