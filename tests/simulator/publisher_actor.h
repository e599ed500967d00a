// A publisher that does what the standard asks of one: it keeps what was not acknowledged and sends it again after a
// reconnect. It tells the witness what it sends and what it is told.
#pragma once

#include <map>
#include <string>

#include "sim/client.h"
#include "simulator/witness.h"

namespace bitacora::sim {

class PublisherActor {
 public:
  PublisherActor(BrokerWorld& world, Witness& witness, const std::string& client_id,
                 mqtt::ProtocolVersion version = mqtt::ProtocolVersion::v5)
      : witness_(witness), client_(world, client_id, version) {
    client_.releases = false;
  }

  void reconnect();
  void drop() { client_.drop(); }
  // Leaves with DISCONNECT.
  void leave() { client_.disconnect(); }
  // From its next connect on it has a Will, at QoS 1, of this topic; empty: none.
  void set_will(std::string topic) { will_topic_ = std::move(topic); }

  void publish(const std::string& topic, mqtt::QoS qos, proof::Published::Kind kind = proof::Published::Kind::plain,
               std::size_t size = 0);

  // Takes in what the broker answered; sends again after a reconnect; releases QoS 2 messages.
  void step();

  // Sends again on the connection it has, as a 3.1.1 client may.
  void resend();

  [[nodiscard]] Client& client() noexcept { return client_; }
  [[nodiscard]] bool connected() const { return client_.connected(); }
  [[nodiscard]] bool ready() const { return client_.connected() && client_.connack.has_value(); }
  [[nodiscard]] bool idle() const { return ready() && resent_ && unfinished_.empty(); }
  [[nodiscard]] bool is_unfinished(std::uint32_t sequence) const { return unfinished_.contains(sequence); }
  [[nodiscard]] std::size_t in_flight() const { return unfinished_.size(); }
  [[nodiscard]] std::uint32_t published() const noexcept { return next_sequence_; }

 private:
  struct Sent {
    std::string topic;
    std::string payload;
    mqtt::QoS qos = mqtt::QoS::at_least_once;
    proof::Published::Kind kind = proof::Published::Kind::plain;
    std::uint16_t id = 0;
    bool received = false;  // QoS 2: PUBREC
  };
  void tell_published(std::uint32_t sequence, const Sent& sent);
  // False: it is finished.
  [[nodiscard]] bool settle(std::uint32_t sequence, Sent& sent);
  void tell_acknowledged(std::uint32_t sequence, const Sent& sent, proof::Answer by);
  void forget_answers(std::uint16_t id);

  Witness& witness_;
  Client client_;
  std::string will_topic_;
  std::uint32_t wills_ = 0;
  std::uint32_t next_sequence_ = 0;
  std::map<std::uint32_t, Sent> unfinished_;  // by sequence: the order in which they were sent
  bool resent_ = true;
  bool has_session_ = false;  // a CONNACK has come, so the server keeps one
};

}  // namespace bitacora::sim
