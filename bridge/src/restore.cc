#include "restore.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "bridge/group_filter.h"
#include "bridge/replay_filter.h"
#include "bridge/session_journal.h"
#include "group_members.h"

namespace bitacora::bridge {
namespace {

constexpr std::uint64_t packet_ids = 65535;

storage::Partition* find_partition(storage::Store& store, const NamedPosition& position) {
  storage::Log* log = store.find_log(position.log);
  if (log == nullptr || position.partition >= log->partition_count()) return nullptr;
  return &log->partition(position.partition);
}

std::vector<PartitionPosition> restored_positions(ShardContext& context, const NamedPositions& named,
                                                  std::string_view client) {
  std::vector<PartitionPosition> positions;
  for (const NamedPosition& position : named) {
    storage::Partition* partition = find_partition(context.store, position);
    if (partition == nullptr) continue;
    const storage::Offset tail = context.tail_of(*partition);
    if (position.offset > tail) {  // the log is older than the journal: F14 of reliability.md
      spdlog::warn("client {}: its position {} in {}/{} is past the end of the log, {}; it goes on from there", client,
                   position.offset, position.log, position.partition, tail);
    }
    positions.push_back({partition, std::min(position.offset, tail), tail});
  }
  return positions;
}

Feed& restore_feed(ShardContext& context, Session& session, const FeedEntry& entry) {
  auto feed = std::make_unique<Feed>();
  feed->session = &session;
  feed->name = entry.feed;
  feed->cursor = Cursor(restored_positions(context, entry.positions, session.client_id));
  if (entry.feed.starts_with("$log/") && feed->cursor.positions().size() == 1) {
    feed->only.partition = feed->cursor.positions().front().partition;
  }
  if (const auto target = parse_subscription_target(entry.feed);
      target && std::holds_alternative<ReplayOfLog>(*target)) {
    feed->only.log = context.store.find_log(std::get<ReplayOfLog>(*target).log);
  }
  feed->written = true;
  session.feeds.push_back(std::move(feed));
  return *session.feeds.back();
}

std::string topic_filter_of(const std::string& filter) {
  if (const auto group = parse_group_filter(filter); group && *group) return std::string((*group)->topic_filter);
  const auto target = parse_subscription_target(filter);
  if (!target) return filter;
  if (const auto* replay = std::get_if<ReplayByFilter>(&*target)) return std::string(replay->filter);
  if (const auto* of_log = std::get_if<ReplayOfLog>(&*target)) return std::string(of_log->filter);
  return std::holds_alternative<ReplayOfPartition>(*target) ? "#" : filter;
}

void restore_subscription(ShardContext& context, Session& session, const SubscriptionEntry& entry) {
  const std::string topic_filter = topic_filter_of(entry.filter);
  Feed* feed = session.feeds.front().get();
  if (const auto group = parse_group_filter(entry.filter); group && *group) {
    feed = &GroupMembers::add(session, catalog_name(**group), (*group)->kind, entry.filter).feed;
  } else if (topic_filter != entry.filter) {
    const auto own = std::ranges::find(session.feeds, entry.filter, [](const auto& named) { return named->name; });
    if (own == session.feeds.end()) return;
    feed = own->get();
  }
  auto subscription = std::make_unique<Subscription>(
      Subscription{entry.filter, topic_filter, entry.options, entry.identifier, feed, nullptr});
  if (!entry.start.empty()) {
    StartOffsets start;
    for (const NamedPosition& position : entry.start) {
      const storage::Partition* partition = find_partition(context.store, position);
      if (partition == nullptr) continue;
      const std::uint32_t index = partition->index().value();
      if (index >= start.size()) start.resize(index + 1, 0);
      start[index] = position.offset;
    }
    subscription->start = std::make_shared<const StartOffsets>(std::move(start));
  }
  session.subscriptions.emplace(entry.filter, std::move(subscription));
}

// What was in flight when the client left goes on with the same packet ids [MQTT-4.4.0-1].
void restore_in_flight(ShardContext& context, Session& session, const InFlightEntry& entry) {
  session.restored = !entry.ids_known;
  session.in_flight_journaled = true;
  session.in_flight.go_on_from(entry.next_sequence);
  for (const InFlightEntry::Message& message : entry.messages) {
    storage::Partition* partition = find_partition(context.store, message.place);
    if (partition == nullptr || message.place.offset >= context.tail_of(*partition)) continue;  // its log lost its end
    Feed* feed = nullptr;
    if (message.feed) {
      const auto own = std::ranges::find(session.feeds, *message.feed, [](const auto& named) { return named->name; });
      if (own != session.feeds.end()) feed = own->get();
    }
    session.in_flight.add({message.sequence, partition, message.place.offset, feed, message.awaiting, message.retain,
                           message.identifier});
  }
}

std::unique_ptr<Session> restore_session(ShardContext& context, const JournalImage::Session& image) {
  auto session = std::make_unique<Session>();
  session->client_id = image.entry.client_id;
  session->epoch = image.entry.epoch;
  session->version = image.entry.version;
  session->expiry_s = image.entry.expiry_s;
  session->disconnected_at = image.entry.disconnected_at;
  session->principal.user = image.entry.user;
  if (!image.entry.user.empty()) session->principal.source = identity::Principal::Source::password;
  session->rights = Rights(context.settings->access, session->principal, session->client_id);
  session->journaled = true;
  session->restored = true;
  session->published.begin_after_restart();
  restore_feed(context, *session, image.feeds.at(""));
  for (const auto& [name, feed] : image.feeds) {
    if (!name.empty() && image.subscriptions.contains(name)) restore_feed(context, *session, feed);
  }
  for (const auto& [filter, subscription] : image.subscriptions) restore_subscription(context, *session, subscription);
  if (image.in_flight) restore_in_flight(context, *session, *image.in_flight);
  if (session->restored) session->clear_below = session->in_flight.next_sequence() + packet_ids;
  if (image.will) {
    session->will = image.will->will;
    session->last_will = session->will->number;
    session->will_journaled = true;
  }
  if (image.qos2) {
    session->qos2.next_sequence = image.qos2->complete_below;
    for (const auto& received : image.qos2->received) {
      session->qos2.received[received.packet_id] = {.sequence = received.sequence,
                                                    .committed = true,
                                                    .restored = true,
                                                    .lacks_copy = true,
                                                    .digest = received.digest};
    }
  }
  return session;
}

}  // namespace

void restore_sessions(const RecoveredState& recovered, ShardContext& context, ConnectPath& connecting) {
  for (const JournalImage::Session& image : recovered.sessions) {
    if (shard_of(image.entry.client_id, context.shard_count) != context.index) continue;
    connecting.restore(restore_session(context, image));
  }
}

}  // namespace bitacora::bridge
