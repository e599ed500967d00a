#include "messages.h"

#include "base/assert.h"

namespace bitacora::proof {

MessageId Messages::publish(const Published& attempt, FactNumber at, Totals& totals) {
  const std::uint32_t publisher = publisher_names_.add(attempt.publisher);
  if (publisher == publishers_.size()) publishers_.emplace_back();
  std::vector<Message>& messages = publishers_[publisher];
  BITACORA_ASSERT(attempt.sequence <= messages.size());
  if (attempt.sequence == messages.size()) {
    Message message;
    message.topic = topics_.add(attempt.topic);
    message.first_attempt = at;
    message.qos = attempt.qos;
    message.kind = attempt.kind;
    messages.push_back(message);
    ++totals.published;
    if (removed_topics_.size() <= message.topic) removed_topics_.resize(message.topic + 1);
    if (attempt.kind == Published::Kind::removal) removed_topics_[message.topic] = true;
  } else {
    ++totals.sent_again;
  }
  Message& message = messages[attempt.sequence];
  BITACORA_ASSERT(topics_[message.topic] == attempt.topic && message.kind == attempt.kind);
  message.previous_attempt = message.last_attempt;
  if (message.attempts == 1) message.second_attempt = at;
  message.last_attempt = at;
  ++message.attempts;
  return {publisher, attempt.sequence};
}

MessageId Messages::known(const std::string& publisher, std::uint32_t sequence) const {
  const auto number = publisher_names_.find(publisher);
  BITACORA_ASSERT(number.has_value() && sequence < publishers_[*number].size());
  return {*number, sequence};
}

MessageId Messages::acknowledge(const Acknowledged& fact, FactNumber at, Totals& totals) {
  const MessageId id = known(fact.publisher, fact.sequence);
  Message& message = *find(id);
  if (message.acknowledged == 0) {
    message.acknowledged = at;
    ++totals.acknowledged;
  }
  return id;
}

void Messages::refuse(const Refused& fact, Totals& totals) {
  find(known(fact.publisher, fact.sequence))->refused = true;
  ++totals.refused;
}

void Messages::refuse(const RefusedUnheard& fact, FactNumber at) {
  Message& message = *find(known(fact.publisher, fact.sequence));
  if (message.refused_unheard == 0) message.refused_unheard = at;
}

MessageId Messages::recognise(const Content& content, const std::string& topic, const std::string& where,
                              Findings& findings) const {
  const auto topic_number = topics_.find(topic);
  if (content.kind == Content::Kind::damaged) {
    findings.add(Invariant::I9, where + " gives " + describe(content));
  } else if (content.kind == Content::Kind::foreign) {
    findings.add(Invariant::I4, where + " gives " + describe(content));
  } else if (content.kind == Content::Kind::empty) {
    if (topic_number && removed_topics_[*topic_number]) return {MessageId::removal, *topic_number};
    findings.add(Invariant::I4, where + " gives an empty message under " + topic + " that nobody sent");
  } else {
    const auto publisher = publisher_names_.find(content.publisher);
    if (!publisher || content.sequence >= publishers_[*publisher].size()) {
      findings.add(Invariant::I4, where + " gives " + describe(content) + " that nobody sent");
      return {};
    }
    const MessageId id{*publisher, content.sequence};
    const Message& message = *find(id);
    if (message.topic == topic_number && message.kind != Published::Kind::removal) return id;
    findings.add(Invariant::I9, where + " gives " + name_of(id) + " under " + topic + "; it was published to " +
                                    topics_[message.topic]);
  }
  return {};
}

std::string Messages::name_of(MessageId id) const {
  if (id.publisher == MessageId::removal) return "a removal of " + topics_[id.sequence];
  if (id.publisher == MessageId::nothing) return "nothing";
  return publisher_names_[id.publisher] + "#" + std::to_string(id.sequence);
}

}  // namespace bitacora::proof
