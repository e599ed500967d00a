// A publisher that never gives up: what was not acknowledged when the server went is sent again to the next one, in
// order, as the standard asks, at QoS 1 and 2. It tells the ledger of each attempt before its first byte is sent and of
// each acknowledgement after its last byte was received.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "proof/fact.h"
#include "torture_connection.h"

namespace bitacora::app::torture {

using Tell = std::function<void(const proof::Fact&)>;

struct PublisherTerms {
  ConnectionTerms connection{};
  mqtt::QoS qos = mqtt::QoS::at_least_once;
  std::string prefix{};            // topics are prefix/0, prefix/1, ...
  std::uint32_t topics = 4;        // in turn
  std::uint32_t retain_every = 0;  // each so many-th message is retained, under keep/<client id>; 0: none
  std::size_t window = 16;         // messages without their last acknowledgement
  std::size_t payload = 120;       // bytes; each 16th message is 40 times as large
};

class Publisher final : public Connection {
 public:
  Publisher(PublisherTerms terms, Tell tell);

  // Fills the window; nothing while there is no connection.
  void pump();
  void stop() { stopped_ = true; }  // what is in flight is finished, nothing new is begun
  [[nodiscard]] bool is_done() const { return stopped_ && in_flight_.empty(); }
  [[nodiscard]] std::uint64_t acknowledged() const { return acknowledged_; }
  [[nodiscard]] const std::string& prefix() const { return terms_.prefix; }
  // Numbers of the messages that were acknowledged, by sequence.
  [[nodiscard]] const std::vector<bool>& acknowledged_sequences() const { return acknowledged_sequences_; }
  [[nodiscard]] std::string retained_topic() const { return terms_.retain_every == 0 ? "" : "keep/" + client_id(); }
  // First byte sent until last acknowledgement, in microseconds; without those that a kill came between.
  [[nodiscard]] std::vector<std::uint32_t>& latencies_us() { return latencies_us_; }

 private:
  struct InFlight {
    std::uint32_t sequence = 0;
    bool received = false;  // PUBREC has come
    bool sent_again = false;
    std::chrono::steady_clock::time_point sent_at{};
  };

  void on_connack(mqtt::SessionPresent session) override;
  void on_packet(const mqtt::Packet& packet) override;
  void publish(std::uint16_t id, std::uint32_t sequence, mqtt::Dup dup);
  void on_acknowledged(const mqtt::Ack& ack, proof::Answer answer);
  void finish(std::uint16_t id);
  [[nodiscard]] std::uint16_t free_id();
  [[nodiscard]] bool is_retained(std::uint32_t sequence) const {
    return terms_.retain_every != 0 && sequence % terms_.retain_every == 0;
  }
  [[nodiscard]] std::string topic_of(std::uint32_t sequence) const;

  PublisherTerms terms_;
  Tell tell_;
  bool stopped_ = false;
  std::uint32_t next_sequence_ = 0;
  std::uint16_t last_id_ = 0;
  std::map<std::uint16_t, InFlight> in_flight_;
  std::vector<std::uint16_t> order_;  // their packet ids as they were first sent
  std::uint64_t acknowledged_ = 0;
  std::vector<bool> acknowledged_sequences_;
  std::vector<std::uint32_t> latencies_us_;
};

// Where an MQTT 5.0 receipt or delivery says that the record is.
[[nodiscard]] std::optional<proof::Place> place_of(const mqtt::Properties& properties);

}  // namespace bitacora::app::torture
