// A connection with many subscriptions to what nobody publishes: what a server has to look through, or not.
#pragma once

#include <cstdint>
#include <string>

#include "client.h"

namespace bitacora::bench {

struct BystanderSettings {
  ClientSettings client;
  std::string prefix;  // the filters are <prefix>/0, <prefix>/1, ...
  std::uint32_t subscriptions = 1;
};

class Bystander : public Client {
 public:
  Bystander(EventLoop& loop, BystanderSettings settings);
  [[nodiscard]] bool is_subscribed() const { return granted_ == settings_.subscriptions && is_open(); }

 private:
  void on_connack(const Connack& connack) override;
  void on_answer(const Packet& packet) override;
  void subscribe();

  BystanderSettings settings_;
  std::uint32_t asked_ = 0;
  std::uint32_t granted_ = 0;
};

}  // namespace bitacora::bench
