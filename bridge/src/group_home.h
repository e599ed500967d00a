// The groups whose home this shard is: who belongs to them, where they stand, what of that is durable. Mail comes in,
// mail and requests to the catalog come out.
//
// Durable are the positions of every $group, for ever, and of a $share that has a persistent member, as long as it has
// one. A position is written down at most once a checkpoint interval; after a crash a group reads on from what was
// written last, so members may see again what they acknowledged since, and never less.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bridge/group.h"
#include "bridge/group_message.h"
#include "bridge/group_offsets.h"
#include "recovered_state.h"
#include "shard_context.h"

namespace bitacora::bridge {

class GroupHome {
 public:
  // Members of persistent sessions are there from the start, offline.
  GroupHome(ShardContext& context, const RecoveredState& recovered);

  void on_message(GroupMessage message);
  void on_answer(OffsetAnswer answer);
  void on_batch(const storage::Partition& partition);
  // At the end of a turn: groups read on, positions are written down when it is time.
  void run();
  // Routes have changed: groups may reach other logs.
  void on_settings() { routes_changed_ = true; }
  // From now on positions are written down as soon as they have moved.
  void shut_down() { shutting_down_ = true; }

  [[nodiscard]] std::vector<OffsetRequest> take_requests() { return std::exchange(requests_, {}); }
  [[nodiscard]] bool has_work() const noexcept { return more_to_read_; }
  [[nodiscard]] bool idle() const noexcept;  // nothing waits for the catalog
  [[nodiscard]] std::optional<MonotonicTime> next_deadline() const noexcept { return commit_due_; }

 private:
  enum class Durability : std::uint8_t { none, requested, durable };
  struct Hosted {
    std::unique_ptr<Group> group;
    bool loading = true;                // its positions are on their way from the catalog
    std::uint64_t load = 0;             // the request that asks for them
    bool load_failed = false;           // loading, and nothing is under way
    bool recovered = false;             // it was there before the start
    bool to_run = true;                 // may have something to read
    bool may_have_moved = true;         // its positions, since they were last compared with what was written
    std::vector<GroupMessage> waiting;  // came while it was loading
    std::optional<StartPosition> from;  // of who made it
    Durability durability = Durability::none;
    std::optional<std::uint64_t> committing;                   // the request under way
    std::map<storage::Partition*, storage::Offset> committed;  // as of the last request
    std::vector<GroupMessage> unanswered;                      // joins that wait for durability
  };

  [[nodiscard]] Hosted& host(const std::string& name, GroupKind kind, std::string topic_filter);
  void on_loaded(Hosted& hosted, OffsetAnswer& loaded);
  void on_committed(Hosted& hosted, const OffsetAnswer& committed);
  void handle(Hosted& hosted, const GroupMessage& message);
  void join(Hosted& hosted, const GroupMessage& message, const JoinGroup& join);
  void answer(const GroupMessage& join, mqtt::ReasonCode reason, std::string why = {});
  [[nodiscard]] bool wants_durability(const Hosted& hosted) const;
  [[nodiscard]] storage::Offset start_in(storage::Partition& partition, const StartPosition& from) const;
  void add_partitions(Hosted& hosted, const std::vector<storage::GroupOffset>& known);
  void add_new_partitions();
  [[nodiscard]] bool has_moved(const Hosted& hosted) const;
  void commit(Hosted& hosted);
  void commit_what_is_due();
  void drop_if_empty(const std::string& name);
  std::uint64_t request(OffsetRequest::Kind kind, const std::string& group,
                        std::vector<storage::GroupOffset> offsets = {});

  ShardContext& context_;
  std::map<std::string, Hosted, std::less<>> groups_;
  std::map<std::uint64_t, std::string> waiting_for_;  // request -> group
  std::vector<OffsetRequest> requests_;
  std::uint64_t next_request_ = 1;
  std::uint32_t known_partitions_ = 0;
  bool more_to_read_ = false;
  bool routes_changed_ = false;
  bool shutting_down_ = false;
  std::optional<MonotonicTime> commit_due_;
};

}  // namespace bitacora::bridge
