#include "sim/simulation.h"

#include <algorithm>
#include <map>
#include <set>

namespace bitacora::sim {
namespace {

WorldOptions options_for(std::uint64_t seed) {
  WorldOptions options;
  options.shards = static_cast<std::uint32_t>(seed % 3 + 1);
  options.log.partitions = static_cast<std::int32_t>(seed % 4 + 1);
  options.log.segment_bytes = seed % 5 == 0 ? 4096 : 1 << 20;
  options.broker.sessions.max_in_flight = static_cast<std::uint16_t>(seed % 7 + 1);
  options.broker.sessions.max_output_bytes = 2048;
  return options;
}

std::string place_of(const BrokerWorld::Record& record) {
  return std::to_string(record.partition) + ":" + std::to_string(record.offset);
}

}  // namespace

Simulation::Simulation(std::uint64_t seed) : random_(seed), options_(options_for(seed)), world_(options_) {
  world_.start();
  for (int i = 0; i < 3; ++i)
    publishers_.push_back(std::make_unique<PublisherActor>(world_, "pub" + std::to_string(i)));
  for (int i = 0; i < 2; ++i) {
    subscribers_.push_back(std::make_unique<Client>(world_, "sub" + std::to_string(i)));
    subscribers_.back()->connect(mqtt::CleanStart::no);
    subscribers_.back()->subscribe("t/#", i == 0 ? mqtt::QoS::at_least_once : mqtt::QoS::exactly_once);
  }
  world_.run();
  for (const auto& publisher : publishers_) publisher->reconnect();
  world_.run();
}

void Simulation::run(int steps) {
  for (int i = 0; i < steps; ++i) {
    act();
    for (const auto& publisher : publishers_) publisher->step();
  }
}

void Simulation::act() {
  PublisherActor& publisher = *publishers_[pick(static_cast<std::uint32_t>(publishers_.size()))];
  Client& subscriber = *subscribers_[pick(static_cast<std::uint32_t>(subscribers_.size()))];
  switch (pick(24)) {
    case 0: return publisher.drop();
    case 1:
    case 2: return publisher.ready() ? void() : publisher.reconnect();
    case 3: return subscriber.drop();
    case 4:
    case 5:
      if (!subscriber.connected()) subscriber.connect(mqtt::CleanStart::no);
      return;
    case 6:
      subscriber.acks = subscriber.acks == Client::Acks::never ? Client::Acks::at_once : Client::Acks::never;
      return;
    case 7:
      if (subscriber.connected()) subscriber.set_reading(pick(2) == 0);
      return;
    case 8: return world_.advance(std::chrono::milliseconds(pick(1500)));
    case 9: return fail_somehow();
    case 10:
    case 11:
    case 12: world_.commit(); return;
    case 13:
    case 14:
    case 15: world_.turn(); return;
    default:
      if (publisher.in_flight() >= 20) return;
      const auto qos = static_cast<mqtt::QoS>(pick(3));
      return publisher.publish("t/" + std::to_string(pick(6)), qos);
  }
}

void Simulation::fail_somehow() {
  switch (pick(6)) {
    case 0: world_.kill(); break;
    case 1: world_.crash(random_()); break;
    case 2: world_.stop(); break;
    default: return;
  }
  ++crashes_;
  world_.start();
}

void Simulation::settle() {
  for (const auto& subscriber : subscribers_) {
    subscriber->acks = Client::Acks::at_once;
    subscriber->connect(mqtt::CleanStart::no);
  }
  replayer_ = std::make_unique<Client>(world_, "replayer");
  replayer_->connect();
  replayer_->subscribe("$replay/earliest/#", mqtt::QoS::at_most_once);
  for (int round = 0; round < 50; ++round) {
    for (const auto& publisher : publishers_) {
      if (!publisher->ready()) publisher->reconnect();
    }
    world_.run();
    for (const auto& publisher : publishers_) publisher->step();
    world_.run();
    if (std::ranges::all_of(publishers_, [](const auto& publisher) { return publisher->idle(); })) return;
  }
}

std::vector<std::string> Simulation::verdict() {
  settle();
  std::vector<std::string> broken;
  for (const auto& publisher : publishers_) {
    if (!publisher->idle()) broken.push_back("a publisher waits for ever for its acknowledgements");
  }
  check_log(broken);
  const auto records = world_.records();
  for (const auto& publisher : publishers_) check_publisher(*publisher, records, broken);
  for (const auto& subscriber : subscribers_) check_subscriber(*subscriber, broken);
  std::multiset<std::string> in_log, replayed;
  for (const auto& record : records) in_log.insert(record.value);
  for (const auto& delivered : replayer_->received) replayed.insert(delivered.payload);
  if (in_log != replayed) broken.push_back("a replay of everything is not what the log holds");
  return broken;
}

// I2: dense. I4: nothing that nobody sent.
void Simulation::check_log(std::vector<std::string>& broken) const {
  std::set<std::string> sent;
  for (const auto& publisher : publishers_) {
    for (const auto& message : publisher->sent()) sent.insert(message.payload);
  }
  std::map<std::int32_t, storage::Offset> next;
  for (const auto& record : world_.records()) {
    if (record.offset != next[record.partition]++) broken.push_back("I2: a hole before " + place_of(record));
    if (!sent.contains(record.value)) broken.push_back("I4: nobody sent what is at " + place_of(record));
  }
}

// I1, I5, I6.
void Simulation::check_publisher(const PublisherActor& publisher, const std::vector<BrokerWorld::Record>& records,
                                 std::vector<std::string>& broken) const {
  std::map<std::string, std::vector<const BrokerWorld::Record*>> by_payload;
  std::map<std::string, const BrokerWorld::Record*> by_place;
  for (const auto& record : records) {
    by_payload[record.value].push_back(&record);
    by_place[place_of(record)] = &record;
  }
  std::map<std::string, storage::Offset> last_of_topic;
  for (const auto& message : publisher.sent()) {
    const auto& copies = by_payload[message.payload];
    if (message.acknowledged && copies.empty()) broken.push_back("I1: acknowledged and gone: " + message.payload);
    if (message.qos == mqtt::QoS::exactly_once && copies.size() > 1)
      broken.push_back("I6: twice in the log: " + message.payload);
    if (message.qos == mqtt::QoS::at_most_once && copies.size() > 1)
      broken.push_back("QoS 0 twice: " + message.payload);
    if (!message.offset.empty()) {
      const auto at = by_place.find(message.partition + ":" + message.offset);
      if (at == by_place.end() || at->second->value != message.payload || at->second->key != message.topic) {
        broken.push_back("I1: not where its receipt says: " + message.payload);
      }
    }
    if (copies.empty()) continue;
    storage::Offset& last = last_of_topic.try_emplace(message.topic, -1).first->second;
    if (copies.front()->offset < last && message.qos != mqtt::QoS::at_most_once) {
      broken.push_back("I5: out of order: " + message.payload);
    }
    if (message.qos != mqtt::QoS::at_most_once) last = copies.front()->offset;
  }
}

// What was acknowledged to its publisher at QoS 1 or 2 reached every persistent subscriber.
void Simulation::check_subscriber(const Client& subscriber, std::vector<std::string>& broken) const {
  std::map<std::string, int> received;
  for (const auto& delivered : subscriber.received) ++received[delivered.payload];
  for (const auto& publisher : publishers_) {
    for (const auto& message : publisher->sent()) {
      if (message.qos == mqtt::QoS::at_most_once || !message.acknowledged) continue;
      if (received[message.payload] == 0) broken.push_back("a persistent subscriber never got " + message.payload);
    }
  }
}

std::size_t Simulation::published() const noexcept {
  std::size_t count = 0;
  for (const auto& publisher : publishers_) count += publisher->sent().size();
  return count;
}

}  // namespace bitacora::sim
