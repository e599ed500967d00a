// A seeded life of the whole broker: publishers, subscribers, groups, replayers and HTTP clients that come and go, a
// committer that lags, retention and compaction, disks that fail, fill up and rot, kills, power cuts and clean stops,
// on a clock that only the simulation moves. Everybody tells a witness what they were told; at the end the fault is
// over, everything is let finish, and the checker decides. What happens is a function of the seed: docs/simulation.md.
#pragma once

#include <cstdint>
#include <memory>
#include <ostream>
#include <random>
#include <string>
#include <vector>

#include "simulator/http_actor.h"
#include "simulator/log_reader.h"
#include "simulator/publisher_actor.h"
#include "simulator/sabotage.h"
#include "simulator/subscriber_actor.h"

namespace bitacora::sim {

struct SimulationOptions {
  std::uint64_t seed = 1;
  int steps = 400;
  Sabotage sabotage = Sabotage::none;
  std::ostream* trace = nullptr;                // a line for each step
  std::optional<proof::LedgerWriter> ledger{};  // what the witness is told
};

struct SimulationResult {
  proof::Verdict verdict;
  std::vector<std::string> complaints;  // what is wrong beside the invariants
  std::uint64_t trace = 0;              // of all that happened
  int ends = 0;                         // of the server, of every kind
  int faults = 0;                       // of the disk that have struck
  int damages = 0;                      // batches that have rotted
  [[nodiscard]] bool kept() const noexcept { return verdict.kept() && complaints.empty(); }
};
// One line for each thing that is broken; empty: nothing.
[[nodiscard]] std::string to_text(const SimulationResult& result);

class Simulation {
 public:
  explicit Simulation(SimulationOptions options);
  [[nodiscard]] SimulationResult run();  // once

 private:
  [[nodiscard]] std::uint32_t pick(std::uint32_t below) { return static_cast<std::uint32_t>(random_() % below); }
  template <class Of>
  [[nodiscard]] Of& one_of(std::vector<std::unique_ptr<Of>>& all) {
    return *all[pick(static_cast<std::uint32_t>(all.size()))];
  }
  void say(const std::string& what);

  // simulation.cc: the run
  [[nodiscard]] static WorldOptions world_options(const SimulationOptions& options);
  void tell_logs();
  void add_actors();
  void act();
  void hear();
  void settle();
  void read_everything();
  void read_retained();
  void read_group_positions();

  // simulation_clients.cc: what clients do
  void publish();
  void use_http();
  void move_publisher();
  void move_subscriber();
  void replay();
  void take_over();

  // simulation_faults.cc: what is done to the server
  enum class Death : std::uint8_t { stop, kill, power, in_commit };
  void end_server(Death death);
  void start_server();
  void break_disk();
  void mend_disk();
  void heal_disk();
  void rot();
  void keep_house();
  [[nodiscard]] bool any_partition_offline() const;
  [[nodiscard]] bool is_settled(const SealedBatch& batch);

  SimulationOptions options_;
  std::mt19937_64 random_;
  WorldOptions world_options_;
  Witness witness_;
  BrokerWorld world_;
  LogReader reader_;
  HttpActor http_;
  std::vector<std::unique_ptr<PublisherActor>> publishers_;
  std::vector<std::unique_ptr<SubscriberActor>> subscribers_;
  std::unique_ptr<SubscriberActor> replayer_;
  int replayers_ = 0;
  std::unique_ptr<Client> rival_;  // has taken somebody's place
  int step_ = 0;
  bool disk_is_broken_ = false;
  SimulationResult result_;
};

}  // namespace bitacora::sim
