// What clients do in a simulation.
#include "simulator/simulation.h"

namespace bitacora::sim {

void Simulation::publish() {
  PublisherActor& publisher = one_of(publishers_);
  if (!publisher.ready() || publisher.in_flight() >= 20) return;
  constexpr std::array<const char*, 10> prefixes = {"t/",     "t/",    "t/",    "t/", "t/",
                                                    "state/", "fast/", "ring/", "r/", "r/"};
  const std::string prefix = prefixes[pick(prefixes.size())];
  const auto qos = static_cast<mqtt::QoS>(pick(3));
  auto kind = proof::Published::Kind::plain;
  std::string topic = prefix + std::to_string(pick(6));
  if (prefix == "r/") {
    topic = prefix + std::to_string(pick(3));
    kind = pick(4) == 0 ? proof::Published::Kind::removal : proof::Published::Kind::retained;
  }
  say("publish " + topic);
  publisher.publish(topic, qos, kind, pick(8) == 0 ? 1500 : pick(100));
}

void Simulation::use_http() {
  if (pick(4) != 0) return http_.produce("mqtt", "t/" + std::to_string(pick(6)));
  storage::Log& log = **world_.offset_service().find_log("mqtt");
  storage::Partition& partition =
      log.partition(static_cast<std::int32_t>(pick(static_cast<std::uint32_t>(log.partition_count()))));
  http_.commit(partition, pick(5), pick(10) == 0 ? HttpActor::Move::back : HttpActor::Move::forward);
}

void Simulation::move_publisher() {
  PublisherActor& publisher = one_of(publishers_);
  switch (pick(4)) {
    case 0: return publisher.drop();
    case 1:
      if (pick(3) == 0) publisher.leave();
      return;
    default:
      if (!publisher.connected()) publisher.reconnect();
  }
}

void Simulation::move_subscriber() {
  SubscriberActor& subscriber = one_of(subscribers_);
  Client& client = subscriber.client();
  const bool stays = subscriber.terms().clean == mqtt::CleanStart::no;
  switch (pick(7)) {
    case 0: return client.drop();
    case 1:
    case 2:
      if (!client.connected()) subscriber.connect();
      return;
    case 3: client.acks = client.acks == Client::Acks::never ? Client::Acks::at_once : Client::Acks::never; return;
    case 4:
      if (client.connected()) client.set_reading(pick(2) == 0);
      return;
    case 5:  // what stays is owed everything
      if (client.connected() && !stays) subscriber.unsubscribe();
      return;
    default:
      // A replay that is subscribed to again begins again.
      if (client.connected() && !subscriber.terms().filter.starts_with("$replay")) subscriber.subscribe();
  }
}

// The same client id from a second connection, which says nothing and acknowledges nothing, and goes: whatever it was
// given is still owed to the session's own client.
void Simulation::take_over() {
  if (rival_) {
    rival_.reset();
    return;
  }
  Client* taken = &one_of(publishers_).client();
  if (pick(3) != 0) {
    SubscriberActor& subscriber = one_of(subscribers_);
    if (subscriber.terms().clean != mqtt::CleanStart::no) return;  // with the connection all of it would end
    taken = &subscriber.client();
  }
  if (!taken->connected() || !taken->connack) return;
  say("the place of " + taken->client_id() + " is taken");
  rival_ = std::make_unique<Client>(world_, taken->client_id(), taken->version());
  rival_->acks = Client::Acks::never;
  rival_->connect(mqtt::CleanStart::no);
}

// One that reads history beside the others, and goes.
void Simulation::replay() {
  if (replayer_) {
    replayer_->step();
    replayer_.reset();
    return;
  }
  constexpr std::array<const char*, 4> filters = {"$replay/earliest/#", "$replay/-1s/t/#", "$log/mqtt/0/earliest",
                                                  "$stream/mqtt/t/#"};
  const std::string name = "replay" + std::to_string(replayers_++);
  replayer_ = std::make_unique<SubscriberActor>(
      world_, witness_,
      SubscriberTerms{name, name, filters[pick(filters.size())], "", static_cast<mqtt::QoS>(pick(3)),
                      mqtt::ProtocolVersion::v5, mqtt::CleanStart::yes, proof::Order::kept, false});
  replayer_->connect();
}

}  // namespace bitacora::sim
