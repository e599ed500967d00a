#include "journal.h"

namespace bitacora::bridge {
namespace {

// Of a connected client, once a checkpoint interval: 4 KiB at most.
constexpr std::size_t max_in_flight_written = 64;

NamedPositions named(std::span<const PartitionPosition> positions) {
  NamedPositions result;
  result.reserve(positions.size());
  for (const PartitionPosition& position : positions) {
    result.push_back({position.partition->log_name(), position.partition->number(), position.offset});
  }
  return result;
}

// `offsets` by PartitionIndex; those of the server's own logs are left out.
NamedPositions named_by_index(const storage::Store& store, std::span<const storage::Offset> offsets) {
  NamedPositions result;
  for (std::uint32_t i = 0; i < offsets.size(); ++i) {
    const storage::Partition& partition = store.partition(storage::PartitionIndex(i));
    if (!partition.is_internal()) result.push_back({partition.log_name(), partition.number(), offsets[i]});
  }
  return result;
}

}  // namespace

void Journal::add(const JournalRecord& record, Ticket ticket) {
  storage::RecordView view;
  view.timestamp = context_.now.wall_ms;
  view.key = record.key;
  if (record.value) view.value = *record.value;
  context_.queue.add(context_.sessions_partition, view, ticket);
}

void Journal::write_session(Session& session, Ticket ticket) {
  session.journaled = true;
  add(encode(SessionEntry{session.client_id, session.epoch, session.version, session.expiry_s, session.disconnected_at,
                          session.principal.user}),
      ticket);
}

void Journal::write_will(Session& session) {
  if (session.will) {
    add(encode(WillEntry{session.client_id, session.epoch, *session.will}), {});
  } else if (session.will_journaled) {
    add(will_tombstone(session.client_id), {});
  }
  session.will_journaled = session.will.has_value();
}

void Journal::write_left(Session& session) { write_in_flight(session, !session.restored); }

void Journal::write_connected(Session& session) {
  const std::size_t count = session.in_flight.size();
  if (count == 0 || count > max_in_flight_written) return write_back(session);
  write_in_flight(session, false);
}

void Journal::write_in_flight(Session& session, bool ids_known) {
  InFlightEntry entry{session.client_id, session.epoch, ids_known, session.in_flight.next_sequence(), {}};
  for (const InFlightMessage& message : session.in_flight.messages()) {
    const bool of_group = message.feed != nullptr && message.feed->is_group();
    if (of_group && session.connection != nullptr) continue;  // its home gives it out again
    entry.messages.push_back({message.sequence,
                              {message.partition->log_name(), message.partition->number(), message.offset},
                              message.feed == nullptr ? std::nullopt : std::optional(message.feed->name),
                              message.awaiting,
                              message.retain,
                              message.identifier});
  }
  add(encode(entry), {});
  session.in_flight_journaled = true;
  for (const auto& feed : session.feeds) {
    add(encode(FeedEntry{session.client_id, feed->name, session.epoch, false, named(delivery_.positions_of(*feed))}),
        {});
    feed->written = true;
    feed->written_as_live = false;
  }
}

void Journal::write_back(Session& session) {
  for (const auto& feed : session.feeds) write_feed(*feed);
  if (session.in_flight_journaled) add(in_flight_tombstone(session.client_id), {});
  session.in_flight_journaled = false;
}

void Journal::write_again(Session& session) {
  // What says that something is no more may be what was lost.
  session.will_journaled = true;
  write_will(session);
  if (!session.persistent()) return;
  write_qos2(session);
  if (session.connection == nullptr) return write_left(session);
  for (const auto& feed : session.feeds) feed->written = false;
  session.in_flight_journaled = true;
  write_connected(session);
}

void Journal::write_subscription(const Subscription& subscription, Ticket ticket) {
  const Session& session = *subscription.feed->session;
  SubscriptionEntry entry{session.client_id,    subscription.filter,     session.epoch,
                          subscription.options, subscription.identifier, {}};
  if (subscription.start) entry.start = named_by_index(context_.store, *subscription.start);
  add(encode(entry), ticket);
}

void Journal::write_feed(Feed& feed) {
  const Session& session = *feed.session;
  const auto settled = delivery_.settled_positions(session, feed);
  if (!settled && feed.written && feed.written_as_live) return;
  const auto positions = named(settled ? *settled : delivery_.tail_positions(feed));
  const FeedEntry entry{session.client_id, feed.name, session.epoch, !settled.has_value(), positions};
  feed.written = true;
  feed.written_as_live = entry.live;
  add(encode(entry), {});
}

void Journal::write_qos2(Session& session, Ticket ticket) {
  session.qos2_dirty = false;
  Qos2Entry entry{session.client_id, session.epoch, session.qos2.complete_below(), {}};
  for (const auto& [id, received] : session.qos2.received) {
    if (received.committed) entry.received.push_back({id, received.sequence, received.digest});
  }
  for (const auto& refused : session.qos2.refused) entry.refused.push_back({refused.packet_id, refused.sequence});
  add(encode(entry), ticket);
}

void Journal::write_mark(std::span<const storage::Offset> tails, Ticket ticket) {
  add(encode(MarkEntry{context_.index.value(), named_by_index(context_.store, tails)}), ticket);
}

void Journal::remove_mark() { add(mark_tombstone(context_.index.value()), {}); }

void Journal::remove_session(Session& session, Ticket ticket) {
  forget_settled_removals();
  std::vector<JournalRecord> tombstones;
  for (const auto& [filter, subscription] : session.subscriptions) {
    tombstones.push_back(subscription_tombstone(session.client_id, filter));
  }
  for (const auto& feed : session.feeds) tombstones.push_back(feed_tombstone(session.client_id, feed->name));
  tombstones.push_back(qos2_tombstone(session.client_id));
  if (session.will_journaled) tombstones.push_back(will_tombstone(session.client_id));
  if (session.in_flight_journaled) tombstones.push_back(in_flight_tombstone(session.client_id));
  for (const JournalRecord& tombstone : tombstones) add(tombstone, {});
  tombstones.push_back(session_tombstone(session.client_id));
  add(tombstones.back(), ticket);
  session.will_journaled = session.in_flight_journaled = session.journaled = false;
  removals_.push_back({session.client_id, std::move(tombstones), end()});
}

void Journal::write_removals_again(const std::function<bool(std::string_view client)>& is_gone) {
  for (Removal& removal : removals_) {
    if (is_gone(removal.client)) {
      for (const JournalRecord& tombstone : removal.tombstones) add(tombstone, {});
    }
    removal.end = end();
  }
}

void Journal::forget_settled_removals() {
  if (has_lost()) return;
  while (!removals_.empty() && is_settled(removals_.front().end)) removals_.pop_front();
}

void Journal::remove_subscription(const Subscription& subscription, Ticket ticket) {
  add(subscription_tombstone(subscription.feed->session->client_id, subscription.filter), ticket);
}

void Journal::remove_feed(const Feed& feed) { add(feed_tombstone(feed.session->client_id, feed.name), {}); }

}  // namespace bitacora::bridge
