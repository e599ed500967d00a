// Delivery's other half: sessions that read the log, resend what is in flight, and walk over retained messages.
#include <spdlog/spdlog.h>

#include <algorithm>

#include "base/assert.h"
#include "bridge/topic_search.h"
#include "delivery.h"

namespace bitacora::bridge {
namespace {

// What one session may do in one turn before others have theirs.
constexpr std::size_t records_per_step = 1024;

}  // namespace

void Delivery::mark_ready(Session& session) {
  if (session.ready || session.connection == nullptr) return;
  const bool behind = std::ranges::any_of(session.feeds, [](const auto& feed) { return !feed->live; });
  const bool in_group = std::ranges::any_of(
      session.memberships, [](const auto& membership) { return !membership->pending.empty() || membership->full; });
  if (!behind && !in_group && session.retained_walks.empty() && session.to_resend == 0) return;
  session.ready = true;
  ready_.push_back(&session);
}

void Delivery::start(Feed& feed) {
  BITACORA_ASSERT(!feed.live);
  context_.metrics.sessions_behind.add();
  search(feed);
  mark_ready(*feed.session);
}

// A replay reads of the log what it must. (An ordinary feed does not: its subscriptions come and go as it reads.)
void Delivery::search(Feed& feed) {
  if (!feed.is_replay() || feed.subscriptions.size() != 1) return;
  feed.cursor.search_for(search_for_topics(feed.subscriptions.front()->topic_filter));
}

void Delivery::stop(Feed& feed) {
  if (!feed.live) context_.metrics.sessions_behind.subtract();
}

void Delivery::attach(Session& session) {
  BITACORA_ASSERT(session.connection != nullptr);
  begin_resend(session);
  for (const auto& feed : session.feeds) start(*feed);
}

void Delivery::detach(Session& session) {
  for (const auto& feed : session.feeds) {
    if (feed->live) {
      leave_live(*feed, nullptr);
    } else {
      feed->cursor.release_chunk();
      stop(*feed);
    }
  }
  if (!session.persistent()) session.retained_walks.clear();  // else they go on when the client is back
  if (session.ready) {
    std::erase(ready_, &session);
    session.ready = false;
  }
}

void Delivery::forget(Session& session) {
  for (const auto& [filter, subscription] : session.subscriptions) remove(*subscription);
  session.subscriptions.clear();
}

void Delivery::on_output_drained(Session& session) {
  const std::size_t resume_below = context_.settings->sessions.max_output_bytes / 2;
  if (session.connection->mqtt.output().size() <= resume_below) mark_ready(session);
}

// --- after a reconnect [MQTT-4.4.0-1] ---

// PUBREL leaves at once [MQTT-4.3.3-6]; each PUBLISH has to wait for its turn: the client's Receive Maximum may be a
// smaller one now.
void Delivery::begin_resend(Session& session) {
  using Awaiting = InFlightMessage::Awaiting;
  session.to_resend = 0;
  for (InFlightMessage& message : session.in_flight.messages()) {
    message.to_resend = message.awaiting == Awaiting::puback || message.awaiting == Awaiting::pubrec;
    session.to_resend += message.to_resend ? 1 : 0;
    if (message.to_resend) continue;
    session.connection->mqtt.submit(mqtt::Pubrel{{message.packet_id(), mqtt::ReasonCode::success, {}}});
  }
  context_.touch(*session.connection);
}

Delivery::Step Delivery::step_resend(Session& session) {
  using Awaiting = InFlightMessage::Awaiting;
  std::vector<mqtt::PacketId> lost;
  Step last = Step::done;
  for (InFlightMessage& message : session.in_flight.messages()) {
    if (session.to_resend == 0) break;
    if (!message.to_resend) continue;
    const auto qos = message.awaiting == Awaiting::puback ? mqtt::QoS::at_least_once : mqtt::QoS::exactly_once;
    if (room(session, qos) != Room::free) {
      last = Step::blocked;
      break;
    }
    const bool sent = publish_in_flight(session, message, qos, mqtt::Dup::yes);  // [MQTT-3.3.1-1]
    if (!sent && ends_as_unreadable(session)) {
      last = Step::blocked;
      break;
    }
    sent_again(session, message);
    if (!sent) {
      lost.push_back(message.packet_id());
    }
    context_.metrics.deliveries_repeated.add();
  }
  for (const mqtt::PacketId id : lost) finish(session, id);
  context_.touch(*session.connection);
  return last;
}

// A record that is there and could not be read is not to be passed over. The client's next connection, or the group's
// next owner, tries again.
bool Delivery::ends_as_unreadable(Session& session) {
  if (!fetcher_.failed() || session.connection == nullptr) return false;
  spdlog::error("client {}: a message for it could not be read; its connection is closed", session.client_id);
  session.connection->mqtt.close(mqtt::ReasonCode::implementation_specific_error, "a message could not be read");
  context_.touch(*session.connection);
  return true;
}

void Delivery::sent_again(Session& session, InFlightMessage& message) {
  if (!message.to_resend) return;
  message.to_resend = false;
  --session.to_resend;
}

bool Delivery::publish_in_flight(Session& session, InFlightMessage& in_flight, mqtt::QoS qos, mqtt::Dup dup) {
  const storage::RecordView* record = fetcher_.fetch(*in_flight.partition, in_flight.offset);
  const Message* message = record == nullptr ? nullptr : decoder_.decode(*record);
  if (message == nullptr) {
    if (fetcher_.failed()) return false;
    // Retention or compaction took it, or it cannot be read any more.
    context_.metrics.records_skipped_retention.add();
    return false;
  }
  const bool may_still = in_flight.feed != nullptr ? in_flight.feed->may_deliver(message->topic)
                                                   : session.rights.may(identity::Action::subscribe, message->topic);
  if (!may_still) return false;
  if (in_flight.partition == &context_.retained_partition && is_revoked(*message)) return false;
  mqtt::Publish publish;
  publish.topic = message->topic;
  publish.payload = message->payload;
  publish.qos = qos;
  publish.dup = dup;
  publish.retain = in_flight.retain;
  publish.packet_id = in_flight.packet_id();
  publish.properties = message->properties;
  if (in_flight.feed != nullptr) {
    if (const auto match = match_in_feed(*in_flight.feed, *message, {in_flight.partition, in_flight.offset})) {
      publish.properties.subscription_identifiers = match->identifiers;
    }
  } else if (in_flight.identifier != 0) {
    publish.properties.subscription_identifiers = {in_flight.identifier};
  }
  // An expiry that has passed does not end what was begun [MQTT-4.3.3-7]; after clearing nothing was yet.
  if (dup == mqtt::Dup::no && remaining_expiry(*message, context_.now.wall_ms) == 0U) {
    context_.metrics.deliveries_expired.add();
    return false;
  }
  return submit_with_notes(session, publish, in_flight, *message);
}

// --- moving on ---

// What is in flight first, then retained messages, then each feed that is behind, until the budget or the room ends. A
// session that only waits for its client is not put back: on_ack and on_output_drained do that.
void Delivery::step(Session& session) {
  std::size_t budget = records_per_step;
  Step last = step_resend(session);
  if (last == Step::done) last = step_retained(session, budget);
  for (std::size_t i = 0; i < session.feeds.size() && last == Step::done; ++i) {
    Feed& feed = *session.feeds[i];
    if (!feed.live) last = step_feed(feed, budget);
  }
  const auto ended = [&] { return session.connection != nullptr && session.connection->mqtt.closed(); };
  for (const auto& membership : session.memberships) {
    if (ended()) return;
    if (step_membership(*membership, budget) == Step::go_on) last = Step::go_on;
  }
  if (last == Step::go_on) mark_ready(session);
}

void Delivery::run() {
  for (std::size_t left = ready_.size(); left > 0; --left) {
    Session* session = ready_.front();
    ready_.pop_front();
    session->ready = false;
    step(*session);
  }
  if (ready_.empty()) fetcher_.release();
}

Delivery::Step Delivery::step_retained(Session& session, std::size_t& budget) {
  while (!session.retained_walks.empty()) {
    RetainedWalk& walk = session.retained_walks.front();
    if (is_system_filter(walk.filter)) {
      if (step_system(session, walk) == Step::blocked) return Step::blocked;
      session.retained_walks.erase(session.retained_walks.begin());
      continue;
    }
    if (room(session, walk.maximum_qos) != Room::free) return Step::blocked;
    const RetainedIndex::Found found = retained_.next(walk.filter, walk.after, budget);
    if (found.topic == nullptr) {
      if (!found.stopped_at) {
        session.retained_walks.erase(session.retained_walks.begin());
        continue;
      }
      walk.after = found.stopped_at;
      return Step::go_on;
    }
    walk.after = *found.topic;
    if (found.entry.has_expired(context_.now.wall_ms)) continue;
    if (!session.rights.may(identity::Action::subscribe, *found.topic)) continue;
    const storage::RecordView* record = fetcher_.fetch(context_.retained_partition, found.entry.offset);
    const Message* message = record == nullptr ? nullptr : decoder_.decode(*record);
    if (message == nullptr && ends_as_unreadable(session)) return Step::blocked;
    if (message == nullptr || is_revoked(*message)) continue;
    send_retained_message(session, walk, *message, found.entry.offset);
  }
  return Step::done;
}

bool Delivery::is_revoked(const Message& message) {
  if (publisher_rights_.still_hold(message)) return false;
  context_.metrics.retained_not_authorized.add();
  return true;
}

void Delivery::send_retained_message(Session& session, const RetainedWalk& walk, const Message& message,
                                     storage::Offset offset) {
  if (walk.no_local && message.client_id == session.client_id) return;  // [MQTT-3.8.3-3]
  mqtt::Publish publish;
  publish.topic = message.topic;
  publish.payload = message.payload;
  publish.qos = std::min(message.qos, walk.maximum_qos);
  publish.retain = mqtt::Retain::yes;
  publish.properties = message.properties;
  if (walk.identifier != 0) publish.properties.subscription_identifiers = {walk.identifier};
  transmit(session, publish, {0, &context_.retained_partition, offset, nullptr, {}, mqtt::Retain::yes, walk.identifier},
           message);
}

// Limits follow the shard's tail, which may be behind the committed offset: what lies between comes over the live path.
void Delivery::refresh_cursor(Feed& feed) {
  for (const PartitionPosition& position : feed.cursor.positions()) {
    feed.cursor.set_limit(*position.partition, context_.tail_of(*position.partition));
  }
  if (feed.is_replay() && feed.only.log == nullptr) return;
  for (const PartitionPosition& tail : tail_positions(feed)) {
    if (feed.cursor.position_of(*tail.partition) != nullptr) continue;
    const storage::Offset start = std::min(tail.partition->offsets().log_start, tail.offset);  // a log made meanwhile
    feed.cursor.add({tail.partition, start, tail.offset});
  }
}

Delivery::Step Delivery::step_feed(Feed& feed, std::size_t& budget) {
  refresh_cursor(feed);
  while (budget > 0) {
    auto record = feed.cursor.next();
    if (!record) {
      spdlog::error("client {}: reading the log for \"{}\" failed: {}; the session is closed and may resume",
                    feed.session->client_id, feed.name, record.error().message);
      feed.session->connection->mqtt.close(mqtt::ReasonCode::implementation_specific_error, record.error().message);
      context_.touch(*feed.session->connection);
      return Step::blocked;
    }
    if (!*record) {
      if (const auto gap = feed.cursor.take_gap()) {
        report_gap(feed, *gap);
        continue;
      }
      if (feed.cursor.is_searching()) return Step::go_on;  // others first
      go_live(feed);
      return Step::done;
    }
    --budget;
    switch (catch_up_record(feed, **record)) {
      case Room::free: break;
      case Room::socket_full:
        feed.cursor.put_back();
        feed.cursor.release_chunk();  // a reader that stopped costs its position only
        return Step::blocked;
      case Room::window_full: feed.cursor.put_back(); return Step::blocked;
    }
  }
  return Step::go_on;
}

Delivery::Room Delivery::catch_up_record(Feed& feed, const CursorRecord& record) {
  const Message* message = decoder_.decode(record.record);
  if (message == nullptr) return Room::free;
  const Place place{record.partition, record.record.offset};
  const auto match = match_in_feed(feed, *message, place);
  if (!match) return Room::free;
  const std::uint32_t index = place.partition->index().value();
  const bool was_offline = index < feed.skip_qos0_below.size() && place.offset < feed.skip_qos0_below[index];
  if (was_offline && std::min(message->qos, match->maximum_qos) == mqtt::QoS::at_most_once) return Room::free;
  return send(*match, *message, place);
}

void Delivery::report_gap(Feed& feed, const Gap& gap) {
  const auto count = static_cast<std::uint64_t>(gap.offsets.end - gap.offsets.begin);
  const bool damage = gap.cause == Gap::Cause::damage;
  (damage ? context_.metrics.records_skipped_damage : context_.metrics.records_skipped_retention).add(count);
  const std::string where = gap.partition->log_name() + "/" + std::to_string(gap.partition->number());
  spdlog::warn("client {}: {} records of {} from offset {} to before {} were {} before it could read them",
               feed.session->client_id, count, where, gap.offsets.begin, gap.offsets.end,
               damage ? "damaged" : "removed by retention");
  if (!feed.session->gap_notice.empty()) feed.session->gap_notice += ' ';
  feed.session->gap_notice += where + ":" + std::to_string(gap.offsets.begin) + "-" + std::to_string(gap.offsets.end) +
                              (damage ? ":damage" : ":retention");
}

}  // namespace bitacora::bridge
