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
  // `message` is that of `id`; nullptr: it was none that anybody sent.
  void deliver(const Delivered& fact, MessageId id, const Message* message, Findings& findings);
  void check(const Messages& messages, const Places& places, Findings& findings) const;
  // Whether this message is to reach that subscriber; false if there is none of that name.
  [[nodiscard]] bool is_owed(const std::string& subscriber, const Message& message, const Messages& messages) const;

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
  [[nodiscard]] static bool is_owed(const Subscriber& subscriber, const Message& message, const Messages& messages);
  [[nodiscard]] static bool has(const Subscriber& subscriber, MessageId id);

  std::map<std::string, Subscriber> subscribers_;
};

}  // namespace bitacora::proof
