#include "bridge/group.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "base/assert.h"
#include "base/murmur2.h"
#include "bridge/message.h"
#include "bridge/partition_assignment.h"
#include "mqtt/topic.h"

namespace bitacora::bridge {
namespace {

// Of one partition before the next has its turn: records of one batch stay together on their way.
constexpr std::size_t records_per_visit = 64;

}  // namespace

std::uint32_t home_shard_of(std::string_view group, std::uint32_t shard_count) noexcept {
  return murmur2(as_bytes(group)) % shard_count;
}

Group::Group(std::string name, GroupKind kind, std::string topic_filter, BrokerMetrics& metrics)
    : name_(std::move(name)), kind_(kind), topic_filter_(std::move(topic_filter)), metrics_(metrics) {
  metrics_.groups.add();
}

Group::~Group() {
  metrics_.groups.subtract();
  metrics_.group_members.subtract(members_.size());
}

// --- what it reads ---

void Group::add_partition(storage::Partition& partition, storage::Offset position) {
  BITACORA_ASSERT(!reads(partition));
  auto lane = std::make_unique<Lane>();
  lane->partition = &partition;
  lane->cursor = Cursor({{&partition, position}});
  lanes_.push_back(std::move(lane));
  rebalance();
}

bool Group::reads(const storage::Partition& partition) const noexcept {
  return std::ranges::any_of(lanes_, [&](const auto& lane) { return lane->partition == &partition; });
}

storage::Offset Group::Lane::position() const noexcept {
  storage::Offset lowest = cursor.positions().front().offset;
  if (!held.empty()) lowest = std::min(lowest, held.begin()->first);
  if (!again.empty()) lowest = std::min(lowest, *again.begin());
  return lowest;
}

std::vector<PartitionPosition> Group::positions() const {
  std::vector<PartitionPosition> positions;
  positions.reserve(lanes_.size());
  for (const auto& lane : lanes_) positions.push_back({lane->partition, lane->position()});
  return positions;
}

std::optional<MemberId> Group::owner_of(const storage::Partition& partition) const {
  for (const auto& lane : lanes_) {
    if (lane->partition == &partition && lane->owner != nullptr) return lane->owner->id;
  }
  return std::nullopt;
}

Group::Lane* Group::lane_of(const storage::Partition& partition) noexcept {
  const auto found = std::ranges::find(lanes_, &partition, [](const auto& lane) { return lane->partition; });
  return found == lanes_.end() ? nullptr : found->get();
}

// --- members ---

Group::Member* Group::find(MemberId id) noexcept {
  const auto found = std::ranges::find(members_, id, [](const auto& member) { return member->id; });
  return found == members_.end() ? nullptr : found->get();
}

bool Group::has_persistent_member() const noexcept {
  return std::ranges::any_of(members_,
                             [](const auto& member) { return member->attachment.lifetime == Lifetime::persistent; });
}

void Group::restore_member(MemberId id) {
  if (find(id) != nullptr) return;
  auto member = std::make_unique<Member>();
  member->id = id;
  member->attachment.lifetime = Lifetime::persistent;
  members_.push_back(std::move(member));
  metrics_.group_members.add();
}

void Group::join(MemberId id, const Attachment& attachment, const RecordPlaces& in_flight) {
  if (Member* member = find(id)) {
    take_back_all(*member, in_flight);
  } else {
    auto added = std::make_unique<Member>();
    added->id = id;
    members_.push_back(std::move(added));
    metrics_.group_members.add();
  }
  on_online(id, attachment);
}

void Group::on_online(MemberId id, const Attachment& attachment) {
  Member* member = find(id);
  if (member == nullptr) return;
  member->attachment = attachment;
  member->online = true;
  member->leaving = member->full = false;
  rebalance();
}

void Group::on_offline(MemberId id, const RecordPlaces& kept) {
  Member* member = find(id);
  if (member == nullptr) return;
  member->online = false;
  take_back_all(*member, kept);
  rebalance();
}

void Group::on_settled(MemberId id, const RecordPlaces& places) {
  Member* member = find(id);
  if (member == nullptr) return;
  for (const RecordPlace& place : places) {
    Lane* lane = lane_of(*place.partition);
    if (lane == nullptr) continue;
    const auto held = lane->held.find(place.offset);
    if (held == lane->held.end() || held->second != member) continue;
    lane->held.erase(held);
    --member->holds;
    if (lane->held.empty()) lane->owner = lane->next_owner;
  }
}

void Group::on_full(MemberId id, const RecordPlaces& returned) {
  Member* member = find(id);
  if (member == nullptr) return;
  member->full = true;
  take_back(*member, returned);
}

void Group::on_room(MemberId id) {
  if (Member* member = find(id)) member->full = false;
}

void Group::on_leave_soon(MemberId id, const RecordPlaces& returned) {
  Member* member = find(id);
  if (member == nullptr) return;
  member->leaving = true;
  take_back(*member, returned);
  rebalance();
}

void Group::on_leave(MemberId id, const RecordPlaces& settled) {
  Member* member = find(id);
  if (member == nullptr) return;
  member->online = false;
  on_settled(id, settled);
  take_back_all(*member, {});
  rebalance();
  std::erase_if(members_, [&](const auto& other) { return other.get() == member; });
  if (next_member_ >= members_.size()) next_member_ = 0;
  metrics_.group_members.subtract();
}

// --- taking back ---

void Group::take_back(Member& member, const RecordPlaces& places) {
  std::map<Lane*, storage::Offset> lowest;
  for (const RecordPlace& place : places) {
    Lane* lane = lane_of(*place.partition);
    if (lane == nullptr) continue;
    const auto held = lane->held.find(place.offset);
    if (held == lane->held.end() || held->second != &member) continue;
    lane->held.erase(held);
    --member.holds;
    metrics_.group_records_taken_back.add();
    if (kind_ == GroupKind::share) {
      lane->again.insert(place.offset);
    } else {
      const auto [at, is_first] = lowest.try_emplace(lane, place.offset);
      if (!is_first) at->second = std::min(at->second, place.offset);
    }
  }
  for (const auto& [lane, offset] : lowest) read_again_from(*lane, offset);
}

void Group::take_back_all(Member& member, const RecordPlaces& except) {
  RecordPlaces places;
  for (const auto& lane : lanes_) {
    for (const auto& [offset, holder] : lane->held) {
      const RecordPlace place{lane->partition, offset};
      if (holder == &member && std::ranges::find(except, place) == except.end()) places.push_back(place);
    }
  }
  take_back(member, places);
}

// What its owner has not settled from there on is read once more, in order, for the next owner.
void Group::read_again_from(Lane& lane, storage::Offset offset) {
  for (auto held = lane.held.lower_bound(offset); held != lane.held.end(); held = lane.held.erase(held)) {
    --held->second->holds;
    metrics_.group_records_taken_back.add();
  }
  lane.cursor = Cursor({{lane.partition, offset}});
  if (lane.held.empty()) lane.owner = lane.next_owner;
}

// --- who owns what ---

void Group::rebalance() {
  if (kind_ != GroupKind::partitioned || lanes_.empty()) return;
  std::vector<Member*> takers;
  for (const auto& member : members_) {
    if (member->takes()) takers.push_back(member.get());
  }
  std::vector<std::optional<std::size_t>> owners;
  for (const auto& lane : lanes_) {
    if (lane->owner != nullptr && !lane->owner->online) lane->owner = nullptr;
    const auto at = std::ranges::find(takers, lane->next_owner);
    owners.push_back(at == takers.end() ? std::nullopt : std::optional(static_cast<std::size_t>(at - takers.begin())));
  }
  std::vector<std::size_t> assigned;
  if (!takers.empty()) assigned = assign_partitions(owners, takers.size());
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    Lane& lane = *lanes_[i];
    Member* next = takers.empty() ? nullptr : takers[assigned[i]];
    if (next != lane.next_owner) metrics_.group_partitions_moved.add();
    lane.next_owner = next;
    if (lane.owner == nullptr || lane.held.empty()) lane.owner = next;
  }
}

