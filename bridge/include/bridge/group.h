// One group as its home shard has it: a cursor for each partition, the members, and which member has which record that
// is not settled yet. It reads the log only as far as members have room, so it needs no queue; a slow group costs its
// positions.
//
//   share        the next record goes to the next online member in turn that has room; what a member loses goes to
//   others partitioned  a record goes to its partition's owner. A partition changes hands only when nothing of it is
//   under way,
//                or its owner is gone: then it is read again from the lowest record that was not settled
//
// Pure: what it wants sent comes out of take_hand_overs().
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "bridge/cursor.h"
#include "bridge/group_message.h"
#include "bridge/metrics.h"

namespace bitacora::bridge {

class Group {
 public:
  // `metrics` outlives the group.
  Group(std::string name, GroupKind kind, std::string topic_filter, BrokerMetrics& metrics);
  ~Group();
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] GroupKind kind() const noexcept { return kind_; }
  [[nodiscard]] const std::string& topic_filter() const noexcept { return topic_filter_; }

  // A partition that the group reads from now on, from `position`.
  void add_partition(storage::Partition& partition, storage::Offset position);
  [[nodiscard]] bool reads(const storage::Partition& partition) const noexcept;

  // --- members ---
  void restore_member(MemberId id);  // of a persistent session, offline
  void join(MemberId id, const Attachment& attachment, const RecordPlaces& in_flight);
  void on_online(MemberId id, const Attachment& attachment);
  void on_offline(MemberId id, const RecordPlaces& kept);
  void on_settled(MemberId id, const RecordPlaces& places);
  void on_full(MemberId id, const RecordPlaces& returned);
  void on_room(MemberId id);
  void on_leave_soon(MemberId id, const RecordPlaces& returned);
  void on_leave(MemberId id, const RecordPlaces& settled);

  [[nodiscard]] std::size_t member_count() const noexcept { return members_.size(); }
  [[nodiscard]] bool has_persistent_member() const noexcept;

  // --- the log ---
  // Reads on and hands over until the log ends, nobody has room, or `budget` records were looked at. True: there is
  // more to do now.
  [[nodiscard]] bool run(std::size_t budget);
  [[nodiscard]] std::vector<std::pair<MemberId, HandOver>> take_hand_overs();

  // For each partition the offset below which everything is settled.
  [[nodiscard]] std::vector<PartitionPosition> positions() const;
  // The member that owns a partition (partitioned); nullopt: nobody.
  [[nodiscard]] std::optional<MemberId> owner_of(const storage::Partition& partition) const;

 private:
  struct Member {
    MemberId id;
    Attachment attachment;
    bool online = false;
    bool leaving = false;
    bool full = false;
    std::size_t holds = 0;  // records handed over and not settled
    RecordPlaces to_hand_over;
    [[nodiscard]] bool takes() const noexcept { return online && !leaving; }
    [[nodiscard]] bool has_room() const noexcept { return takes() && !full && holds < attachment.window; }
  };
  // One partition of the group.
  struct Lane {
    storage::Partition* partition = nullptr;
    Cursor cursor;
    std::map<storage::Offset, Member*> held;  // by whom
    std::set<storage::Offset> again;          // share: taken back, to be handed over before the log is read on
    Member* owner = nullptr;                  // partitioned
    Member* next_owner = nullptr;             // partitioned: `owner`, or who gets it when nothing is held
    [[nodiscard]] storage::Offset position() const noexcept;
  };
  enum class Step : std::uint8_t { moved, waits, at_end };

  [[nodiscard]] Member* find(MemberId id) noexcept;
  [[nodiscard]] Lane* lane_of(const storage::Partition& partition) noexcept;
  [[nodiscard]] Member* receiver_for(const Lane& lane) noexcept;
  [[nodiscard]] Step step(Lane& lane);
  [[nodiscard]] bool wants(const storage::RecordView& record) const;
  void hand_over(Lane& lane, storage::Offset offset, Member& to);
  void take_back(Member& member, const RecordPlaces& places);
  void take_back_all(Member& member, const RecordPlaces& except);
  void read_again_from(Lane& lane, storage::Offset offset);
  void rebalance();
  void report(const Lane& lane, const Gap& gap) const;

  const std::string name_;
  const GroupKind kind_;
  const std::string topic_filter_;
  BrokerMetrics& metrics_;
  std::vector<std::unique_ptr<Member>> members_;  // in the order of joining
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::size_t next_member_ = 0;  // share: whose turn it is
  std::size_t next_lane_ = 0;
};

}  // namespace bitacora::bridge
