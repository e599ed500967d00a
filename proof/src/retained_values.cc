#include "retained_values.h"

namespace bitacora::proof {
namespace {

// Whether `later` was taken, and only after all that `earlier` could still do.
bool replaced(MessageId earlier_id, const Message& earlier, MessageId later_id, const Message& later) {
  if (later.acknowledged == 0) return false;
  if (earlier.acknowledged != 0 && earlier.acknowledged < later.first_attempt) return true;
  return earlier_id.publisher == later_id.publisher && earlier.last_attempt < later.first_attempt;
}

}  // namespace

void RetainedValues::publish(MessageId id, const Message& message) {
  if (message.kind != Published::Kind::plain && message.attempts == 1) by_topic_[message.topic].push_back(id);
}

void RetainedValues::read(const RetainedRead& fact, const Messages& messages, Findings& findings) const {
  static const std::vector<MessageId> none;
  const std::string where = "the retained message of " + fact.topic;
  MessageId given;
  if (fact.content.kind != Content::Kind::empty) {
    given = messages.recognise(fact.content, fact.topic, where, findings);
    if (given.publisher == MessageId::nothing) return;
  }
  const auto topic = messages.find_topic(fact.topic);
  const auto found = topic ? by_topic_.find(*topic) : by_topic_.end();
  const std::vector<MessageId>& all = found == by_topic_.end() ? none : found->second;
  MessageId after;  // what rules the answer out
  const auto possible = [&](MessageId id) {
    for (const MessageId other : all) {
      if (other == id || !replaced(id, *messages.find(id), other, *messages.find(other))) continue;
      after = other;
      return false;
    }
    return true;
  };
  if (given.publisher != MessageId::nothing) {
    if (messages.find(given)->kind == Published::Kind::plain) {
      findings.add(Invariant::I8, where + " is " + messages.name_of(given) + ", which was not published with RETAIN");
    } else if (!possible(given)) {
      findings.add(Invariant::I8, where + " is " + messages.name_of(given) + "; " + messages.name_of(after) +
                                      " was acknowledged after it");
    }
    return;
  }
  bool any_acknowledged = false;
  for (const MessageId id : all) {
    const Message& message = *messages.find(id);
    if (message.kind == Published::Kind::removal && possible(id)) return;
    if (message.acknowledged != 0) any_acknowledged = true, after = id;
  }
  if (any_acknowledged)
    findings.add(Invariant::I8, where + " is gone; " + messages.name_of(after) + " was acknowledged");
}

}  // namespace bitacora::proof
