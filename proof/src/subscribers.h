// D1, D2: what reached each durable subscriber, and in which order.
#pragma once

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "places.h"

namespace bitacora::proof {

class Subscribers {
 public:
  void subscribe(const Subscribed& fact, FactNumber at);
  // Receives under `id`; nothing: it was no message that anybody sent.
  void deliver(const Delivered& fact, MessageId id, Findings& findings);
  void check(const Messages& messages, const Places& places, Findings& findings) const;
  // The topics that a group of this name is for; nullptr: there is no such subscriber.
  [[nodiscard]] const std::string* prefix_of(const std::string& subscriber) const;

 private:
  struct Progress {  // in one partition
    Offset highest = -1;
    std::vector<bool> seen;  // by offset
  };
  struct Subscriber {
    std::string prefix;
    FactNumber since = 0;  // 0: only deliveries are known of it
    Order order = Order::any;
    std::unordered_map<std::uint32_t, std::vector<bool>> received;  // by publisher, sequence
    std::map<std::pair<std::string, std::int32_t>, Progress> progress;
  };
  [[nodiscard]] static bool has(const Subscriber& subscriber, MessageId id);

  std::map<std::string, Subscriber> subscribers_;
};

}  // namespace bitacora::proof
