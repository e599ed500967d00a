// Seeds of a broker with one $share and one $group whose members join, leave, stop acknowledging, stop reading and
// vanish, while the server is killed, loses power and is stopped. Held against what members got:
//
//   G1  what was acknowledged to its publisher reached each group
//   G2  a partition's records reach the $group for the first time in their order, over all its members
//   G3  the $group's committed position is never past a record that no member has acknowledged
//
// BITACORA_SIM_SEED=N runs that seed alone; BITACORA_SIM_SEEDS=N runs that many.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <random>
#include <set>

#include "sim/publisher_actor.h"

namespace bitacora::sim {
namespace {

using V = mqtt::ProtocolVersion;
using mqtt::CleanStart;

constexpr const char* share_filter = "$share/s/t/#";
constexpr const char* group_filter = "$group/p/t/#";

class GroupSimulation {
 public:
  explicit GroupSimulation(std::uint64_t seed) : random_(seed), world_(options_for(seed)) {
    world_.start();
    for (int i = 0; i < 3; ++i) {
      publishers_.push_back(std::make_unique<PublisherActor>(world_, "pub" + std::to_string(i)));
    }
    add("s0", share_filter, CleanStart::no, mqtt::QoS::at_least_once);  // keeps the $share alive
    add("s1", share_filter, CleanStart::no, mqtt::QoS::exactly_once);
    add("s2", share_filter, CleanStart::yes, mqtt::QoS::at_least_once);
    add("p0", group_filter, CleanStart::no, mqtt::QoS::at_least_once);
    add("p1", group_filter, CleanStart::yes, mqtt::QoS::at_least_once);
    add("p2", group_filter, CleanStart::yes, mqtt::QoS::at_least_once);
    for (const std::size_t first : {0U, 3U}) connect(members_[first]);
    world_.run();
    for (const auto& publisher : publishers_) publisher->reconnect();
    world_.run();
  }

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      act();
      for (const auto& publisher : publishers_) publisher->step();
      if (i % 8 == 0) check_positions();
    }
  }

  std::vector<std::string> verdict() {
    settle();
    check_positions();
    for (const auto& publisher : publishers_) {
      if (!publisher->idle()) broken_.push_back("a publisher waits for ever for its acknowledgements");
    }
    check_reached(share_filter);
    check_reached(group_filter);
    check_order();
    return broken_;
  }

  // For the rig itself: as if nobody had got one of the messages.
  void forget_one_delivery() {
    settle();
    const std::string payload = publishers_[0]->sent().front().payload;
    for (const Member& member : members_) {
      std::erase_if(member.client->received, [&](const Delivered& delivered) { return delivered.payload == payload; });
    }
  }

  [[nodiscard]] int crashes() const noexcept { return crashes_; }
  [[nodiscard]] std::size_t deliveries() const {
    std::size_t count = 0;
    for (const Member& member : members_) count += member.client->received.size();
    return count;
  }

 private:
  struct Member {
    std::unique_ptr<Client> client;
    std::string filter;
    CleanStart clean = CleanStart::yes;
    mqtt::QoS qos = mqtt::QoS::at_least_once;
  };

  static WorldOptions options_for(std::uint64_t seed) {
    WorldOptions options;
    options.shards = static_cast<std::uint32_t>(seed % 3 + 1);
    options.log.partitions = static_cast<std::int32_t>(seed % 4 + 1);
    options.broker.sessions.max_in_flight = static_cast<std::uint16_t>(seed % 7 + 1);
    options.broker.sessions.max_output_bytes = 2048;
    return options;
  }

  std::uint32_t pick(std::uint32_t below) { return static_cast<std::uint32_t>(random_() % below); }

  void add(const std::string& id, const char* filter, CleanStart clean, mqtt::QoS qos) {
    members_.push_back({std::make_unique<Client>(world_, id, V::v5), filter, clean, qos});
  }
  void connect(Member& member) {
    member.client->connect(member.clean);
    member.client->subscribe(member.filter, member.qos);
  }

  void act() {
    Member& member = members_[pick(static_cast<std::uint32_t>(members_.size()))];
    Client& client = *member.client;
    PublisherActor& publisher = *publishers_[pick(static_cast<std::uint32_t>(publishers_.size()))];
    switch (pick(28)) {
      case 0: return publisher.drop();
      case 1:
      case 2: return publisher.ready() ? void() : publisher.reconnect();
      case 3: return client.drop();
      case 4:
      case 5: return client.connected() ? void() : connect(member);
      case 6: client.acks = client.acks == Client::Acks::never ? Client::Acks::at_once : Client::Acks::never; return;
      case 7:
        if (client.connected()) client.set_reading(pick(2) == 0);
        return;
      case 8:  // not the one that keeps the $share alive, nor one that would keep its QoS 2 messages to itself for ever
        if (client.connected() && member.clean == CleanStart::yes) client.unsubscribe(member.filter);
        return;
      case 9:
        if (client.connected()) client.subscribe(member.filter, member.qos);
        return;
      case 10: return world_.advance(std::chrono::milliseconds(pick(1500)));
      case 11: return fail_somehow();
      case 12: (void)world_.serve_catalog(); return;
      case 13:
      case 14:
      case 15: (void)world_.commit(); return;
      case 16:
      case 17:
      case 18:
      case 19: (void)world_.turn(); return;
      default: return publish(publisher);
    }
  }

