#include "subscribers.h"

#include <algorithm>
#include <unordered_set>

namespace bitacora::proof {

void Subscribers::subscribe(const Subscribed& fact, FactNumber at) {
  Subscriber& subscriber = subscribers_[fact.subscriber];
  if (subscriber.since != 0) return;  // subscribed again
  subscriber.prefix = fact.topic_prefix;
  subscriber.order = fact.order;
  subscriber.since = at;
}

bool Subscribers::is_owed(const std::string& subscriber, const Message& message, const Messages& messages) const {
  const auto found = subscribers_.find(subscriber);
  return found != subscribers_.end() && is_owed(found->second, message, messages);
}

bool Subscribers::is_owed(const Subscriber& subscriber, const Message& message, const Messages& messages) {
  return subscriber.since != 0 && message.qos > 0 && message.first_attempt > subscriber.since &&
         message.kind != Published::Kind::removal && messages.topic_name(message.topic).starts_with(subscriber.prefix);
}

void Subscribers::deliver(const Delivered& fact, MessageId id, const Message* message, Findings& findings) {
  Subscriber& subscriber = subscribers_[fact.subscriber];
  if (id.publisher < MessageId::nothing) {
    auto& received = subscriber.received[id.publisher];
    if (received.size() <= id.sequence) received.resize(id.sequence + 1);
    received[id.sequence] = true;
  }
  // What was published at QoS 0 may be lost on its way once, and come with what is sent again after a crash.
  if (!fact.place || subscriber.order == Order::any || (message != nullptr && message->qos == 0)) return;
  Progress& progress = subscriber.progress[{fact.place->log, fact.place->partition}];
  const Offset offset = fact.place->offset;
  const auto index = static_cast<std::size_t>(offset);
  if (progress.seen.size() <= index) progress.seen.resize(index + 1);
  if (progress.seen[index]) return;
  progress.seen[index] = true;
  if (offset < progress.highest) {
    findings.add(Invariant::D2, fact.subscriber + " got " + fact.place->log + "/" +
                                    std::to_string(fact.place->partition) + " offset " + std::to_string(offset) +
                                    " for the first time behind offset " + std::to_string(progress.highest));
  }
  progress.highest = std::max(progress.highest, offset);
}

bool Subscribers::has(const Subscriber& subscriber, MessageId id) {
  const auto received = subscriber.received.find(id.publisher);
  return received != subscriber.received.end() && id.sequence < received->second.size() &&
         received->second[id.sequence];
}

void Subscribers::check(const Messages& messages, const Places& places, Findings& findings) const {
  for (const auto& [name, subscriber] : subscribers_) {
    if (subscriber.since == 0) continue;
    std::unordered_set<std::uint64_t> missing;
    for (std::uint32_t publisher = 0; publisher < messages.all().size(); ++publisher) {
      for (std::uint32_t sequence = 0; sequence < messages.all()[publisher].size(); ++sequence) {
        const MessageId id{publisher, sequence};
        const Message& message = *messages.find(id);
        if (is_owed(subscriber, message, messages) && places.is_remembered(message) && !has(subscriber, id)) {
          missing.insert(id.packed());
        }
      }
    }
    if (missing.empty()) continue;
    // Retention, compaction and damage may have been faster than the subscriber.
    for (const auto& [key, partition] : places.partitions()) {
      partition.walk([&, &at = partition](Offset offset, const Held& held) {
        const Reading* last = at.last_whole();
        const bool gone = last != nullptr && held.last_reading < last->began;
        if ((gone && at.may_be_gone(offset)) || at.was_compacted_away(offset)) missing.erase(held.id.packed());
      });
    }
    for (const std::uint64_t packed : missing) {
      const MessageId id{static_cast<std::uint32_t>(packed >> 32), static_cast<std::uint32_t>(packed)};
      findings.add(Invariant::D1, name + " never got " + messages.name_of(id) + ", which was acknowledged");
    }
  }
}

}  // namespace bitacora::proof
