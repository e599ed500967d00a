#include "mark.h"

#include <limits>
#include <utility>

#include "base/assert.h"
#include "base/failpoint.h"

namespace bitacora::bridge {

Mark::Mark(ShardContext& context, Journal& journal, Recovered recovered)
    : context_(context), journal_(journal), in_force_(recovered == Recovered::in_force) {
  if (in_force_) vouch_for(context_.tails);
}

std::uint32_t Mark::ensure(Ticket ticket) {
  if (in_force_) return 0;
  if (hold_ == nullptr) vouch_for(context_.tails);
  journal_.write_mark(vouched_, ticket);
  if (!is_under_way() || waits_for_ == Wait::removal) {
    next_ = vouched_;
    wait(Wait::mark);
  }
  return 1;
}

void Mark::follow() {
  BITACORA_ASSERT(!is_under_way());
  if (hold_ == nullptr) vouch_for(context_.tails);
  next_ = context_.tails;
  wait(Wait::sessions);
}

void Mark::remove() {
  BITACORA_ASSERT(!is_under_way());
  if (hold_ == nullptr) return;
  journal_.remove_mark();
  in_force_ = false;
  wait(Wait::removal);
}

void Mark::run() {
  if (!is_under_way() || !journal_.is_settled(until_)) return;
  const Wait waited_for = std::exchange(waits_for_, Wait::nothing);
  if (journal_.has_lost()) return;
  switch (waited_for) {
    case Wait::nothing: break;
    case Wait::sessions:
      journal_.write_mark(next_);
      context_.metrics.session_checkpoints.add();
      BITACORA_FAILPOINT("checkpoint.mark_added");
      wait(Wait::mark);
      break;
    case Wait::mark:
      in_force_ = true;
      vouch_for(std::move(next_));
      break;
    case Wait::removal: hold_.reset(); break;
  }
}

void Mark::wait(Wait what) {
  waits_for_ = what;
  until_ = journal_.end();
}

void Mark::vouch_for(std::vector<storage::Offset> tails) {
  std::vector<storage::Offset> held = tails;
  vouched_ = std::move(tails);
  // The journal itself is read as a whole: what is superseded there says nothing.
  const std::uint32_t journal = context_.sessions_partition.index().value();
  if (journal < held.size()) held[journal] = std::numeric_limits<storage::Offset>::max();
  if (hold_ == nullptr) {
    hold_ = context_.store.hold_compaction(std::move(held));
  } else {
    hold_->move_to(std::move(held));
  }
}

}  // namespace bitacora::bridge
