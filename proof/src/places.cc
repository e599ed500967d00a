#include "places.h"

#include <algorithm>
#include <unordered_set>

#include "base/assert.h"

namespace bitacora::proof {
namespace {

std::string to_text(Range range) { return "[" + std::to_string(range.begin) + ", " + std::to_string(range.end) + ")"; }

}  // namespace

bool KnownLog::ended_between(FactNumber begin, FactNumber end) const {
  return std::ranges::any_of(unclean_ends, [&](FactNumber ended) { return begin < ended && ended < end; });
}

Held& PartitionHistory::at(Offset offset) {
  BITACORA_ASSERT(offset >= 0);
  if (held_.empty()) first_ = offset;
  if (offset < first_) {
    held_.insert(held_.begin(), static_cast<std::size_t>(first_ - offset), Held{});
    first_ = offset;
  }
  const auto index = static_cast<std::size_t>(offset - first_);
  if (index >= held_.size()) held_.resize(index + 1);
  return held_[index];
}

const Held* PartitionHistory::find(Offset offset) const {
  if (offset < first_ || offset - first_ >= static_cast<Offset>(held_.size())) return nullptr;
  const Held& held = held_[static_cast<std::size_t>(offset - first_)];
  return held.id.publisher == MessageId::nothing ? nullptr : &held;
}

void PartitionHistory::hold(Offset offset, MessageId id, FactNumber at_fact, FactNumber reading, Messages& messages,
                            Findings& findings) {
  if (id.publisher == MessageId::nothing) return;
  Held& held = at(offset);
  if (held.id != id) {
    if (held.id.publisher != MessageId::nothing && !is_forgotten(held)) {
      findings.add(Invariant::I2,
                   name(offset) + " held " + messages.name_of(held.id) + " and holds " + messages.name_of(id) + " now");
      return;
    }
    held = {id, 0, 0};
  }
  if (held.told_at == 0 || is_forgotten(held)) {
    if (Message* message = messages.find(id)) ++message->copies;
    held.told_at = at_fact;
  }
  if (reading != 0) held.last_reading = reading;
}

void PartitionHistory::forget(FactNumber forgot_before, Messages& messages) {
  for (const Held& held : held_) {
    if (held.told_at < std::max<FactNumber>(forgot_before, 1)) continue;  // nothing, or forgotten before
    if (Message* message = messages.find(held.id)) --message->copies;
  }
}

bool PartitionHistory::is_damaged(Offset offset) const {
  return std::ranges::any_of(damages_, [&](Range damage) { return damage.holds(offset); });
}

const Reading* PartitionHistory::last_whole() const {
  const auto whole = [](const Reading& reading) { return reading.from <= reading.log_start; };
  const auto found = std::find_if(readings_.rbegin(), readings_.rend(), whole);
  return found == readings_.rend() ? nullptr : &*found;
}

bool PartitionHistory::may_be_gone(Offset offset) const {
  const Held* held = find(offset);
  const Reading* last = last_whole();
  if (log_.keep == Keep::compact || is_damaged(offset)) return true;
  if (held != nullptr && is_forgotten(*held)) return true;
  const bool removes = log_.keep == Keep::recent || log_.durability == Durability::memory;
  return removes && last != nullptr && offset < last->log_start;
}

bool PartitionHistory::was_compacted_away(Offset offset) const {
  if (log_.keep != Keep::compact) return false;
  return std::ranges::any_of(readings_, [&](const Reading& reading) {
    return std::ranges::any_of(reading.holes, [&](Range hole) { return hole.holds(offset); });
  });
}

void PartitionHistory::count_removed_copies(const Messages& messages,
                                            std::unordered_map<std::uint64_t, std::uint16_t>& into) const {
  const Reading* last = last_whole();
  if (log_.keep != Keep::recent || last == nullptr) return;
  walk([&](Offset offset, const Held& held) {
    const Message* message = messages.find(held.id);
    if (message == nullptr || message->qos != 2 || offset >= last->log_start || is_forgotten(held)) return;
    if (log_.ended_between(message->first_attempt, message->last_attempt)) ++into[held.id.packed()];
  });
}

void PartitionHistory::walk(const std::function<void(Offset, const Held&)>& use) const {
  for (std::size_t i = 0; i < held_.size(); ++i) {
    if (held_[i].id.publisher != MessageId::nothing) use(first_ + static_cast<Offset>(i), held_[i]);
  }
}

void PartitionHistory::check(const Messages& messages, const std::vector<UnheardRefusals>& refusals,
                             Findings& findings) const {
  check_holes(messages, findings);
  check_gone(messages, findings);
  check_order(messages, refusals, findings);
}

// I2: dense. I3: what one reading has and another has not.
void PartitionHistory::check_holes(const Messages& messages, Findings& findings) const {
  for (const Reading& reading : readings_) {
    for (const Range hole : reading.holes) {
      Offset missing = 0;
      for (Offset offset = hole.begin; offset < hole.end; ++offset) {
        if (is_damaged(offset)) continue;
        ++missing;
        const Held* held = find(offset);
        if (held == nullptr || held->last_reading == 0) continue;
        // Compaction takes records out and never puts any back, but for a crash before its new file has the old one's
        // name for good; what retention removed is below the log start.
        const bool came_back =
            held->last_reading > reading.began && !log_.ended_between(reading.began, held->last_reading);
        if (log_.keep == Keep::compact && !came_back) continue;
        findings.add(Invariant::I3,
                     name(offset) + ": one reading gave " + messages.name_of(held->id) + ", another one left it out");
      }
      if (missing > 0 && log_.keep != Keep::compact) {
        findings.add(Invariant::I2, name() + ": offsets " + to_text(hole) + " have no record");
      }
    }
  }
}

// What was readable or acknowledged, and is not in the last whole reading.
void PartitionHistory::check_gone(const Messages& messages, Findings& findings) const {
  const Reading* last = last_whole();
  std::unordered_set<std::uint32_t> later_topics;  // of records in the last reading
  for (std::size_t i = held_.size(); i-- > 0;) {
    const Held& held = held_[i];
    if (held.id.publisher == MessageId::nothing) continue;
    const Offset offset = first_ + static_cast<Offset>(i);
    const Message* message = messages.find(held.id);
    const bool acknowledged = message != nullptr && message->acknowledged != 0;
    const std::uint32_t topic = messages.topic_of(held.id);
    if (last == nullptr) {
      if (!acknowledged) continue;
      findings.add(Invariant::I1, name() + " holds " + messages.name_of(held.id) + " and was never read as a whole");
      return;
    }
    if (held.last_reading >= last->began) {
      later_topics.insert(topic);
    } else if (log_.keep == Keep::compact ? !later_topics.contains(topic) : !may_be_gone(offset)) {
      findings.add(acknowledged ? Invariant::I1 : Invariant::I2,
                   messages.name_of(held.id) + (acknowledged ? " was acknowledged" : " was readable") +
                       " and is gone from " + name(offset) + "; the log goes from " + std::to_string(last->log_start) +
                       " to " + std::to_string(last->next));
    }
  }
}

// Whether `message`, first seen by fact `seen_at`, may stand behind `later`, which its publisher first sent after it:
// it was refused, its sender did not hear of that and sent it again, and nobody has seen it before; `later` was sent
// beside the attempt that was refused, not behind all of them.
bool PartitionHistory::may_be_overtaken(const Message& message, FactNumber seen_at, const Message& later,
                                        const std::vector<UnheardRefusals>& refusals) {
  const bool beside = message.attempts > 1 && later.first_attempt < message.last_attempt;
  if (!beside || seen_at < message.second_attempt) return false;
  const FactNumber refused = message.refused_unheard;
  if (refused != 0 && refused < message.last_attempt && refused < seen_at) return true;
  return std::ranges::any_of(refusals, [&](const UnheardRefusals& some) {
    return some.begin < message.previous_attempt && message.first_attempt < some.end;
  });
}

// I5: the first copies of what a publisher sent. One that was refused keeps no place. Where records are removed, nobody
// may have seen the first copy of what was sent again before it was gone.
void PartitionHistory::check_order(const Messages& messages, const std::vector<UnheardRefusals>& refusals,
                                   Findings& findings) const {
  struct Last {
    std::uint32_t sequence = 0;
    bool any = false;
  };
  std::unordered_map<std::uint64_t, Last> lasts;     // by publisher, and whether QoS 0
  std::unordered_set<std::uint64_t> seen_of_copied;  // messages with several copies whose first has been passed
  walk([&](Offset offset, const Held& held) {
    const Message* message = messages.find(held.id);
    if (message == nullptr || message->refused || is_forgotten(held)) return;
    if (log_.keep != Keep::all && message->attempts > 1) return;
    if (message->copies > 1 && !seen_of_copied.insert(held.id.packed()).second) return;
    Last& last = lasts[std::uint64_t{held.id.publisher} << 1 | (message->qos == 0 ? 1 : 0)];
    const MessageId in_front{held.id.publisher, last.sequence};
    if (last.any && held.id.sequence < last.sequence &&
        !may_be_overtaken(*message, held.told_at, *messages.find(in_front), refusals)) {
      findings.add(Invariant::I5,
                   name(offset) + " holds " + messages.name_of(held.id) + " behind " + messages.name_of(in_front));
    }
    last = {last.any ? std::max(last.sequence, held.id.sequence) : held.id.sequence, true};
  });
}

void Places::know(const LogKnown& log) {
  const auto [at, added] = logs_.try_emplace(log.log, KnownLog{log.log, log.durability, log.keep, 0});
  BITACORA_ASSERT(added || (at->second.durability == log.durability && at->second.keep == log.keep));
}

void Places::ended(End how, FactNumber at, Messages& messages) {
  for (auto& [name, log] : logs_) {
    if (how != End::clean) log.unclean_ends.push_back(at);
    const bool forgets =
        log.durability == Durability::memory || (log.durability == Durability::async && how == End::power);
    if (!forgets) continue;
    for (auto& [key, partition] : partitions_) {
      if (key.first == name) partition.forget(log.forgets_before, messages);
    }
    log.forgets_before = at;
  }
  open_.clear();  // a reading that the server's end cut off says nothing
}

PartitionHistory& Places::partition(const std::string& log, std::int32_t number) {
  const auto known = logs_.find(log);
  BITACORA_ASSERT(known != logs_.end());
  return partitions_.try_emplace({log, number}, known->second, number).first->second;
}

const PartitionHistory* Places::find(const std::string& log, std::int32_t number) const {
  const auto found = partitions_.find({log, number});
  return found == partitions_.end() ? nullptr : &found->second;
}

void Places::begin(const ReadingBegan& fact, FactNumber at) {
  BITACORA_ASSERT(fact.from >= fact.log_start);
  OpenReading open{&partition(fact.log, fact.partition), {at, fact.log_start, fact.from, fact.from}, fact.from};
  BITACORA_ASSERT(open_.emplace(fact.reading, std::move(open)).second);
}

void Places::record(const ReadRecord& fact, FactNumber at, Messages& messages, Findings& findings) {
  const auto found = open_.find(fact.reading);
  if (found == open_.end()) return;  // the server has ended meanwhile
  OpenReading& open = found->second;
  const std::string where = open.partition->name(fact.offset);
  if (fact.offset < open.expected) {
    findings.add(Invariant::I2, where + " came behind offset " + std::to_string(open.expected - 1));
    return;
  }
  if (fact.offset > open.expected) open.reading.holes.push_back({open.expected, fact.offset});
  open.expected = fact.offset + 1;
  const MessageId id = messages.recognise(fact.content, fact.topic, where, findings);
  open.partition->hold(fact.offset, id, at, open.reading.began, messages, findings);
}

void Places::end(const ReadingEnded& fact, Findings& findings) {
  const auto found = open_.find(fact.reading);
  if (found == open_.end()) return;
  OpenReading& open = found->second;
  if (fact.next < open.expected) {
    findings.add(Invariant::I2, open.partition->name() + " ends at " + std::to_string(fact.next) + " and gave offset " +
                                    std::to_string(open.expected - 1));
  } else if (fact.next > open.expected) {
    open.reading.holes.push_back({open.expected, fact.next});
  }
  open.reading.next = fact.next;
  open.partition->add(std::move(open.reading));
  open_.erase(found);
}

void Places::check(const Messages& messages, Findings& findings) const {
  for (const auto& [key, partition] : partitions_) partition.check(messages, refusals_, findings);
}

std::unordered_map<std::uint64_t, std::uint16_t> Places::removed_copies(const Messages& messages) const {
  std::unordered_map<std::uint64_t, std::uint16_t> removed;
  for (const auto& [key, partition] : partitions_) partition.count_removed_copies(messages, removed);
  return removed;
}

bool Places::is_remembered(const Message& message) const {
  if (message.acknowledged == 0 || message.copies > 0) return message.acknowledged != 0;
  return std::ranges::all_of(logs_, [&](const auto& log) { return log.second.forgets_before < message.acknowledged; });
}

}  // namespace bitacora::proof
