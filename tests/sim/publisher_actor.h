// A publisher that does what the standard asks of one: it keeps what was not acknowledged and sends it again after a
// reconnect. It remembers what it was told, for the checker.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "sim/client.h"

namespace bitacora::sim {

class PublisherActor {
 public:
  struct Sent {
    std::string topic;
    std::string payload;
    mqtt::QoS qos = mqtt::QoS::at_least_once;
    std::uint16_t id = 0;
    bool acknowledged = false;      // PUBACK or PUBREC
    bool completed = false;         // QoS 1: the same; QoS 2: PUBCOMP
    std::string partition, offset;  // of the receipt
  };

  PublisherActor(BrokerWorld& world, std::string client_id)
      : client_(world, client_id, mqtt::ProtocolVersion::v5), id_(client_id) {
    client_.releases = false;
  }

  void reconnect() {
    client_.connect(mqtt::CleanStart::no);
    resent_ = false;
  }
  void drop() { client_.drop(); }

  void publish(const std::string& topic, mqtt::QoS qos) {
    if (!ready()) return;
    Sent sent{topic, id_ + "#" + std::to_string(sent_.size()), qos, 0, false, false, {}, {}};
    sent.id = client_.publish(topic, sent.payload, qos);
    sent_.push_back(sent);
    if (qos != mqtt::QoS::at_most_once) unfinished_[sent.id] = sent_.size() - 1;
  }

  // Takes in what the broker answered; sends again after a reconnect; releases QoS 2 messages.
  void step() {
    if (!ready()) return;
    if (!resent_) send_again();
    for (auto next = unfinished_.begin(); next != unfinished_.end();) {
      Sent& sent = sent_[next->second];
      if (!sent.acknowledged && client_.acknowledged.contains(sent.id)) {
        sent.acknowledged = true;
        sent.partition = client_.receipts[sent.id]["partition"];
        sent.offset = client_.receipts[sent.id]["offset"];
        if (sent.qos == mqtt::QoS::exactly_once) client_.release(sent.id);
      }
      sent.completed = sent.qos == mqtt::QoS::at_least_once ? sent.acknowledged
                                                            : sent.acknowledged && client_.completed.contains(sent.id);
      if (sent.completed) {
        client_.acknowledged.erase(sent.id);
        client_.completed.erase(sent.id);
        client_.receipts.erase(sent.id);
        next = unfinished_.erase(next);
      } else {
        ++next;
      }
    }
  }

  [[nodiscard]] bool ready() const { return client_.connected() && client_.connack.has_value(); }
  [[nodiscard]] bool idle() const { return ready() && resent_ && unfinished_.empty(); }
  [[nodiscard]] std::size_t in_flight() const { return unfinished_.size(); }
  [[nodiscard]] const std::vector<Sent>& sent() const { return sent_; }

 private:
  void send_again() {
    resent_ = true;
    client_.acknowledged.clear();
    client_.completed.clear();
    std::map<std::size_t, std::uint16_t> by_order;
    for (const auto& [id, index] : unfinished_) by_order[index] = id;
    for (const auto& [index, id] : by_order) {
      Sent& sent = sent_[index];
      if (sent.acknowledged) {
        client_.release(id);
        client_.acknowledged.insert(id);
      } else {
        client_.resend_publish(id, sent.topic, sent.payload, sent.qos);
      }
    }
  }

  Client client_;
  std::string id_;
  std::vector<Sent> sent_;
  std::map<std::uint16_t, std::size_t> unfinished_;
  bool resent_ = true;
};

}  // namespace bitacora::sim
