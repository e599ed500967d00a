#include "simulator/simulation.h"

#include <algorithm>

#include "simulator/real_world.h"

namespace bitacora::sim {
namespace {

using V = mqtt::ProtocolVersion;
using enum mqtt::QoS;

constexpr int retained_topics = 3;

std::int64_t segment_bytes_of(std::uint64_t seed) {
  constexpr std::array<std::int64_t, 3> sizes = {2 << 10, 8 << 10, 1 << 20};
  return sizes[seed / 12 % sizes.size()];
}

bool has_retention(std::uint64_t seed) { return seed % 5 == 0; }

}  // namespace

WorldOptions Simulation::world_options(const SimulationOptions& options) {
  const std::uint64_t seed = options.seed;
  WorldOptions world;
  world.seed = seed;
  world.shards = static_cast<std::uint32_t>(seed % 3 + 1);
  world.preallocate_bytes = seed % 2 == 0 ? 0 : 4096;
  storage::LogSettings& log = world.log;
  log.partitions = static_cast<std::int32_t>(seed % 4 + 1);
  log.segment_bytes = segment_bytes_of(seed);
  log.retention_time.reset();
  if (has_retention(seed)) log.retention_bytes = 3 * log.segment_bytes;

  storage::LogSettings state = log;
  state.partitions = 1;
  state.cleanup = storage::Cleanup::compact;
  state.segment_bytes = 2 << 10;
  state.min_cleanable_ratio = 0.1;
  state.retention_bytes.reset();
  storage::LogSettings fast = log;
  fast.partitions = 1;
  fast.durability = storage::Durability::async;
  fast.flush_interval = std::chrono::milliseconds(200);
  fast.retention_bytes.reset();
  storage::LogSettings ring = fast;
  ring.durability = storage::Durability::memory;
  ring.memory_bytes = 4 << 10;
  world.other_logs = {{"state", state}, {"fast", fast}, {"ring", ring}};
  for (const char* name : {"state", "fast", "ring"}) {
    world.broker.routes.push_back({.filter = std::string(name) + "/#", .log = name});
  }
  world.broker.sys_interval = std::chrono::milliseconds(0);
  world.broker.sessions.max_in_flight = static_cast<std::uint16_t>(seed % 7 + 1);
  world.broker.sessions.max_output_bytes = 2048;
  const Sabotage sabotage = options.sabotage;
  world.between = [sabotage](storage::FileSystem& disk) { return make_saboteur(sabotage, disk); };
  return world;
}

Simulation::Simulation(SimulationOptions options)
    : options_(std::move(options)),
      random_(options_.seed),
      world_options_(world_options(options_)),
      witness_(std::move(options_.ledger)),
      world_(world_options_),
      reader_(world_, witness_),
      http_(world_, witness_, "http") {}

void Simulation::say(const std::string& what) {
  world_.add_to_trace(static_cast<std::uint64_t>(step_), as_bytes(what));
  if (options_.trace != nullptr) *options_.trace << step_ << " " << what << "\n";
}

void Simulation::tell_logs() {
  using proof::Durability, proof::Keep;
  witness_.take(proof::LogKnown{"mqtt", Durability::sync, has_retention(options_.seed) ? Keep::recent : Keep::all});
  witness_.take(proof::LogKnown{"state", Durability::sync, Keep::compact});
  witness_.take(proof::LogKnown{"fast", Durability::async, Keep::all});
  witness_.take(proof::LogKnown{"ring", Durability::memory, Keep::recent});
}

void Simulation::add_actors() {
  for (int i = 0; i < 3; ++i) {
    publishers_.push_back(
        std::make_unique<PublisherActor>(world_, witness_, "pub" + std::to_string(i), i == 0 ? V::v3_1_1 : V::v5));
  }
  publishers_[1]->set_will("t/will");
  const auto add = [&](SubscriberTerms terms) {
    subscribers_.push_back(std::make_unique<SubscriberActor>(world_, witness_, std::move(terms)));
  };
  using mqtt::CleanStart, proof::Order;
  add({"sub0", "sub0", "t/#", "t/", at_least_once, V::v3_1_1});
  add({"sub1", "sub1", "t/#", "t/", exactly_once, V::v5});
  add({"sub2", "sub2", "#", "", at_least_once, V::v5});
  add({"sub3", "sub3", "$replay/earliest/t/#", "t/", at_least_once, V::v5});
  add({"s0", "$share/s", "$share/s/t/#", "t/", at_least_once, V::v5, CleanStart::no, Order::any});
  add({"s1", "$share/s", "$share/s/t/#", "t/", exactly_once, V::v5, CleanStart::no, Order::any, false});
  add({"s2", "$share/s", "$share/s/t/#", "t/", at_least_once, V::v3_1_1, CleanStart::yes, Order::any, false});
  add({"p0", "p", "$group/p/t/#", "t/", at_least_once, V::v5, CleanStart::no, Order::kept, true, true});
  add({"p1", "p", "$group/p/t/#", "t/", at_least_once, V::v5, CleanStart::yes, Order::kept, false, true});
  add({"p2", "p", "$group/p/t/#", "t/", at_least_once, V::v5, CleanStart::yes, Order::kept, false, true});
}

SimulationResult Simulation::run() {
  const RealWorldForbidden forbidden;
  tell_logs();
  add_actors();
  start_server();
  if (!world_.running()) return std::move(result_);
  for (const auto& subscriber : subscribers_) {
    if (subscriber->terms().clean == mqtt::CleanStart::no) subscriber->connect();
  }
  world_.run();
  hear();
  for (const auto& publisher : publishers_) publisher->reconnect();
  world_.run();
  for (step_ = 1; step_ <= options_.steps && world_.running(); ++step_) {
    act();
    if (world_.running()) hear();
  }
  if (world_.running()) settle();
  for (const std::string& complaint : witness_.complaints()) result_.complaints.push_back(complaint);
  result_.verdict = witness_.checker().verdict();
  result_.trace = world_.trace();
  return std::move(result_);
}

void Simulation::act() {
  switch (pick(48)) {
    case 0:
    case 1:
    case 2:
    case 3: return move_publisher();
    case 4:
    case 5:
    case 6:
    case 7:
    case 8:
    case 9: return move_subscriber();
    case 10: return world_.advance(std::chrono::milliseconds(pick(1500)));
    case 11:
      if (pick(8) == 0) world_.clock().jump_wall(std::chrono::seconds(static_cast<int>(pick(1200)) - 600));
      return;
    case 12:
      if (pick(2) == 0) {
        end_server(static_cast<Death>(pick(4)));
        start_server();
      }
      return;
    case 13: return disk_is_broken_ ? heal_disk() : break_disk();
    case 14: return keep_house();
    case 15: return rot();
    case 16:
    case 17:
    case 18: return use_http();
    case 19: return replay();
    case 20:
    case 21: (void)world_.serve_catalog(); return;
    case 22:
    case 23:
    case 24:
    case 25: (void)world_.commit(); return;
    case 26:
    case 27:
    case 28:
    case 29:
    case 30: (void)world_.turn(); return;
    case 31:
      if (pick(2) == 0) take_over();
      return;
    case 32:
      if (!disk_is_broken_) (void)reader_.read_new();
      return;
    default: return publish();
  }
}

// Takes in what everybody has been told.
void Simulation::hear() {
  for (const auto& publisher : publishers_) publisher->step();
  for (const auto& subscriber : subscribers_) subscriber->step();
  if (replayer_) replayer_->step();
  http_.step();
}

// The fault ends, everybody comes back, and what is under way is let finish.
void Simulation::settle() {
  step_ = options_.steps + 1;
  replayer_.reset();
  rival_.reset();
  heal_disk();
  if (!world_.running()) return;
  for (const auto& subscriber : subscribers_) {
    subscriber->client().acks = Client::Acks::at_once;
    subscriber->connect();
  }
  const auto all_idle = [&] {
    return http_.idle() && std::ranges::all_of(publishers_, [](const auto& publisher) { return publisher->idle(); });
  };
  for (int round = 0; round < 50 && !all_idle(); ++round) {
    for (const auto& publisher : publishers_) {
      if (!publisher->ready()) publisher->reconnect();
    }
    world_.run();
    hear();
    world_.run();
    hear();
  }
  if (!all_idle()) witness_.complain("somebody waits for ever for an acknowledgement");
  world_.advance(std::chrono::seconds(2));
  world_.run();
  hear();
  read_everything();
  read_retained();
  end_server(Death::power);
  start_server();
  if (!world_.running()) return;
  read_everything();
  read_retained();
  read_group_positions();
}

// Over HTTP's service twice, and by an MQTT replay.
void Simulation::read_everything() {
  reader_.read_all();
  reader_.read_all();
  Client client(world_, "final-replayer", V::v5);
  client.connect();
  client.subscribe("$replay/earliest/#", at_most_once);
  world_.run();
  std::vector<LogReader::Given> given;
  for (const Delivered& delivered : client.received) {
    const auto place = place_of(delivered.user);
    if (!place) {
      witness_.complain("a replay does not say where a record stands");
      continue;
    }
    given.push_back({delivered.topic, delivered.payload, *place});
  }
  reader_.take_replay(given);
}

void Simulation::read_retained() {
  Client client(world_, "retained-reader", V::v5);
  client.connect();
  client.subscribe("r/#", at_least_once);
  world_.run();
  for (int i = 0; i < retained_topics; ++i) {
    proof::RetainedRead read{"r/" + std::to_string(i), {}};
    for (const Delivered& delivered : client.received) {
      if (delivered.topic == read.topic) read.content = proof::identify(delivered.payload);
    }
    witness_.take(read);
  }
}

void Simulation::read_group_positions() {
  for (const auto& [partition, offset] : world_.group_offsets("p")) {
    witness_.take(proof::GroupRead{"p", {"mqtt", partition, offset}});
  }
}

std::string to_text(const SimulationResult& result) {
  std::string text = proof::to_text(result.verdict);
  for (const std::string& complaint : result.complaints) text += complaint + "\n";
  return text;
}

}  // namespace bitacora::sim
