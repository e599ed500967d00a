#include "checkpoint.h"

#include <algorithm>

#include "base/failpoint.h"

namespace bitacora::bridge {

void Checkpoint::run_if_due() {
  mark_.run();
  if (context_.shutting_down) write_qos2_ids();
  if (!due_ && (context_.checkpoint_wanted || journal_.has_lost()))
    due_ = context_.now.monotonic + context_.settings->sessions.checkpoint_interval;
  if (!due_ || *due_ > context_.now.monotonic || mark_.is_under_way()) return;
  due_.reset();
  context_.checkpoint_wanted = false;
  run();
}

void Checkpoint::write_qos2_ids() {
  for (const auto& [client, session] : sessions_.all()) {
    if (session->journaled && session->persistent() && session->qos2_dirty) journal_.write_qos2(*session);
  }
}

void Checkpoint::run() {
  const bool lost = journal_.take_lost();
  if (lost)
    journal_.write_removals_again([this](std::string_view client) {
      const Session* session = sessions_.find(client);
      return session == nullptr || !session->journaled;
    });
  bool any_journaled = false;
  for (const auto& [client, session] : sessions_.all()) {
    if (!session->journaled) continue;
    any_journaled = true;
    if (lost) {
      journal_.write_again(*session);
      session->dirty = true;
      continue;
    }
    if (!session->persistent()) continue;  // the journal knows it for its Will's sake
    if (session->qos2_dirty) journal_.write_qos2(*session);
    if (session->connection == nullptr || !session->dirty) continue;
    session->dirty = false;
    journal_.write_connected(*session);
    for (const auto& feed : session->feeds) {
      if (!feed->written_as_live) session->dirty = true;  // until it is settled it is looked at each time
    }
  }
  BITACORA_FAILPOINT("checkpoint.sessions_added");
  if (!any_journaled) return mark_.remove();
  mark_.follow();
}

}  // namespace bitacora::bridge
