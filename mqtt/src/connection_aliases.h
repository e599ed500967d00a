// Topic aliases (section 3.3.2.3.4), one table a direction. They end with the connection [MQTT-3.3.2-7].
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mqtt/packet.h"

namespace bitacora::mqtt {

// What the client's aliases stand for. Memory grows with the aliases it uses.
class InboundAliases {
 public:
  // The full topic of a PUBLISH whose topic and alias are these; nullopt if the alias is 0, above `maximum` or stands
  // for nothing. A topic that is not empty gives the alias its meaning. The view is good until the next call.
  [[nodiscard]] std::optional<std::string_view> resolve(std::string_view topic, std::uint16_t alias,
                                                        std::uint16_t maximum);

 private:
  std::vector<std::string> topics_;  // of alias index + 1; empty: not established
};

// Our aliases towards the client: a cache with one place for each topic's hash, so a look-up costs one hash and a
// client that is sent many topics has the recent ones aliased.
class OutboundAliases {
 public:
  explicit OutboundAliases(std::uint16_t maximum) : topics_(maximum) {}  // > 0

  // `publish` with its topic replaced by an alias, or with an alias introduced beside its topic; nullptr where an alias
  // would save nothing. What is returned lives until the next call. Once it has been sent, established() must be
  // called.
  [[nodiscard]] const Packet* apply(const Publish& publish);
  void established(const Publish& publish);

 private:
  [[nodiscard]] std::size_t index_of(std::string_view topic) const noexcept;

  std::vector<std::string> topics_;
  Packet aliased_ = Publish{};  // kept, so that its vectors' memory is used again
};

}  // namespace bitacora::mqtt
