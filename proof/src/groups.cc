#include "groups.h"

#include <algorithm>

namespace bitacora::proof {

void Groups::consume(const Consumed& fact) {
  std::vector<bool>& consumed = position(fact.group, fact.place).consumed;
  const auto index = static_cast<std::size_t>(fact.place.offset);
  if (consumed.size() <= index) consumed.resize(index + 1);
  consumed[index] = true;
}

void Groups::reset(const GroupReset& fact) {
  Position& position = this->position(fact.group, fact.place);
  position.at = fact.place.offset;
  position.passed = std::max<Offset>(fact.place.offset, 0);
}

void Groups::read(const GroupRead& fact, Findings& findings) {
  Position& position = this->position(fact.group, fact.place);
  if (fact.place.offset < position.at) {
    findings.add(Invariant::I7, "group " + fact.group + " went back from " + std::to_string(position.at) + " to " +
                                    std::to_string(fact.place.offset) + " in " + fact.place.log + "/" +
                                    std::to_string(fact.place.partition));
  }
  position.at = fact.place.offset;
  for (; position.passed < fact.place.offset; ++position.passed) {
    const auto index = static_cast<std::size_t>(position.passed);
    if (index < position.consumed.size() && position.consumed[index]) continue;
    if (!position.skipped.empty() && position.skipped.back().end == position.passed) {
      ++position.skipped.back().end;
    } else {
      position.skipped.push_back({position.passed, position.passed + 1});
    }
  }
}

void Groups::check(const Messages& messages, const Places& places, const Subscribers& subscribers,
                   Findings& findings) const {
  for (const auto& [key, position] : positions_) {
    const auto& [group, log, number] = key;
    const PartitionHistory* partition = places.find(log, number);
    const Reading* last = partition == nullptr ? nullptr : partition->last_whole();
    if (last != nullptr && position.at > last->next) {
      findings.add(Invariant::I7, "group " + group + " is at " + std::to_string(position.at) + " in " +
                                      partition->name() + ", which ends at " + std::to_string(last->next));
    }
    if (partition == nullptr) continue;
    for (const Range skipped : position.skipped) {
      for (Offset offset = skipped.begin; offset < skipped.end; ++offset) {
        const Held* held = partition->find(offset);
        const Message* message = held == nullptr ? nullptr : messages.find(held->id);
        if (message == nullptr || !subscribers.is_owed(group, *message, messages)) continue;
        if (partition->may_be_gone(offset)) continue;
        findings.add(Invariant::D3, "group " + group + " went past " + partition->name(offset) + ", " +
                                        messages.name_of(held->id) + ", which no member had acknowledged");
      }
    }
  }
}

}  // namespace bitacora::proof
