#include "group_home.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "base/assert.h"
#include "bridge/error_map.h"
#include "bridge/shard.h"

namespace bitacora::bridge {
namespace {

using Kind = OffsetRequest::Kind;

// What one group may read in one turn before others have theirs.
constexpr std::size_t records_per_turn = 1024;

}  // namespace

GroupHome::GroupHome(ShardContext& context, const RecoveredState& recovered)
    : context_(context), known_partitions_(context.store.partition_count()) {
  for (const JournalImage::Session& session : recovered.sessions) {
    const MemberId member{shard_of(session.entry.client_id, context.shard_count).value(), session.entry.epoch};
    for (const auto& [filter, subscription] : session.subscriptions) {
      const auto parsed = parse_group_filter(filter);
      if (!parsed || !*parsed) continue;
      const std::string name = catalog_name(**parsed);
      if (home_shard_of(name, context.shard_count) != context.index.value()) continue;
      Hosted& hosted = host(name, (*parsed)->kind, std::string((*parsed)->topic_filter));
      hosted.recovered = true;
      hosted.durability = Durability::durable;
      hosted.group->restore_member(member);
    }
  }
}

GroupHome::Hosted& GroupHome::host(const std::string& name, GroupKind kind, std::string topic_filter) {
  const auto [at, is_new] = groups_.try_emplace(name);
  Hosted& hosted = at->second;
  if (!is_new) return hosted;
  hosted.group = std::make_unique<Group>(name, kind, std::move(topic_filter), context_.metrics);
  hosted.load = request(Kind::load, name);
  return hosted;
}

std::uint64_t GroupHome::request(Kind kind, const std::string& group, std::vector<storage::GroupOffset> offsets) {
  const std::uint64_t id = next_request_++;
  waiting_for_[id] = group;
  requests_.push_back({kind, context_.index.value(), id, group, std::move(offsets)});
  return id;
}

// --- mail ---

void GroupHome::on_message(GroupMessage message) {
  auto found = groups_.find(message.group);
  if (found == groups_.end()) {
    const auto* join = std::get_if<JoinGroup>(&message.body);
    if (join == nullptr) return;  // of a member that was refused
    host(message.group, join->kind, join->topic_filter).from = join->from;
    found = groups_.find(message.group);
  }
  Hosted& hosted = found->second;
  if (hosted.loading) {
    hosted.waiting.push_back(std::move(message));
    if (std::exchange(hosted.load_failed, false)) hosted.load = request(Kind::load, hosted.group->name());
    return;
  }
  handle(hosted, message);
  drop_if_empty(message.group);
}

void GroupHome::handle(Hosted& hosted, const GroupMessage& message) {
  Group& group = *hosted.group;
  hosted.to_run = hosted.may_have_moved = true;
  const MemberId id = message.member;
  if (const auto* joining = std::get_if<JoinGroup>(&message.body)) {
    join(hosted, message, *joining);
  } else if (const auto* online = std::get_if<MemberOnline>(&message.body)) {
    group.on_online(id, online->attachment);
  } else if (const auto* offline = std::get_if<MemberOffline>(&message.body)) {
    group.on_offline(id, offline->kept);
  } else if (const auto* settled = std::get_if<RecordsSettled>(&message.body)) {
    group.on_settled(id, settled->places);
  } else if (const auto* full = std::get_if<MemberFull>(&message.body)) {
    group.on_full(id, full->returned);
  } else if (std::holds_alternative<MemberHasRoom>(message.body)) {
    group.on_room(id);
  } else if (const auto* soon = std::get_if<LeaveSoon>(&message.body)) {
    group.on_leave_soon(id, soon->returned);
  } else if (const auto* leave = std::get_if<LeaveGroup>(&message.body)) {
    group.on_leave(id, leave->settled);
  }
}

void GroupHome::join(Hosted& hosted, const GroupMessage& message, const JoinGroup& join) {
  Group& group = *hosted.group;
  if (group.topic_filter() != join.topic_filter) {
    return answer(message, mqtt::ReasonCode::topic_filter_invalid,
                  "the members of group \"" + group.name() + "\" read \"" + group.topic_filter() +
                      "\"; a group has one filter at a time");
  }
  group.join(message.member, join.attachment, join.in_flight);
  if (!wants_durability(hosted) || hosted.durability == Durability::durable) {
    return answer(message, mqtt::ReasonCode::success);
  }
  hosted.unanswered.push_back(message);
  if (!hosted.committing) commit(hosted);
}

void GroupHome::answer(const GroupMessage& join, mqtt::ReasonCode reason, std::string why) {
  const auto& asked = std::get<JoinGroup>(join.body);
  context_.mail.push_back(
      {join.member.shard, {join.group, join.member, GroupJoined{asked.ticket, asked.entry, reason, std::move(why)}}});
}

void GroupHome::drop_if_empty(const std::string& name) {
  const auto found = groups_.find(name);
  if (found == groups_.end()) return;
  Hosted& hosted = found->second;
  const bool share = hosted.group->kind() == GroupKind::share;
  if (share && !hosted.loading && !hosted.group->has_persistent_member() && hosted.durability != Durability::none) {
    (void)request(Kind::remove, name);
    hosted.durability = Durability::none;
    hosted.committing.reset();
    hosted.committed.clear();
    for (const GroupMessage& join : std::exchange(hosted.unanswered, {})) answer(join, mqtt::ReasonCode::success);
  }
  if (hosted.group->member_count() != 0 || (hosted.loading && !hosted.load_failed)) return;
  if (!share && has_moved(hosted)) commit(hosted);
  for (const GroupMessage& join : hosted.unanswered) answer(join, mqtt::ReasonCode::success);  // it has left again
  (void)request(Kind::release, name);
  groups_.erase(found);
}

// --- positions ---

bool GroupHome::wants_durability(const Hosted& hosted) const {
  return hosted.group->kind() == GroupKind::partitioned || hosted.group->has_persistent_member();
}

storage::Offset GroupHome::start_in(storage::Partition& partition, const StartPosition& from) const {
  const auto offset = resolve(from, partition, context_.now.wall_ms);
  if (offset) return std::min(*offset, partition.offsets().committed);
  spdlog::error("group start in {}/{}: {}; it begins at the end", partition.log_name(), partition.number(),
                offset.error().message);
  return partition.offsets().committed;
}

void GroupHome::add_partitions(Hosted& hosted, const std::vector<storage::GroupOffset>& known) {
  const StartPosition otherwise = known.empty() ? hosted.from.value_or(Latest{}) : hosted.from.value_or(Earliest{});
  for (const storage::Log* log : context_.router.logs_for(hosted.group->topic_filter())) {
    for (std::int32_t number = 0; number < log->partition_count(); ++number) {
      storage::Partition& partition = log->partition(number);
      if (hosted.group->reads(partition)) continue;
      const auto at = std::ranges::find_if(known, [&](const storage::GroupOffset& offset) {
        return offset.log == log->name() && offset.partition == number && offset.offset >= 0;
      });
      if (at == known.end()) {
        hosted.group->add_partition(partition, start_in(partition, otherwise));
      } else {  // a backup of the log may be older than the catalog (F14)
        hosted.group->add_partition(partition, std::min(at->offset, partition.offsets().committed));
      }
    }
  }
}

// What was made since is read from its beginning; what a changed route brings in, from now on.
void GroupHome::add_new_partitions() {
  const std::uint32_t count = context_.store.partition_count();
  if (count == known_partitions_ && !std::exchange(routes_changed_, false)) return;
  for (auto& [name, hosted] : groups_) {
    if (hosted.loading) continue;
    for (const storage::Log* log : context_.router.logs_for(hosted.group->topic_filter())) {
      for (std::int32_t number = 0; number < log->partition_count(); ++number) {
        storage::Partition& partition = log->partition(number);
        if (hosted.group->reads(partition)) continue;
        const bool is_new = partition.index().value() >= known_partitions_;
        const StartPosition from = is_new ? StartPosition(Earliest{}) : StartPosition(Latest{});
        hosted.group->add_partition(partition, start_in(partition, from));
        hosted.to_run = true;
      }
    }
  }
  known_partitions_ = count;
}

// --- the catalog's answers ---

void GroupHome::on_answer(OffsetAnswer answer) {
  const auto asked = waiting_for_.extract(answer.id);
  BITACORA_ASSERT(!asked.empty());
  const std::string& name = asked.mapped();
  if (answer.error) spdlog::error("group {}: the catalog failed: {}", name, answer.error->message);
  const auto found = groups_.find(name);
  if (found == groups_.end()) return;
  if (found->second.load == answer.id) {  // and not the last word of an earlier group of that name
    on_loaded(found->second, answer);
  } else if (found->second.committing == answer.id) {
    on_committed(found->second, answer);
  }
  drop_if_empty(name);
}

void GroupHome::on_loaded(Hosted& hosted, OffsetAnswer& loaded) {
  std::vector<GroupMessage> waiting = std::exchange(hosted.waiting, {});
  if (loaded.error) {  // it cannot be said where the group stands: asked again with the next message
    hosted.load_failed = true;
    for (GroupMessage& message : waiting) {
      if (std::holds_alternative<JoinGroup>(message.body)) {
        answer(message, publish_reason(loaded.error->code), loaded.error->message);
      } else {
        hosted.waiting.push_back(std::move(message));
      }
    }
    return;
  }
  hosted.loading = false;
  // A $share that is new starts now, whatever an earlier one of that name has left.
  if (hosted.group->kind() == GroupKind::share && !hosted.recovered) loaded.offsets.clear();
  add_partitions(hosted, loaded.offsets);
  for (const storage::GroupOffset& offset : loaded.offsets) {
    for (const PartitionPosition& position : hosted.group->positions()) {
      if (position.partition->log_name() != offset.log || position.partition->number() != offset.partition) continue;
      hosted.committed[position.partition] = offset.offset;
    }
  }
  if (!hosted.group->positions().empty() && hosted.committed.size() == hosted.group->positions().size()) {
    hosted.durability = Durability::durable;
  }
  for (const GroupMessage& message : waiting) handle(hosted, message);
}

void GroupHome::on_committed(Hosted& hosted, const OffsetAnswer& committed) {
  hosted.committing.reset();
  const auto unanswered = std::exchange(hosted.unanswered, {});
  if (committed.error) {
    if (!shutting_down_) hosted.committed.clear();  // tried again when it is due
    hosted.may_have_moved = true;
    for (const GroupMessage& join : unanswered) {
      hosted.group->on_leave(join.member, {});
      answer(join, publish_reason(committed.error->code), committed.error->message);
    }
    return;
  }
  hosted.durability = Durability::durable;
  for (const GroupMessage& join : unanswered) answer(join, mqtt::ReasonCode::success);
}

// --- writing down ---

bool GroupHome::has_moved(const Hosted& hosted) const {
  if (hosted.loading || !wants_durability(hosted)) return false;
  return std::ranges::any_of(hosted.group->positions(), [&](const PartitionPosition& position) {
    const auto at = hosted.committed.find(position.partition);
    return at == hosted.committed.end() || at->second != position.offset;
  });
}

void GroupHome::commit(Hosted& hosted) {
  std::vector<storage::GroupOffset> offsets;
  for (const PartitionPosition& position : hosted.group->positions()) {
    hosted.committed[position.partition] = position.offset;
    storage::GroupOffset offset;
    offset.log = position.partition->log_name();
    offset.partition = position.partition->number();
    offset.offset = position.offset;
    offset.committed_at = context_.now.wall_ms;
    offsets.push_back(std::move(offset));
  }
  hosted.committing = request(Kind::commit, hosted.group->name(), std::move(offsets));
  if (hosted.durability == Durability::none) hosted.durability = Durability::requested;
}

void GroupHome::commit_what_is_due() {
  const bool due = shutting_down_ || (commit_due_ && *commit_due_ <= context_.now.monotonic);
  if (commit_due_ && *commit_due_ <= context_.now.monotonic) commit_due_.reset();
  for (auto& [name, hosted] : groups_) {
    if (hosted.committing || !hosted.may_have_moved) continue;
    if (!has_moved(hosted)) {
      hosted.may_have_moved = false;
    } else if (due) {
      commit(hosted);
    } else if (!commit_due_) {
      commit_due_ = context_.now.monotonic + context_.settings->sessions.checkpoint_interval;
    }
  }
}

// --- turns ---

void GroupHome::on_batch(const storage::Partition& partition) {
  if (groups_.empty() || partition.is_internal()) return;
  for (auto& [name, hosted] : groups_) hosted.to_run = hosted.to_run || hosted.group->reads(partition);
}

void GroupHome::run() {
  add_new_partitions();
  more_to_read_ = false;
  for (auto& [name, hosted] : groups_) {
    if (hosted.loading || !hosted.to_run) continue;
    hosted.to_run = hosted.group->run(records_per_turn);
    hosted.may_have_moved = true;
    more_to_read_ |= hosted.to_run;
    for (auto& [member, hand_over] : hosted.group->take_hand_overs()) {
      context_.mail.push_back({member.shard, {name, member, std::move(hand_over)}});
    }
  }
  commit_what_is_due();
}

bool GroupHome::idle() const noexcept {
  return waiting_for_.empty() &&
         std::ranges::none_of(groups_, [&](const auto& named) { return has_moved(named.second); });
}

}  // namespace bitacora::bridge
