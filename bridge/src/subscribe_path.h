// SUBSCRIBE and UNSUBSCRIBE: ordinary filters share the session's first feed, each replay gets a feed of its own, and a
// group's filter makes the session a member.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "bridge/replay_filter.h"
#include "delivery.h"
#include "group_members.h"
#include "journal.h"
#include "operations.h"
#include "session.h"
#include "shard_context.h"

namespace bitacora::bridge {

class SubscribePath {
 public:
  SubscribePath(ShardContext& context, Delivery& delivery, GroupMembers& members, Journal& journal,
                Operations& operations)
      : context_(context), delivery_(delivery), members_(members), journal_(journal), operations_(operations) {}

  void on_subscribe(Connection& connection, const mqtt::SubscribeEvent& event);
  void on_unsubscribe(Connection& connection, const mqtt::UnsubscribeEvent& event);
  // What a SUBSCRIBE or UNSUBSCRIBE asked for is durable, or failed. `connection` is not null.
  void on_settled(Operation& operation, Connection& connection);

  // A group's home has refused the session: its filter's entry of the SUBSCRIBE is answered so. `session` is null if it
  // has ended.
  void on_join_refused(Operation& operation, Session* session, const std::string& group, const GroupJoined& answer);

  // Takes one subscription out of the session, with its feed if it is a replay or its part in a group. The journal is
  // not told.
  void remove(Session& session, const std::string& filter);

 private:
  struct Refusal {
    mqtt::ReasonCode reason;
    std::string why;
  };
  using Granted = bitacora::Result<Subscription*, Refusal>;

  [[nodiscard]] Granted subscribe(Session& session, const mqtt::SubscribeEntry& entry, std::uint32_t identifier,
                                  const mqtt::Properties& properties);
  [[nodiscard]] Granted subscribe_live(Session& session, const mqtt::SubscribeEntry& entry, std::uint32_t identifier);
  [[nodiscard]] Granted subscribe_group(Session& session, const mqtt::SubscribeEntry& entry, std::uint32_t identifier,
                                        const GroupFilter& group);
  [[nodiscard]] static std::size_t groups_among(const Session& session, const std::vector<std::string>& made);
  // Asks the homes of the groups among `made`, the filters that were granted; `ticket` waits for each answer.
  void join_groups(Session& session, const std::vector<mqtt::SubscribeEntry>& entries,
                   const std::vector<std::string>& made, Ticket ticket);
  [[nodiscard]] Granted subscribe_replay(Session& session, const mqtt::SubscribeEntry& entry, std::uint32_t identifier,
                                         std::string topic_filter, std::vector<PartitionPosition> positions,
                                         Feed::Only only);
  [[nodiscard]] Granted subscribe_stream(Session& session, const mqtt::SubscribeEntry& entry, std::uint32_t identifier,
                                         const ReplayOfLog& target, const mqtt::Properties& properties);
  [[nodiscard]] bitacora::Result<std::vector<PartitionPosition>, Refusal> positions_from(
      const StartPosition& from, const std::vector<storage::Partition*>& partitions) const;
  [[nodiscard]] bitacora::Result<storage::Partition*, Refusal> find_partition(const ReplayOfPartition& target) const;
  [[nodiscard]] bitacora::Result<storage::Log*, Refusal> find_log(std::string_view name) const;
  [[nodiscard]] std::vector<storage::Partition*> partitions_for(std::string_view filter) const;

  ShardContext& context_;
  Delivery& delivery_;
  GroupMembers& members_;
  Journal& journal_;
  Operations& operations_;
};

}  // namespace bitacora::bridge
