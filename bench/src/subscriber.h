// Subscribes with one filter, acknowledges what comes as its QoS asks and enters it in a ledger.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "client.h"
#include "histogram.h"
#include "ledger.h"

namespace bitacora::bench {

struct SubscriberSettings {
  ClientSettings client;
  std::string filter;
  std::uint8_t qos = 1;
  std::optional<std::uint32_t> run;  // whose messages count; nullopt: those of the first run that is met
  std::uint32_t topics = 1;          // see Ledger
};

class Subscriber : public Client {
 public:
  Subscriber(EventLoop& loop, SubscriberSettings settings);

  // SUBACK has come, or the session was there already.
  [[nodiscard]] bool is_subscribed() const { return subscribed_ && is_open(); }
  [[nodiscard]] std::uint64_t messages() const { return messages_; }  // of any kind, copies too
  [[nodiscard]] std::int64_t first_ns() const { return first_ns_; }   // when the first and the last one came; 0: none
  [[nodiscard]] std::int64_t last_ns() const { return last_ns_; }
  [[nodiscard]] const Ledger& ledger() const { return ledger_; }
  [[nodiscard]] const Histogram& latency() const { return latency_; }  // due .. read here

 private:
  void on_connack(const Connack& connack) override;
  void on_answer(const Packet& packet) override;
  void on_publish(const Publish& publish);

  SubscriberSettings settings_;
  bool subscribed_ = false;
  std::uint64_t messages_ = 0;
  std::int64_t first_ns_ = 0;
  std::int64_t last_ns_ = 0;
  Ledger ledger_;
  std::vector<bool> unreleased_;  // by packet id: QoS 2 between PUBREC and PUBREL; empty below QoS 2
  Histogram latency_;
};

}  // namespace bitacora::bench
