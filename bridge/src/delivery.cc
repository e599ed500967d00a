#include "delivery.h"

#include <algorithm>

#include "base/assert.h"

namespace bitacora::bridge {
namespace {

constexpr std::size_t max_cached_topics = 1 << 14;
constexpr std::size_t max_dropped_at_once = 1024;  // expired retained messages

}  // namespace

// --- subscriptions ---

void Delivery::add(Subscription& subscription) {
  subscription.feed->subscriptions.push_back(&subscription);
  context_.metrics.subscriptions.add();
  if (subscription.feed->is_group()) return;  // its home reads the log
  tree_.insert(subscription.topic_filter, &subscription);
  match_cache_.clear();
}

void Delivery::remove(Subscription& subscription) {
  std::erase(subscription.feed->subscriptions, &subscription);
  context_.metrics.subscriptions.subtract();
  if (subscription.feed->is_group()) return;
  const bool was_there = tree_.erase(subscription.topic_filter, &subscription);
  BITACORA_ASSERT(was_there);
  match_cache_.clear();
}

void Delivery::send_retained(Session& session, const Subscription& subscription) {
  // A newer subscription to the same filter takes the place of its walk [MQTT-3.8.4-4].
  std::erase_if(session.retained_walks,
                [&](const RetainedWalk& walk) { return walk.filter == subscription.topic_filter; });
  session.retained_walks.push_back({subscription.topic_filter, subscription.options.maximum_qos,
                                    subscription.identifier, subscription.options.no_local, std::nullopt});
  mark_ready(session);
}

const std::vector<Delivery::FeedMatch>& Delivery::matches_of(std::string_view topic) {
  if (const auto cached = match_cache_.find(topic); cached != match_cache_.end()) return cached->second;
  if (match_cache_.size() >= max_cached_topics) match_cache_.clear();
  std::vector<FeedMatch> matches;  // one copy a feed, each with its own identifiers [MQTT-3.3.4-5]
  tree_.match(topic, [&](Subscription* subscription) {
    if (!subscription->feed->may_deliver(topic)) return;
    auto match = std::ranges::find(matches, subscription->feed, &FeedMatch::feed);
    if (match == matches.end())
      match = matches.insert(matches.end(), FeedMatch{subscription->feed, {}, false, false, {}});
    match->maximum_qos = std::max(match->maximum_qos, subscription->options.maximum_qos);  // [MQTT-3.3.4-2]
    match->retain_as_published |= subscription->options.retain_as_published;
    match->no_local |= subscription->options.no_local;
    // [MQTT-3.3.4-3] [MQTT-3.3.4-4]
    if (subscription->identifier != 0) match->identifiers.push_back(subscription->identifier);
  });
  return match_cache_.emplace(topic, std::move(matches)).first->second;
}

std::optional<Delivery::FeedMatch> Delivery::match_in_feed(const Feed& feed, const Message& message,
                                                           const Place& place) const {
  std::optional<FeedMatch> match;
  if (!feed.may_deliver(message.topic)) return match;
  const bool own = message.client_id == feed.session->client_id;
  for (const Subscription* subscription : feed.subscriptions) {
    if (own && subscription->options.no_local) continue;  // [MQTT-3.8.3-3]
    if (subscription->start) {
      const std::uint32_t index = place.partition->index().value();
      if (index < subscription->start->size() && place.offset < (*subscription->start)[index]) continue;
    }
    if (!mqtt::matches(subscription->topic_filter, message.topic)) continue;  // [MQTT-3.3.2-3]
    if (!match) match = FeedMatch{const_cast<Feed*>(&feed), {}, false, false, {}};
    match->maximum_qos = std::max(match->maximum_qos, subscription->options.maximum_qos);
    match->retain_as_published |= subscription->options.retain_as_published;
    if (subscription->identifier != 0) match->identifiers.push_back(subscription->identifier);
  }
  return match;
}

// --- the live path ---

void Delivery::on_batch(const storage::CommittedBatch& batch) {
  const bool retained = batch.partition == &context_.retained_partition;
  const bool wanted = retained || (!batch.partition->is_internal() && tree_.size() != 0);
  const storage::BatchView view = storage::BatchView::trusted(batch.bytes);
  if (wanted && !view.is_control()) {
    storage::RecordReader reader(view);
    while (true) {
      auto record = reader.next();          // in the log's order [MQTT-4.6.0-5] [MQTT-4.6.0-6]
      BITACORA_ASSERT(record.has_value());  // the committer sealed it
      if (!*record) break;
      if (retained) {
        apply_retained(**record);
      } else {
        on_record({batch.partition, (*record)->offset}, **record);
      }
    }
  }
  context_.set_tail(*batch.partition, batch.next_offset);
}

void Delivery::apply_retained(const storage::RecordView& record) {
  const std::size_t before = retained_.size();
  retained_.apply(record);
  count_retained(before);
}

void Delivery::drop_expired_retained() {
  const std::size_t before = retained_.size();
  retained_.drop_expired(context_.now.wall_ms, max_dropped_at_once);
  count_retained(before);
}

void Delivery::count_retained(std::size_t before) {
  if (context_.index.value() != 0) return;                            // every shard has the same view; one counts
  context_.metrics.retained_messages.add(retained_.size() - before);  // wraps around where it is fewer
}

void Delivery::on_record(const Place& place, const storage::RecordView& record) {
  const auto topic = MessageDecoder::topic_of(record);
  if (!topic) return;
  const auto& matches = matches_of(*topic);
  if (matches.empty()) return;
  const Message* message = decoder_.decode(record);
  if (message == nullptr) return;
  // Feeds that are not live find it in the log: nobody's is left out [MQTT-4.5.0-1].
  for (const FeedMatch& match : matches) deliver_live(match, *message, place);
}

void Delivery::deliver_live(const FeedMatch& match, const Message& message, const Place& place) {
  Feed& feed = *match.feed;
  if (!feed.live || !feed.reads(*place.partition)) return;
  const FeedMatch* chosen = &match;
  std::optional<FeedMatch> without_own;
  if (match.no_local && message.client_id == feed.session->client_id) {
    without_own = match_in_feed(feed, message, place);
    if (!without_own) return;
    chosen = &*without_own;
  }
  if (send(*chosen, message, place) != Room::free) {
    context_.metrics.left_live_path.add();
    context_.metrics.sessions_behind.add();
    leave_live(feed, &place);
    mark_ready(*feed.session);
  }
}

std::vector<PartitionPosition> Delivery::tail_positions() const {
  std::vector<PartitionPosition> positions;
  for (std::uint32_t i = 0; i < context_.store.partition_count(); ++i) {
    storage::Partition& partition = context_.store.partition(storage::PartitionIndex(i));
    if (partition.is_internal()) continue;
    positions.push_back({&partition, context_.tail_of(partition)});
  }
  return positions;
}

std::vector<PartitionPosition> Delivery::tail_positions(const Feed& feed) const {
  std::vector<PartitionPosition> positions = tail_positions();
  std::erase_if(positions, [&](const PartitionPosition& position) { return !feed.reads(*position.partition); });
  return positions;
}

void Delivery::leave_live(Feed& feed, const Place* next) {
  BITACORA_ASSERT(feed.live);
  std::vector<PartitionPosition> positions = tail_positions(feed);
  if (next != nullptr) {
    for (PartitionPosition& position : positions) {
      if (position.partition == next->partition) position.offset = next->offset;
    }
  }
  feed.cursor = Cursor(std::move(positions));
  search(feed);
  feed.live = false;
}

void Delivery::go_live(Feed& feed) {
  feed.live = true;
  feed.cursor = Cursor();
  feed.skip_qos0_below.clear();
  feed.skip_qos0_below.shrink_to_fit();
  for (Subscription* subscription : feed.subscriptions) subscription->start.reset();
  context_.metrics.rejoined_live_path.add();
  context_.metrics.sessions_behind.subtract();
  feed.session->dirty = true;
}

// --- sending ---

Delivery::Room Delivery::room(const Session& session, mqtt::QoS qos) const {
  const SessionSettings& limits = context_.settings->sessions;
  if (session.connection->mqtt.output().size() >= limits.max_output_bytes) return Room::socket_full;
  if (qos == mqtt::QoS::at_most_once) return Room::free;
  const std::size_t window =
      std::min<std::size_t>(limits.max_in_flight,
                            session.connection->mqtt.client_receive_maximum());  // [MQTT-3.3.4-9]
  const std::size_t sent = session.in_flight.size() - session.to_resend;
  return sent < window ? Room::free : Room::window_full;  // [MQTT-4.9.0-2]
}

Delivery::Room Delivery::send(const FeedMatch& match, const Message& message, const Place& place) {
  Session& session = *match.feed->session;
  const mqtt::QoS qos = std::min(message.qos, match.maximum_qos);  // [MQTT-3.8.4-8]
  if (const Room found = room(session, qos); found != Room::free) return found;

  mqtt::Publish publish;  // DUP is 0, whatever the message came with [MQTT-3.3.1-3] [MQTT-4.3.2-2] [MQTT-4.3.3-2]
  publish.topic = message.topic;
  publish.payload = message.payload;
  publish.qos = qos;
  publish.retain = match.retain_as_published ? message.retain : mqtt::Retain::no;  // [MQTT-3.3.1-12] [MQTT-3.3.1-13]
  publish.properties = message.properties;
  publish.properties.subscription_identifiers = match.identifiers;
  transmit(session, publish, {0, place.partition, place.offset, match.feed, {}, publish.retain, 0}, message);
  return Room::free;
}

void Delivery::transmit(Session& session, mqtt::Publish& publish, InFlightMessage in_flight, const Message& message) {
  using Awaiting = InFlightMessage::Awaiting;
  if (remaining_expiry(message, context_.now.wall_ms) == 0U) {  // [MQTT-3.3.2-5]
    context_.metrics.deliveries_expired.add();
    return;
  }
  session.dirty = context_.checkpoint_wanted = true;
  context_.touch(*session.connection);
  if (publish.qos == mqtt::QoS::at_most_once) {  // sent once and forgotten [MQTT-4.3.1-1]
    (void)submit_with_notes(session, publish, in_flight, message);
    return;
  }
  in_flight.sequence = session.in_flight.allocate();  // [MQTT-4.3.2-1] [MQTT-4.3.3-1]
  publish.packet_id = in_flight.packet_id();
  if (publish.qos == mqtt::QoS::exactly_once && in_flight.sequence < session.clear_below) {
    in_flight.awaiting = Awaiting::clearing;
    session.connection->mqtt.submit(mqtt::Pubrel{{in_flight.packet_id(), mqtt::ReasonCode::success, {}}});
    session.in_flight.add(in_flight);
    return;
  }
  in_flight.awaiting = publish.qos == mqtt::QoS::at_least_once ? Awaiting::puback : Awaiting::pubrec;
  // Unacknowledged until PUBACK [MQTT-4.3.2-3] or PUBREC [MQTT-4.3.3-3].
  if (submit_with_notes(session, publish, in_flight, message)) session.in_flight.add(in_flight);
}

bool Delivery::submit_with_notes(Session& session, mqtt::Publish& publish, const InFlightMessage& in_flight,
                                 const Message& message) {
  publish.properties.message_expiry_interval = remaining_expiry(message, context_.now.wall_ms);  // [MQTT-3.3.2-6]
  std::string partition_text, offset_text, timestamp_text, dup_of_text;
  const bool v5 = session.version == mqtt::ProtocolVersion::v5;
  auto& properties = publish.properties.user_properties;
  if (v5 && in_flight.feed != nullptr && in_flight.feed->tells_place()) {
    partition_text = std::to_string(in_flight.partition->number());
    offset_text = std::to_string(in_flight.offset);
    timestamp_text = std::to_string(message.timestamp);
    properties.push_back({"log", in_flight.partition->log_name()});
    properties.push_back({"partition", partition_text});
    properties.push_back({"offset", offset_text});
    properties.push_back({"ts", timestamp_text});
    properties.push_back({"key", message.topic});
    if (message.dup_of) {
      dup_of_text = std::to_string(*message.dup_of);
      properties.push_back({"dup-of", dup_of_text});
    }
  }
  if (v5 && in_flight.partition == &context_.retained_partition) {  // how old what is retained is
    timestamp_text = std::to_string(message.timestamp);
    properties.push_back({"ts", timestamp_text});
  }
  if (v5 && !session.gap_notice.empty()) properties.push_back({"gap", session.gap_notice});
  bool sent = session.connection->mqtt.submit(publish);
  if (!sent && properties.size() > message.properties.user_properties.size()) {  // it may fit without our notes
    properties.resize(message.properties.user_properties.size());
    sent = session.connection->mqtt.submit(publish);
  }
  if (!sent) {
    context_.metrics.deliveries_dropped_too_large.add();  // as if delivered [MQTT-3.1.2-25]
    return false;
  }
  if (v5) session.gap_notice.clear();
  context_.metrics.deliveries.add();
  context_.metrics.delivery_bytes.add(publish.payload.size());
  return true;
}

// --- acknowledgements ---

// An error in the last acknowledgement counts as any other: nobody else gets the message [MQTT-4.8.2-6].
void Delivery::finish(Session& session, mqtt::PacketId id) {
  const InFlightMessage& message = *session.in_flight.find(id);
  if (message.feed != nullptr && message.feed->is_group()) {
    context_.report_settled(*message.feed->membership, {message.partition, message.offset});
  }
  session.in_flight.remove(id);
}

void Delivery::on_ack(Session& session, const mqtt::AckEvent& ack) {
  using Awaiting = InFlightMessage::Awaiting;
  InFlightMessage* message = session.in_flight.find(ack.packet.packet_id);
  if (message != nullptr) sent_again(session, *message);  // it had come through on the last connection
  if (ack.type == mqtt::PacketType::pubrec) {
    const bool refused = mqtt::is_error(ack.packet.reason);
    if (message != nullptr && message->awaiting == Awaiting::pubrec) {
      if (refused) {
        finish(session, ack.packet.packet_id);  // [MQTT-4.4.0-2]
      } else {
        message->awaiting = Awaiting::pubcomp;  // [MQTT-4.3.3-5]
      }
    }
    if (!refused) {  // [MQTT-4.3.3-4]; an unknown id is told so. Not held back [MQTT-3.3.4-10] [MQTT-4.9.0-3]
      const bool known = message != nullptr && message->awaiting == Awaiting::pubcomp;
      const auto reason = known ? mqtt::ReasonCode::success : mqtt::ReasonCode::packet_identifier_not_found;
      session.connection->mqtt.submit(mqtt::Pubrel{{ack.packet.packet_id, reason, {}}});
      context_.touch(*session.connection);
    }
  } else if (message != nullptr && ack.type == mqtt::PacketType::pubcomp && message->awaiting == Awaiting::clearing) {
    message->awaiting = Awaiting::pubrec;
    const bool sent = publish_in_flight(session, *message, mqtt::QoS::exactly_once, mqtt::Dup::no);
    if (!sent && !ends_as_unreadable(session)) {
      finish(session, ack.packet.packet_id);
    }
    context_.touch(*session.connection);
  } else if (message != nullptr) {
    const Awaiting expected = ack.type == mqtt::PacketType::puback ? Awaiting::puback : Awaiting::pubcomp;
    if (message->awaiting == expected) finish(session, ack.packet.packet_id);
  }
  session.dirty = context_.checkpoint_wanted = true;
  mark_ready(session);
}

std::vector<PartitionPosition> Delivery::positions_of(const Feed& feed) const {
  if (feed.live) return tail_positions(feed);
  const auto positions = feed.cursor.positions();
  return {positions.begin(), positions.end()};
}

std::optional<std::vector<PartitionPosition>> Delivery::settled_positions(const Session& session,
                                                                          const Feed& feed) const {
  const auto is_of_feed = [&](const InFlightMessage& message) { return message.feed == &feed; };
  if (feed.live && std::ranges::none_of(session.in_flight.messages(), is_of_feed)) return std::nullopt;
  std::vector<PartitionPosition> positions = positions_of(feed);
  for (const InFlightMessage& message : session.in_flight.messages()) {
    if (!is_of_feed(message)) continue;
    for (PartitionPosition& position : positions) {
      if (position.partition == message.partition) position.offset = std::min(position.offset, message.offset);
    }
  }
  return positions;
}

}  // namespace bitacora::bridge
