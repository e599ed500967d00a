// From the log to the subscribers. Two paths that hand over to each other by offset, so that nothing is sent twice or
// left out between them:
//
//   live      each committed batch is matched against this shard's subscriptions once; feeds that are live get its
//   records catch-up  a feed that is not live reads the log from its cursor up to the shard's tail, then is live again
//
// A feed leaves the live path when its session is offline or cannot take more (its window or its socket is full).
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "bridge/message.h"
#include "bridge/retained_index.h"
#include "bridge/subscription_tree.h"
#include "bridge/system_topics.h"
#include "publisher_rights.h"
#include "record_fetcher.h"
#include "session.h"
#include "shard_context.h"

namespace bitacora::bridge {

class Delivery {
 public:
  // `system` outlives this.
  Delivery(ShardContext& context, RetainedIndex retained, const SystemTopics& system)
      : context_(context), system_(system), retained_(std::move(retained)), publisher_rights_(context) {}

  // --- subscriptions ---
  void add(Subscription& subscription);
  void remove(Subscription& subscription);
  // Somebody's rights have changed: who may be sent what is looked at again.
  void forget_matches() { match_cache_.clear(); }
  // Queues the retained messages for a new subscription.
  void send_retained(Session& session, const Subscription& subscription);

  // A feed that was made while its session is connected begins to read; it is taken away.
  void start(Feed& feed);
  void stop(Feed& feed);

  // --- the log ---
  // A batch that became readable: also moves the shard's tail.
  void on_batch(const storage::CommittedBatch& batch);

  // A $SYS topic whose text has changed.
  void publish_system(std::string_view topic, std::string_view text);

  // --- sessions ---
  // The connection is up (CONNACK sent): what is in flight goes out again, feeds go on.
  void attach(Session& session);
  // It is gone: every feed becomes a position.
  void detach(Session& session);
  void forget(Session& session);  // before the session is destroyed
  void on_ack(Session& session, const mqtt::AckEvent& ack);
  void on_output_drained(Session& session);
  // Takes retained messages whose time is over out of the index, a bounded number.
  void drop_expired_retained();
  // A group's home has handed something over to one of the session's memberships.
  void wake(Session& session) { mark_ready(session); }
  // How many QoS 1 and 2 deliveries the session may have in flight.
  [[nodiscard]] std::size_t window_of(const Session& session) const;
  // Moves ready sessions on, each by a bounded step.
  void run();
  [[nodiscard]] bool has_work() const noexcept { return !ready_.empty(); }

  // Below these everything of this feed was sent, or is not for it.
  [[nodiscard]] std::vector<PartitionPosition> positions_of(const Feed& feed) const;
  // Positions below which everything of this feed was delivered and, at QoS 1 and 2, acknowledged. None: it is live
  // with nothing in flight.
  [[nodiscard]] std::optional<std::vector<PartitionPosition>> settled_positions(const Session& session,
                                                                                const Feed& feed) const;
  // One position for each partition of the server's clients, at the shard's tail.
  [[nodiscard]] std::vector<PartitionPosition> tail_positions() const;
  [[nodiscard]] std::vector<PartitionPosition> tail_positions(const Feed& feed) const;  // of those that it reads
  [[nodiscard]] const RetainedIndex& retained() const noexcept { return retained_; }

 private:
  // What of a feed's subscriptions matches one topic, taken together: one copy is sent, see [MQTT-3.3.4-4].
  struct FeedMatch {
    Feed* feed = nullptr;
    mqtt::QoS maximum_qos = mqtt::QoS::at_most_once;
    bool retain_as_published = false;
    bool no_local = false;  // at least one of them has it: to be looked at again if the publisher is the subscriber
    std::vector<std::uint32_t> identifiers;
  };
  enum class Room : std::uint8_t { free, window_full, socket_full };
  enum class Step : std::uint8_t { go_on, blocked, done };
  enum class Fate : std::uint8_t { in_flight, settled, no_room, unreadable };  // of a record for a group's member
  struct Place {
    storage::Partition* partition = nullptr;
    storage::Offset offset = 0;
  };

  [[nodiscard]] Room room(const Session& session, mqtt::QoS qos) const;
  void mark_ready(Session& session);
  void apply_retained(const storage::RecordView& record);
  void count_retained(std::size_t before);
  void on_record(const Place& place, const storage::RecordView& record);
  void deliver_live(const FeedMatch& match, const Message& message, const Place& place);
  const std::vector<FeedMatch>& matches_of(std::string_view topic);
  [[nodiscard]] std::optional<FeedMatch> match_in_feed(const Feed& feed, const Message& message,
                                                       const Place& place) const;
  void leave_live(Feed& feed, const Place* next);
  void go_live(Feed& feed);
  void refresh_cursor(Feed& feed);
  // Sends unless there is no room.
  [[nodiscard]] Room send(const FeedMatch& match, const Message& message, const Place& place);
  // `publish` has everything but its packet id, expiry and the user properties that the server adds.
  void transmit(Session& session, mqtt::Publish& publish, InFlightMessage in_flight, const Message& message);
  // What is in flight when a client is back: PUBREL at once, each PUBLISH as there is room [MQTT-4.4.0-1].
  void begin_resend(Session& session);
  [[nodiscard]] Step step_resend(Session& session);
  // After a fetch that gave nothing: true if the disk did not answer; the connection is then closed.
  [[nodiscard]] bool ends_as_unreadable(Session& session);
  static void sent_again(Session& session, InFlightMessage& message);
  // What a session must be sent for a message that is in flight, once more or, after clearing, for the first time.
  [[nodiscard]] bool publish_in_flight(Session& session, InFlightMessage& in_flight, mqtt::QoS qos, mqtt::Dup dup);
  [[nodiscard]] bool submit_with_notes(Session& session, mqtt::Publish& publish, const InFlightMessage& in_flight,
                                       const Message& message);

  // The handshake is over, or never will be: the packet id is free, a group's home is told.
  void finish(Session& session, mqtt::PacketId id);

  void step(Session& session);
  [[nodiscard]] Step step_membership(Membership& membership, std::size_t& budget);
  [[nodiscard]] Fate deliver(Feed& feed, const RecordPlace& place);
  // Of a retained message: whether its publisher has lost the right to it, which is counted.
  [[nodiscard]] bool is_revoked(const Message& message);
  void send_retained_message(Session& session, const RetainedWalk& walk, const Message& message,
                             storage::Offset offset);
  [[nodiscard]] Step step_retained(Session& session, std::size_t& budget);
  // The walk over what $SYS says now.
  [[nodiscard]] Step step_system(Session& session, RetainedWalk& walk);
  void send_system(Session& session, std::string_view topic, std::string_view text, mqtt::Retain retain,
                   std::vector<std::uint32_t> identifiers);
  static void search(Feed& feed);
  [[nodiscard]] Step step_feed(Feed& feed, std::size_t& budget);
  [[nodiscard]] Room catch_up_record(Feed& feed, const CursorRecord& record);
  void report_gap(Feed& feed, const Gap& gap);

  ShardContext& context_;
  const SystemTopics& system_;
  RetainedIndex retained_;
  PublisherRights publisher_rights_;
  SubscriptionTree<Subscription*> tree_;
  std::unordered_map<std::string, std::vector<FeedMatch>, StringHash, std::equal_to<>> match_cache_;
  std::deque<Session*> ready_;
  MessageDecoder decoder_;
  RecordFetcher fetcher_;
};

}  // namespace bitacora::bridge
