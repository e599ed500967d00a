// All messages that were ever published, by publisher and sequence number, and what became of each.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "findings.h"
#include "names.h"
#include "proof/fact.h"

namespace bitacora::proof {

using FactNumber = std::uint32_t;  // from 1, in the order taken; 0: it never came

struct MessageId {
  static constexpr std::uint32_t removal = 0xFFFFFFFF;  // as publisher: some removal, of topic `sequence`
  static constexpr std::uint32_t nothing = 0xFFFFFFFE;  // as publisher: no message
  std::uint32_t publisher = nothing;
  std::uint32_t sequence = 0;
  friend bool operator==(const MessageId&, const MessageId&) = default;
  [[nodiscard]] std::uint64_t packed() const noexcept { return std::uint64_t{publisher} << 32 | sequence; }
};

struct Message {
  std::uint32_t topic = 0;
  FactNumber first_attempt = 0;
  FactNumber second_attempt = 0;    // 0: there was one only
  FactNumber previous_attempt = 0;  // the one before the last; 0: likewise
  FactNumber last_attempt = 0;
  FactNumber acknowledged = 0;     // the first acknowledgement, of any kind
  FactNumber refused_unheard = 0;  // the first refusal that its sender never heard of
  std::uint16_t attempts = 0;
  std::uint16_t copies = 0;  // places in the log where it was seen
  std::uint8_t qos = 0;
  Published::Kind kind = Published::Kind::plain;
  bool refused = false;  // once at least
};

class Messages {
 public:
  MessageId publish(const Published& attempt, FactNumber at, Totals& totals);
  MessageId acknowledge(const Acknowledged& fact, FactNumber at, Totals& totals);
  void refuse(const Refused& fact, Totals& totals);
  void refuse(const RefusedUnheard& fact, FactNumber at);

  // Which message a reader was given under this topic at `where`. Nothing, and a finding (I4 or I9), if it is none that
  // was sent like this.
  [[nodiscard]] MessageId recognise(const Content& content, const std::string& topic, const std::string& where,
                                    Findings& findings) const;

  // nullptr for removals without a number, and for nothing.
  [[nodiscard]] const Message* find(MessageId id) const {
    return id.publisher >= publishers_.size() ? nullptr : &publishers_[id.publisher][id.sequence];
  }
  [[nodiscard]] Message* find(MessageId id) {
    return id.publisher >= publishers_.size() ? nullptr : &publishers_[id.publisher][id.sequence];
  }
  [[nodiscard]] std::string name_of(MessageId id) const;
  [[nodiscard]] std::uint32_t topic_of(MessageId id) const {
    const Message* message = find(id);
    return message == nullptr ? id.sequence : message->topic;
  }
  [[nodiscard]] const std::string& topic_name(std::uint32_t topic) const { return topics_[topic]; }
  [[nodiscard]] std::optional<std::uint32_t> find_topic(std::string_view topic) const { return topics_.find(topic); }
  // By publisher, then sequence number.
  [[nodiscard]] const std::vector<std::vector<Message>>& all() const noexcept { return publishers_; }

 private:
  [[nodiscard]] MessageId known(const std::string& publisher, std::uint32_t sequence) const;

  Names publisher_names_, topics_;
  std::vector<std::vector<Message>> publishers_;
  std::vector<bool> removed_topics_;  // by topic: a removal was published
};

}  // namespace bitacora::proof
