// A subscriber that comes and goes, and tells the witness what it is given. Several may stand for one subscriber of the
// ledger: the members of a group.
#pragma once

#include <string>

#include "sim/client.h"
#include "simulator/witness.h"

namespace bitacora::sim {

struct SubscriberTerms {
  std::string client_id;
  std::string subscriber;  // in the ledger
  std::string filter;
  std::string topic_prefix;  // what `filter` asks for
  mqtt::QoS qos = mqtt::QoS::at_least_once;
  mqtt::ProtocolVersion version = mqtt::ProtocolVersion::v5;
  mqtt::CleanStart clean = mqtt::CleanStart::no;
  proof::Order order = proof::Order::kept;
  bool is_owed = true;    // everything from its first SUBACK on is to reach it
  bool consumes = false;  // its acknowledgements move the position of a `$group`
};

class SubscriberActor {
 public:
  SubscriberActor(BrokerWorld& world, Witness& witness, SubscriberTerms terms)
      : witness_(witness), terms_(std::move(terms)), client_(world, terms_.client_id, terms_.version) {}

  void connect();
  void subscribe() { client_.subscribe(terms_.filter, terms_.qos); }
  void unsubscribe() { client_.unsubscribe(terms_.filter); }
  // Takes in what came.
  void step();

  [[nodiscard]] Client& client() noexcept { return client_; }
  [[nodiscard]] const SubscriberTerms& terms() const noexcept { return terms_; }
  [[nodiscard]] std::size_t received() const noexcept { return told_; }

 private:
  Witness& witness_;
  SubscriberTerms terms_;
  Client client_;
  std::size_t told_ = 0;      // of client_.received
  bool subscribed_ = false;   // a SUBACK has come once
  bool connecting_ = false;   // no CONNACK has been looked at yet
  bool has_session_ = false;  // it has subscribed in a session that stays
};

// The place that a delivery names, if it does.
[[nodiscard]] std::optional<proof::Place> place_of(const std::map<std::string, std::string>& user_properties);

}  // namespace bitacora::sim
