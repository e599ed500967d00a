// What all parts of a shard share: the log underneath, the settings, the queue towards the committer, the time of this
// input.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bridge/append_queue.h"
#include "bridge/metrics.h"
#include "bridge/router.h"
#include "bridge/settings.h"
#include "session.h"
#include "storage/store.h"

namespace bitacora::bridge {

struct ShardContext {
  storage::Store& store;
  BrokerMetrics& metrics;
  std::shared_ptr<const BrokerSettings> settings;
  ShardIndex index;
  std::uint32_t shard_count = 1;
  AppendQueue queue;
  Router router;
  storage::Partition& sessions_partition;
  storage::Partition& retained_partition;
  Now now;

  // How far this shard has seen each partition, by PartitionIndex: everything below was given to the live path.
  std::vector<storage::Offset> tails;

  std::vector<ConnectionId> touched;
  std::vector<ShardMail> mail{};       // between groups and their members, on its way out
  std::vector<Membership*> reports{};  // memberships whose home is to be told something at the end of the turn
  bool checkpoint_wanted = false;      // a tail or a cursor has moved since the last checkpoint
  bool shutting_down = false;          // a clean stop has begun

  [[nodiscard]] storage::Offset tail_of(const storage::Partition& partition) const {
    const std::uint32_t index_of = partition.index().value();
    return index_of < tails.size() ? tails[index_of] : 0;
  }
  void set_tail(const storage::Partition& partition, storage::Offset offset) {
    const std::uint32_t index_of = partition.index().value();
    if (index_of >= tails.size()) tails.resize(index_of + 1, 0);
    tails[index_of] = offset;
  }
  [[nodiscard]] MemberId member_id(const Session& session) const { return {index.value(), session.epoch}; }
  void tell_home(const Membership& membership, decltype(GroupMessage::body) body) {
    mail.push_back({home_shard_of(membership.group, shard_count),
                    {membership.group, member_id(*membership.feed.session), std::move(body)}});
  }
  void report(Membership& membership) {
    if (std::exchange(membership.touched, true)) return;
    reports.push_back(&membership);
  }
  // A record that was handed over is done with: acknowledged, or not to be delivered.
  void report_settled(Membership& membership, RecordPlace place) {
    membership.settled.push_back(place);
    report(membership);
  }
  // The connection's output, state or wish for input may have changed.
  void touch(Connection& connection) {
    if (connection.touched) return;
    connection.touched = true;
    touched.push_back(connection.id);
  }
};

}  // namespace bitacora::bridge
