#include "subscribe_path.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "bridge/error_map.h"
#include "mqtt/topic.h"

namespace bitacora::bridge {
namespace {

// Retain Handling [MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11].
bool wants_retained(const mqtt::SubscriptionOptions& options, bool is_new) {
  switch (options.retain_handling) {
    case mqtt::RetainHandling::send: return true;
    case mqtt::RetainHandling::send_if_new: return is_new;
    case mqtt::RetainHandling::do_not_send: return false;
  }
  return false;
}

}  // namespace

void SubscribePath::on_subscribe(Connection& connection, const mqtt::SubscribeEvent& event) {
  Session& session = *connection.session;
  const auto& identifiers = event.packet.properties.subscription_identifiers;
  const std::uint32_t identifier = identifiers.empty() ? 0 : identifiers.front();

  Operation operation;
  operation.kind = Operation::Kind::subscribe;
  operation.connection = connection.id;
  operation.slot = event.slot;
  operation.session_epoch = session.epoch;
  operation.packet_id = event.packet.packet_id;
  std::vector<std::string> made;  // names, once each: a filter that comes twice replaces its own subscription
  for (const mqtt::SubscribeEntry& entry : event.packet.entries) {  // [MQTT-3.8.4-5] [MQTT-3.8.4-6]
    Granted granted = subscribe(session, entry, identifier, event.packet.properties);
    if (granted) {
      if (std::ranges::find(made, entry.filter) == made.end()) made.emplace_back(entry.filter);
      operation.reasons.push_back(static_cast<mqtt::ReasonCode>((*granted)->options.maximum_qos));  // [MQTT-3.8.4-7]
    } else {
      operation.reasons.push_back(granted.error().reason);
      spdlog::info("client {}: SUBSCRIBE to \"{}\" refused: {}", session.client_id, entry.filter, granted.error().why);
      if (operation.why.empty()) operation.why = granted.error().why;
    }
  }
  const std::size_t answers = groups_among(session, made) + (session.persistent() ? made.size() : 0);
  if (answers == 0) return on_settled(operation, connection);
  operation.waiting_for = static_cast<std::uint32_t>(answers);
  const Ticket ticket = operations_.begin(std::move(operation));
  join_groups(session, event.packet.entries, made, ticket);
  if (!session.persistent()) return;
  for (const std::string& filter : made) {
    const Subscription& subscription = *session.subscriptions.find(filter)->second;
    if (subscription.feed->is_replay()) journal_.write_feed(*subscription.feed);
    journal_.write_subscription(subscription, ticket);
  }
}

void SubscribePath::on_settled(Operation& operation, Connection& connection) {
  context_.touch(connection);
  if (operation.error) {
    for (mqtt::ReasonCode& reason : operation.reasons) reason = publish_reason(operation.error->code);
    operation.why = "it could not be stored";
  }
  mqtt::Properties properties;
  if (!operation.why.empty()) properties.reason_string = operation.why;
  if (operation.kind == Operation::Kind::subscribe) {
    connection.mqtt.answer(operation.slot, mqtt::Suback{operation.packet_id, std::move(operation.reasons), properties});
  } else {
    connection.mqtt.answer(operation.slot,
                           mqtt::Unsuback{operation.packet_id, std::move(operation.reasons), properties});
  }
}

SubscribePath::Granted SubscribePath::subscribe(Session& session, const mqtt::SubscribeEntry& entry,
                                                std::uint32_t identifier, const mqtt::Properties& properties) {
  const auto refuse = [](mqtt::ReasonCode reason, std::string why) {
    return tl::unexpected<Refusal>(Refusal{reason, std::move(why)});
  };
  if (!session.subscriptions.contains(entry.filter) &&
      session.subscriptions.size() >= context_.settings->sessions.max_subscriptions) {
    context_.metrics.reached(Limit::subscriptions);
    return refuse(mqtt::ReasonCode::quota_exceeded, "the session has as many subscriptions as it may");
  }
  if (!session.rights.may_subscribe(entry.filter)) {
    context_.metrics.subscribes_not_authorized.add();
    return refuse(mqtt::ReasonCode::not_authorized, "the client has no right to read any topic that it matches");
  }
  const auto group = parse_group_filter(entry.filter);
  if (!group) return refuse(mqtt::ReasonCode::topic_filter_invalid, group.error());
  if (*group) return subscribe_group(session, entry, identifier, **group);
  auto target = parse_subscription_target(entry.filter);
  if (!target) return refuse(mqtt::ReasonCode::topic_filter_invalid, target.error());
  if (std::holds_alternative<LiveFilter>(*target)) return subscribe_live(session, entry, identifier);

  if (const auto* replay = std::get_if<ReplayByFilter>(&*target)) {
    if (!mqtt::is_valid_topic_filter(replay->filter)) {
      return refuse(mqtt::ReasonCode::topic_filter_invalid, "what follows $replay/<from>/ is no topic filter");
    }
    auto positions = positions_from(replay->from, partitions_for(replay->filter));
    if (!positions) return tl::unexpected<Refusal>(positions.error());
    return subscribe_replay(session, entry, identifier, std::string(replay->filter), std::move(*positions), {});
  }
  if (const auto* of_log = std::get_if<ReplayOfLog>(&*target)) {
    return subscribe_stream(session, entry, identifier, *of_log, properties);
  }
  const auto& of_partition = std::get<ReplayOfPartition>(*target);
  const auto partition = find_partition(of_partition);
  if (!partition) return tl::unexpected<Refusal>(partition.error());
  auto positions = positions_from(of_partition.from, {*partition});
  if (!positions) return tl::unexpected<Refusal>(positions.error());
  return subscribe_replay(session, entry, identifier, "#", std::move(*positions), {.partition = *partition});
}

SubscribePath::Granted SubscribePath::subscribe_stream(Session& session, const mqtt::SubscribeEntry& entry,
                                                       std::uint32_t identifier, const ReplayOfLog& target,
                                                       const mqtt::Properties& properties) {
  const auto refuse = [](std::string why) {
    return tl::unexpected<Refusal>(Refusal{mqtt::ReasonCode::topic_filter_invalid, std::move(why)});
  };
  if (!mqtt::is_valid_topic_filter(target.filter)) return refuse("what follows $stream/<log>/ is no topic filter");
  const auto log = find_log(target.log);
  if (!log) return tl::unexpected<Refusal>(log.error());
  const auto from = start_of_stream(properties);
  if (!from) return refuse(from.error());
  if (std::holds_alternative<AtOffset>(*from) && (*log)->partition_count() > 1) {
    return refuse("an offset belongs to one partition, and log " + (*log)->name() + " has " +
                  std::to_string((*log)->partition_count()) + ": use a time, or $log/<log>/<partition>/<offset>");
  }
  std::vector<storage::Partition*> partitions;
  partitions.reserve(static_cast<std::size_t>((*log)->partition_count()));
  for (std::int32_t number = 0; number < (*log)->partition_count(); ++number) {
    partitions.push_back(&(*log)->partition(number));
  }
  auto positions = positions_from(*from, partitions);
  if (!positions) return tl::unexpected<Refusal>(positions.error());
  return subscribe_replay(session, entry, identifier, std::string(target.filter), std::move(*positions), {.log = *log});
}

SubscribePath::Granted SubscribePath::subscribe_live(Session& session, const mqtt::SubscribeEntry& entry,
                                                     std::uint32_t identifier) {
  Feed& feed = session.ordinary_feed();
  const auto existing = session.subscriptions.find(entry.filter);
  const bool is_new = existing == session.subscriptions.end();
  if (!is_new) {  // [MQTT-3.8.4-3]: replaced in place, so that nothing is lost [MQTT-3.8.4-4]
    Subscription& subscription = *existing->second;
    delivery_.remove(subscription);
    subscription.options = entry.options;
    subscription.identifier = identifier;
    delivery_.add(subscription);
    if (wants_retained(entry.options, false)) delivery_.send_retained(session, subscription);
    return &subscription;
  }
  auto subscription = std::make_unique<Subscription>(
      Subscription{std::string(entry.filter), std::string(entry.filter), entry.options, identifier, &feed, nullptr});
  if (!feed.live) subscription->start = std::make_shared<const StartOffsets>(context_.tails);
  Subscription& added = *subscription;
  session.subscriptions.emplace(added.filter, std::move(subscription));
  delivery_.add(added);
  if (wants_retained(entry.options, true)) delivery_.send_retained(session, added);
  return &added;
}

SubscribePath::Granted SubscribePath::subscribe_replay(Session& session, const mqtt::SubscribeEntry& entry,
                                                       std::uint32_t identifier, std::string topic_filter,
                                                       std::vector<PartitionPosition> positions, Feed::Only only) {
  const std::string filter(entry.filter);
  if (session.subscriptions.contains(filter)) remove(session, filter);  // asked again: it starts again
  auto feed = std::make_unique<Feed>();
  feed->session = &session;
  feed->name = filter;
  feed->only = only;
  feed->cursor = Cursor(std::move(positions));
  auto subscription = std::make_unique<Subscription>(
      Subscription{filter, std::move(topic_filter), entry.options, identifier, feed.get(), nullptr});
  Subscription& added = *subscription;
  session.feeds.push_back(std::move(feed));
  session.subscriptions.emplace(filter, std::move(subscription));
  delivery_.add(added);
  delivery_.start(*added.feed);
  return &added;
}

std::vector<storage::Partition*> SubscribePath::partitions_for(std::string_view filter) const {
  std::vector<storage::Partition*> partitions;
  for (const storage::Log* log : context_.router.logs_for(filter)) {
    for (std::int32_t number = 0; number < log->partition_count(); ++number)
      partitions.push_back(&log->partition(number));
  }
  return partitions;
}

bitacora::Result<std::vector<PartitionPosition>, SubscribePath::Refusal> SubscribePath::positions_from(
    const StartPosition& from, const std::vector<storage::Partition*>& partitions) const {
  std::vector<PartitionPosition> positions;
  for (storage::Partition* partition : partitions) {
    const auto offset = resolve(from, *partition, context_.now.wall_ms);
    if (!offset) {
      return tl::unexpected<Refusal>(Refusal{publish_reason(offset.error().code), offset.error().message});
    }
    // Not past what this shard has seen: the live path takes over there.
    const storage::Offset tail = context_.tail_of(*partition);
    if (std::holds_alternative<AtOffset>(from) && *offset > partition->offsets().committed) {
      return tl::unexpected<Refusal>(
          Refusal{mqtt::ReasonCode::topic_filter_invalid,
                  "offset " + std::to_string(*offset) + " is past the end of the partition, " + std::to_string(tail)});
    }
    positions.push_back({partition, std::min(*offset, tail), tail});
  }
  return positions;
}

bitacora::Result<storage::Partition*, SubscribePath::Refusal> SubscribePath::find_partition(
    const ReplayOfPartition& target) const {
  const auto log = find_log(target.log);
  if (!log) return tl::unexpected<Refusal>(log.error());
  if (target.partition >= (*log)->partition_count()) {
    return tl::unexpected<Refusal>(
        Refusal{mqtt::ReasonCode::topic_filter_invalid,
                "log " + (*log)->name() + " has partitions 0 to " + std::to_string((*log)->partition_count() - 1)});
  }
  return &(*log)->partition(target.partition);
}

bitacora::Result<storage::Log*, SubscribePath::Refusal> SubscribePath::find_log(std::string_view name) const {
  storage::Log* log = storage::is_internal_log(name) ? nullptr : context_.store.find_log(name);
  if (log != nullptr) return log;
  return tl::unexpected<Refusal>(
      Refusal{mqtt::ReasonCode::topic_filter_invalid, "there is no log \"" + std::string(name) + "\""});
}

void SubscribePath::on_unsubscribe(Connection& connection, const mqtt::UnsubscribeEvent& event) {
  Session& session = *connection.session;
  Operation operation;
  operation.kind = Operation::Kind::unsubscribe;
  operation.connection = connection.id;
  operation.slot = event.slot;
  operation.session_epoch = session.epoch;
  operation.packet_id = event.packet.packet_id;
  std::vector<std::string> removed;
  for (const std::string_view filter : event.packet.filters) {  // [MQTT-3.10.4-1] [MQTT-3.10.4-6]
    const bool known = session.subscriptions.contains(filter);
    operation.reasons.push_back(known ? mqtt::ReasonCode::success : mqtt::ReasonCode::no_subscription_existed);
    if (known && std::ranges::find(removed, filter) == removed.end()) removed.emplace_back(filter);
  }
  if (!session.persistent() || removed.empty()) {
    for (const std::string& filter : removed) remove(session, filter);
    return on_settled(operation, connection);
  }
  operation.waiting_for = static_cast<std::uint32_t>(removed.size());
  const Ticket ticket = operations_.begin(std::move(operation));
  for (const std::string& filter : removed) {
    const Subscription& subscription = *session.subscriptions.find(filter)->second;
    if (subscription.feed->is_replay()) journal_.remove_feed(*subscription.feed);
    journal_.remove_subscription(subscription, ticket);
    remove(session, filter);
  }
}

void SubscribePath::remove(Session& session, const std::string& filter) {
  const auto found = session.subscriptions.find(filter);
  Subscription& subscription = *found->second;
  Feed* feed = subscription.feed;
  delivery_.remove(subscription);  // nothing new after this [MQTT-3.10.4-2]
  std::erase_if(session.retained_walks, [&](const RetainedWalk& walk) {
    return walk.filter == subscription.topic_filter && !feed->is_replay() && !feed->is_group();
  });
  session.subscriptions.erase(found);
  if (feed->is_group()) return members_.leave(*feed->membership);
  if (!feed->is_replay()) return;
  delivery_.stop(*feed);
  for (InFlightMessage& message : session.in_flight.messages()) {  // deliveries that began are finished [MQTT-3.10.4-3]
    if (message.feed == feed) message.feed = nullptr;
  }
  std::erase_if(session.feeds, [&](const auto& candidate) { return candidate.get() == feed; });
}

}  // namespace bitacora::bridge