  void publish(PublisherActor& publisher) {
    if (publisher.in_flight() >= 20) return;
    publisher.publish("t/" + std::to_string(pick(6)), static_cast<mqtt::QoS>(pick(2) + 1));
  }

  void fail_somehow() {
    switch (pick(6)) {
      case 0: world_.kill(); break;
      case 1: world_.crash(random_()); break;
      case 2: world_.stop(); break;
      default: return;
    }
    ++crashes_;
    world_.start();
  }

  void settle() {
    for (Member& member : members_) {
      member.client->acks = Client::Acks::at_once;
      connect(member);
    }
    for (int round = 0; round < 50; ++round) {
      for (const auto& publisher : publishers_) {
        if (!publisher->ready()) publisher->reconnect();
      }
      world_.run();
      for (const auto& publisher : publishers_) publisher->step();
      world_.run();
      if (std::ranges::all_of(publishers_, [](const auto& publisher) { return publisher->idle(); })) break;
    }
    world_.advance(std::chrono::seconds(2));
    world_.run();
  }

  // G1
  void check_reached(const std::string& filter) {
    std::set<std::string> reached;
    for (const Member& member : members_) {
      if (member.filter != filter) continue;
      for (const auto& payload : member.client->payloads()) reached.insert(payload);
    }
    for (const auto& publisher : publishers_) {
      for (const auto& message : publisher->sent()) {
        if (message.acknowledged && !reached.contains(message.payload)) {
          broken_.push_back("G1: " + filter + " never got " + message.payload);
        }
      }
    }
  }

  // G2
  void check_order() {
    std::map<std::uint64_t, const Delivered*> in_time;
    for (const Member& member : members_) {
      if (member.filter != group_filter) continue;
      for (const Delivered& delivered : member.client->received) in_time[delivered.order] = &delivered;
    }
    std::map<std::string, std::int64_t> highest;
    std::set<std::string> seen;
    for (const auto& [order, delivered] : in_time) {
      const std::string& partition = delivered->user.at("partition");
      const std::int64_t offset = std::stoll(delivered->user.at("offset"));
      if (!seen.insert(partition + ":" + std::to_string(offset)).second) continue;
      const auto [at, is_first] = highest.try_emplace(partition, offset);
      if (!is_first && offset < at->second) broken_.push_back("G2: out of order: " + delivered->payload);
      at->second = std::max(at->second, offset);
    }
  }

  // G3
  void check_positions() {
    std::set<std::string> acknowledged;
    for (const Member& member : members_) {
      if (member.filter != group_filter) continue;
      for (const Delivered& delivered : member.client->received) {
        if (delivered.acknowledged) acknowledged.insert(delivered.payload);
      }
    }
    const auto positions = world_.group_offsets("p");
    for (const auto& record : world_.records()) {
      const auto position = positions.find(record.partition);
      if (position == positions.end() || record.offset >= position->second) continue;
      if (!acknowledged.contains(record.value)) {
        broken_.push_back("G3: position " + std::to_string(position->second) + " is past " + record.value);
      }
    }
  }

  std::mt19937_64 random_;
  BrokerWorld world_;
  std::vector<std::unique_ptr<PublisherActor>> publishers_;
  std::vector<Member> members_;
  std::vector<std::string> broken_;
  int crashes_ = 0;
};

std::uint64_t setting(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

TEST(GroupSimulationSeeds, GroupsLoseNothingAndKeepOrderOverKillsAndPowerCuts) {
  const std::uint64_t only = setting("BITACORA_SIM_SEED", 0);
  const std::uint64_t first = only != 0 ? only : 1;
  const std::uint64_t count = only != 0 ? 1 : setting("BITACORA_SIM_SEEDS", 100);
  int crashes = 0;
  std::size_t deliveries = 0;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    GroupSimulation simulation(seed);
    simulation.run(500);
    const auto broken = simulation.verdict();
    std::string report = "seed " + std::to_string(seed) + " (BITACORA_SIM_SEED=" + std::to_string(seed) + "):";
    for (const std::string& line : broken) report += "\n  " + line;
    ASSERT_TRUE(broken.empty()) << report;
    crashes += simulation.crashes();
    deliveries += simulation.deliveries();
  }
  EXPECT_GT(crashes, static_cast<int>(count));
  EXPECT_GT(deliveries, count * 60);
}

TEST(GroupSimulationSeeds, AMessageThatNobodyGotIsFound) {
  GroupSimulation simulation(1);
  simulation.run(500);
  simulation.forget_one_delivery();
  EXPECT_FALSE(simulation.verdict().empty());
}

}  // namespace
}  // namespace bitacora::sim
