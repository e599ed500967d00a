// Every now and then what the connected sessions' cursors are is written down, then a mark: what a kill can cost a
// subscriber is to see again what it acknowledged since.
#pragma once

#include <optional>

#include "journal.h"
#include "session_table.h"
#include "shard_context.h"

namespace bitacora::bridge {

class Checkpoint {
 public:
  Checkpoint(ShardContext& context, SessionTable& sessions, Journal& journal)
      : context_(context), sessions_(sessions), journal_(journal) {}

  // At the end of a turn: plans one when something has moved, runs it when its time has come.
  void run_if_due();
  [[nodiscard]] std::optional<MonotonicTime> due() const noexcept { return due_; }

 private:
  void run();

  ShardContext& context_;
  SessionTable& sessions_;
  Journal& journal_;
  std::optional<MonotonicTime> due_;
};

}  // namespace bitacora::bridge