// --- handing over ---

Group::Member* Group::receiver_for(const Lane& lane) noexcept {
  if (kind_ == GroupKind::partitioned) {
    const bool settled_here = lane.owner != nullptr && lane.owner == lane.next_owner;
    return settled_here && lane.owner->has_room() ? lane.owner : nullptr;
  }
  for (std::size_t i = 0; i < members_.size(); ++i) {
    Member& member = *members_[(next_member_ + i) % members_.size()];
    if (!member.has_room()) continue;
    return &member;
  }
  return nullptr;
}

void Group::hand_over(Lane& lane, storage::Offset offset, Member& to) {
  const bool is_new = lane.held.emplace(offset, &to).second;
  BITACORA_ASSERT(is_new);
  ++to.holds;
  to.to_hand_over.push_back({lane.partition, offset});
  metrics_.group_records_handed_over.add();
  if (kind_ != GroupKind::share) return;
  const auto at = std::ranges::find(members_, &to, [](const auto& member) { return member.get(); });
  next_member_ = static_cast<std::size_t>(at - members_.begin() + 1) % members_.size();
}

bool Group::wants(const storage::RecordView& record) const {
  const auto topic = MessageDecoder::topic_of(record);
  return topic && record.value && mqtt::matches(topic_filter_, *topic);
}

