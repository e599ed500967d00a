// I8: what a topic's retained message may be. A register that several publishers write: its value is one whose publish
// no acknowledged publish is known to have followed.
#pragma once

#include <unordered_map>
#include <vector>

#include "messages.h"

namespace bitacora::proof {

class RetainedValues {
 public:
  void publish(MessageId id, const Message& message);
  void read(const RetainedRead& fact, const Messages& messages, Findings& findings) const;

 private:
  std::unordered_map<std::uint32_t, std::vector<MessageId>> by_topic_;  // retained publishes and removals
};

}  // namespace bitacora::proof
