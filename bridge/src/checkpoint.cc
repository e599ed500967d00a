#include "checkpoint.h"

#include <algorithm>

#include "base/failpoint.h"

namespace bitacora::bridge {

void Checkpoint::run_if_due() {
  if (!due_ && (context_.checkpoint_wanted || journal_.has_lost()))
    due_ = context_.now.monotonic + context_.settings->sessions.checkpoint_interval;
  if (!due_ || *due_ > context_.now.monotonic) return;
  due_.reset();
  context_.checkpoint_wanted = false;
  run();
}

void Checkpoint::run() {
  // A mark says that the journal holds what came before it. Where something is lost that must be written again, and be
  // there, before the next one.
  const bool lost = journal_.take_lost();
  if (lost) context_.checkpoint_wanted = true;
  bool any_journaled = false;
  for (const auto& [client, session] : sessions_.all()) {
    if (!session->journaled || !session->persistent()) continue;
    any_journaled = true;
    if (lost) {
      journal_.write_again(*session);
      session->dirty = true;
      continue;
    }
    if (session->qos2_dirty) journal_.write_qos2(*session);
    if (session->connection == nullptr || !session->dirty) continue;
    session->dirty = false;
    journal_.write_connected(*session);
    for (const auto& feed : session->feeds) {
      if (!feed->written_as_live) session->dirty = true;  // until it is settled it is looked at each time
    }
  }
  BITACORA_FAILPOINT("checkpoint.sessions_added");
  if (lost) return;
  if (!any_journaled) return journal_.remove_mark();
  journal_.write_mark();
  context_.metrics.session_checkpoints.add();
  BITACORA_FAILPOINT("checkpoint.mark_added");
}

}  // namespace bitacora::bridge
