// Every now and then what the connected sessions' cursors are is written down, and when that is durable a mark: what a
// kill can cost a subscriber is to see again what it acknowledged since.
#pragma once

#include <optional>

#include "journal.h"
#include "mark.h"
#include "session_table.h"
#include "shard_context.h"

namespace bitacora::bridge {

class Checkpoint {
 public:
  Checkpoint(ShardContext& context, SessionTable& sessions, Journal& journal, Mark& mark)
      : context_(context), sessions_(sessions), journal_(journal), mark_(mark) {}

  // At the end of a turn: plans one when something has moved, runs it when its time has come.
  void run_if_due();
  // None while the last one waits for the committer.
  [[nodiscard]] std::optional<MonotonicTime> due() const noexcept { return mark_.is_under_way() ? std::nullopt : due_; }

 private:
  void run();
  // Of the publishes whose records retention may remove before a checkpoint of the next start.
  void write_qos2_ids();

  ShardContext& context_;
  SessionTable& sessions_;
  Journal& journal_;
  Mark& mark_;
  std::optional<MonotonicTime> due_;
};

}  // namespace bitacora::bridge
