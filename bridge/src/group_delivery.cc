// Delivery's third part: records that a group's home has handed over to a member.
#include <algorithm>

#include "delivery.h"

namespace bitacora::bridge {

std::size_t Delivery::window_of(const Session& session) const {
  const std::size_t limit = context_.settings->sessions.max_in_flight;
  if (session.connection == nullptr) return limit;
  return std::min<std::size_t>(limit, session.connection->mqtt.client_receive_maximum());  // [MQTT-3.3.4-9]
}

Delivery::Fate Delivery::deliver(Feed& feed, const RecordPlace& place) {
  Session& session = *feed.session;
  const storage::RecordView* record = fetcher_.fetch(*place.partition, place.offset);
  const Message* message = record == nullptr ? nullptr : decoder_.decode(*record);
  if (message == nullptr) {
    if (ends_as_unreadable(session)) return Fate::unreadable;
    context_.metrics.records_skipped_retention.add();
    return Fate::settled;
  }
  const auto match = match_in_feed(feed, *message, {place.partition, place.offset});
  if (!match) return Fate::settled;
  const std::size_t in_flight = session.in_flight.size();
  // At the QoS that this member was granted [MQTT-4.8.2-3].
  if (send(*match, *message, {place.partition, place.offset}) != Room::free) return Fate::no_room;
  return session.in_flight.size() > in_flight ? Fate::in_flight : Fate::settled;
}

// A $share's member hands back what it has no room for: another may have it. A partition's owner keeps it, since nobody
// else may.
Delivery::Step Delivery::step_membership(Membership& membership, std::size_t& budget) {
  Session& session = *membership.feed.session;
  while (!membership.pending.empty()) {
    if (budget == 0) return Step::go_on;
    --budget;
    const RecordPlace place = membership.pending.front();
    const Fate fate = deliver(membership.feed, place);
    if (fate == Fate::unreadable) return Step::blocked;
    if (fate == Fate::no_room) {
      if (membership.kind == GroupKind::partitioned) return Step::blocked;
      membership.full = true;
      context_.tell_home(membership, MemberFull{{membership.pending.begin(), membership.pending.end()}});
      membership.pending.clear();
      return Step::blocked;
    }
    membership.pending.pop_front();
    if (fate == Fate::settled) context_.report_settled(membership, place);
  }
  const bool wants_more = membership.full && !membership.feed.subscriptions.empty();
  if (wants_more && room(session, membership.feed.subscriptions.front()->options.maximum_qos) == Room::free) {
    membership.full = false;
    context_.tell_home(membership, MemberHasRoom{});
  }
  return Step::done;
}

}  // namespace bitacora::bridge
