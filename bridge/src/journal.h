// A shard's pen for the session journal (session_journal.h): what a session is now, in records, on their way to the
// log.
#pragma once

#include <deque>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/strong.h"
#include "bridge/session_journal.h"
#include "delivery.h"
#include "session.h"
#include "shard_context.h"

namespace bitacora::bridge {

// A place in what this shard has written to the journal: everything before it.
using JournalEnd = Strong<struct JournalEndTag, std::uint64_t>;

class Journal {
 public:
  Journal(ShardContext& context, const Delivery& delivery) : context_(context), delivery_(delivery) {}

  // `ticket` hears when the record is durable; Ticket{} if nobody waits.
  void write_session(Session& session, Ticket ticket = {});
  // What the session's Will is now; nothing where it has none and the journal knows of none.
  void write_will(Session& session);
  // The client has left: what is in flight, then each feed's own position (write_feed's is where all before it is
  // settled, and would bring back what is in flight). In this order: a part of it means duplicates and no loss.
  void write_left(Session& session);
  // It is connected, and something has moved: the same where little is in flight, so that a start after a kill sends it
  // again with the same packet ids and DUP; else as write_back.
  void write_connected(Session& session);
  // It is back: each feed where all before it is settled, and no more of what was in flight. In this order too.
  void write_back(Session& session);
  // All of the above but the first, and its QoS 2 ids, of a session that the journal knows: some of it may be lost.
  void write_again(Session& session);
  void write_subscription(const Subscription& subscription, Ticket ticket = {});
  void write_feed(Feed& feed);
  void write_qos2(Session& session, Ticket ticket = {});
  // mark.h says when. `tails` by PartitionIndex.
  void write_mark(std::span<const storage::Offset> tails, Ticket ticket = {});
  void remove_mark();
  void remove_session(Session& session, Ticket ticket = {});
  // Of the sessions removed whose removal may be lost: those of clients for which `is_gone` is true.
  void write_removals_again(const std::function<bool(std::string_view client)>& is_gone);
  void remove_subscription(const Subscription& subscription, Ticket ticket = {});
  void remove_feed(const Feed& feed);

  // What was written so far; once is_settled(), it is durable unless something is lost.
  [[nodiscard]] JournalEnd end() const { return JournalEnd(context_.queue.added(context_.sessions_partition)); }
  [[nodiscard]] bool is_settled(JournalEnd end) const {
    return context_.queue.settled(context_.sessions_partition) >= end.value();
  }
  // Whether something could not be written since take_lost() was asked last.
  [[nodiscard]] bool has_lost() const { return context_.queue.has_failed(context_.sessions_partition); }
  [[nodiscard]] bool take_lost() { return context_.queue.take_failed(context_.sessions_partition); }

 private:
  // As write_left and write_connected say: what is in flight, then where each feed is.
  void write_in_flight(Session& session, bool ids_known);
  void add(const JournalRecord& record, Ticket ticket);
  void forget_settled_removals();

  ShardContext& context_;
  const Delivery& delivery_;
  struct Removal {
    std::string client;
    std::vector<JournalRecord> tombstones;
    JournalEnd end;
  };
  std::deque<Removal> removals_;  // those not known to be durable
};

}  // namespace bitacora::bridge
