// A shard's pen for the session journal (session_journal.h): what a session is now, in records, on their way to the
// log.
#pragma once

#include "bridge/session_journal.h"
#include "delivery.h"
#include "session.h"
#include "shard_context.h"

namespace bitacora::bridge {

class Journal {
 public:
  // `has_mark`: the journal holds a mark of this shard already.
  Journal(ShardContext& context, const Delivery& delivery, bool has_mark)
      : context_(context), delivery_(delivery), has_mark_(has_mark) {}

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
  // All of the above but the first, and its QoS 2 ids, of a session that the journal is to know: some of it may be
  // lost.
  void write_again(Session& session);
  void write_subscription(const Subscription& subscription, Ticket ticket = {});
  void write_feed(Feed& feed);
  void write_qos2(Session& session, Ticket ticket = {});
  // A mark says that what the journal calls live is settled below it, so it is written behind every session's state
  // (a checkpoint); ensure_mark writes one only where there is none, before the shard's first session.
  void write_mark();
  void ensure_mark();
  void remove_mark();
  void remove_session(Session& session, Ticket ticket = {});
  void remove_subscription(const Subscription& subscription, Ticket ticket = {});
  void remove_feed(const Feed& feed);

  // Whether something for which nobody waits could not be written since this was asked last.
  [[nodiscard]] bool has_lost() const { return context_.queue.has_failed(context_.sessions_partition); }
  [[nodiscard]] bool take_lost() { return context_.queue.take_failed(context_.sessions_partition); }

 private:
  // As write_left and write_connected say: what is in flight, then where each feed is.
  void write_in_flight(Session& session, bool ids_known);
  void add(const JournalRecord& record, Ticket ticket);

  ShardContext& context_;
  const Delivery& delivery_;
  bool has_mark_;
};

}  // namespace bitacora::bridge