Group::Step Group::step(Lane& lane) {
  Member* receiver = receiver_for(lane);
  if (receiver == nullptr) return Step::waits;
  if (!lane.again.empty()) {
    const storage::Offset offset = *lane.again.begin();
    lane.again.erase(lane.again.begin());
    hand_over(lane, offset, *receiver);
    return Step::moved;
  }
  const auto record = lane.cursor.next();
  if (!record) {
    spdlog::error("group {}: reading {}/{} failed: {}; it is tried again with the next record", name_,
                  lane.partition->log_name(), lane.partition->number(), record.error().message);
    return Step::at_end;
  }
  if (!*record) {
    const auto gap = lane.cursor.take_gap();
    if (!gap) return Step::at_end;
    report(lane, *gap);
    return Step::moved;
  }
  if (wants((*record)->record)) hand_over(lane, (*record)->record.offset, *receiver);
  return Step::moved;
}

bool Group::run(std::size_t budget) {
  bool moved = true;
  while (moved) {
    moved = false;
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
      if (budget == 0) return true;
      Lane& lane = *lanes_[next_lane_++ % lanes_.size()];
      Step last = Step::moved;
      for (std::size_t count = 0; count < records_per_visit && budget > 0 && last == Step::moved; ++count) {
        last = step(lane);
        if (last != Step::moved) break;
        --budget;
        moved = true;
      }
    }
  }
  const bool anybody = std::ranges::any_of(members_, [](const auto& member) { return member->takes(); });
  if (!anybody) {
    for (const auto& lane : lanes_) lane->cursor.release_chunk();
  }
  return false;
}

std::vector<std::pair<MemberId, HandOver>> Group::take_hand_overs() {
  std::vector<std::pair<MemberId, HandOver>> hand_overs;
  for (const auto& member : members_) {
    if (member->to_hand_over.empty()) continue;
    hand_overs.emplace_back(member->id, HandOver{member->attachment.number, std::exchange(member->to_hand_over, {})});
  }
  return hand_overs;
}

void Group::report(const Lane& lane, const Gap& gap) const {
  const auto count = static_cast<std::uint64_t>(gap.offsets.end - gap.offsets.begin);
  const bool damage = gap.cause == Gap::Cause::damage;
  (damage ? metrics_.records_skipped_damage : metrics_.records_skipped_retention).add(count);
  spdlog::warn("group {}: {} records of {}/{} from offset {} to before {} were {} before it could read them", name_,
               count, lane.partition->log_name(), lane.partition->number(), gap.offsets.begin, gap.offsets.end,
               damage ? "damaged" : "removed by retention");
}

}  // namespace bitacora::bridge
