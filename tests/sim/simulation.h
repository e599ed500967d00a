// A seeded life of the broker: publishers, persistent subscribers and replayers that come and go, a committer that
// lags, kills, power cuts and clean stops. At the end everything is let finish and held against what the clients were
// told: the invariants I1, I2, I4, I5 and I6 of the guarantees.
#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "sim/publisher_actor.h"

namespace bitacora::sim {

class Simulation {
 public:
  explicit Simulation(std::uint64_t seed);

  void run(int steps);
  // Lets everything finish, then says what was broken; empty: nothing. One line each.
  [[nodiscard]] std::vector<std::string> verdict();

  [[nodiscard]] int crashes() const noexcept { return crashes_; }
  [[nodiscard]] std::size_t published() const noexcept;

 private:
  [[nodiscard]] std::uint32_t pick(std::uint32_t below) { return static_cast<std::uint32_t>(random_() % below); }
  void act();
  void fail_somehow();
  void settle();
  void check_log(std::vector<std::string>& broken) const;
  void check_publisher(const PublisherActor& publisher, const std::vector<BrokerWorld::Record>& records,
                       std::vector<std::string>& broken) const;
  void check_subscriber(const Client& subscriber, std::vector<std::string>& broken) const;

  std::mt19937_64 random_;
  WorldOptions options_;
  BrokerWorld world_;
  std::vector<std::unique_ptr<PublisherActor>> publishers_;
  std::vector<std::unique_ptr<Client>> subscribers_;  // persistent, "t/#" at QoS 1 or 2, from before the first publish
  std::unique_ptr<Client> replayer_;
  int crashes_ = 0;
};

}  // namespace bitacora::sim
