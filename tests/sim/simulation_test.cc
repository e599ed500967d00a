// Seeds of the simulation, and what shows that it would find a broken promise. More seeds: scripts/simulate.sh.
#include "simulator/simulation.h"

#include <gtest/gtest.h>

#include <random>

#include "simulator/real_world.h"

namespace bitacora::sim {
namespace {

SimulationResult simulate(std::uint64_t seed, Sabotage sabotage = Sabotage::none) {
  SimulationOptions options;
  options.seed = seed;
  options.sabotage = sabotage;
  return Simulation(std::move(options)).run();
}

TEST(SimulationSeeds, HoldThePromiseOverKillsPowerCutsFailingDisksAndStops) {
  constexpr std::uint64_t seeds = 60;
  proof::Totals totals;
  int ends = 0, faults = 0, damages = 0;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    const SimulationResult result = simulate(seed);
    ASSERT_TRUE(result.kept()) << "bitacora-sim --seed " << seed << " repeats it:\n" << to_text(result);
    totals.acknowledged += result.verdict.totals.acknowledged;
    totals.delivered += result.verdict.totals.delivered;
    ends += result.ends, faults += result.faults, damages += result.damages;
  }
  // The rig itself: seeds in which nothing happens would prove nothing.
  EXPECT_GT(totals.acknowledged, seeds * 20);
  EXPECT_GT(totals.delivered, seeds * 50);
  EXPECT_GT(ends, static_cast<int>(seeds));
  EXPECT_GT(faults, static_cast<int>(seeds));
  EXPECT_GT(damages, static_cast<int>(seeds / 10));
}

TEST(SimulationSeeds, AreTheSameEachTime) {
  for (const std::uint64_t seed : {3U, 10U}) {
    const SimulationResult first = simulate(seed), second = simulate(seed);
    EXPECT_EQ(first.trace, second.trace);
    EXPECT_EQ(first.verdict.totals, second.verdict.totals);
  }
  EXPECT_NE(simulate(3).trace, simulate(4).trace);
}

class NegativeControl : public testing::TestWithParam<Sabotage> {};

TEST_P(NegativeControl, IsFoundWithinFewSeeds) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    if (!simulate(seed, GetParam()).verdict.kept()) return;
  }
  FAIL() << "20 seeds with a server that does what it must not, and nothing was found";
}
INSTANTIATE_TEST_SUITE_P(Sabotages, NegativeControl,
                         testing::Values(Sabotage::ack_before_sync, Sabotage::skip_directory_sync,
                                         Sabotage::cut_at_first_bad_batch, Sabotage::reuse_offsets),
                         [](const auto& of) {
                           std::string name(sabotage_names[static_cast<std::size_t>(of.param)]);
                           std::erase(name, '-');
                           return name;
                         });

TEST(RealWorldDeathTest, WhoeverReadsItWithinASimulationEndsTheProgram) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto in_simulation = [](const std::function<void()>& read) {
    const RealWorldForbidden forbidden;
    read();
  };
  EXPECT_DEATH(in_simulation([] { (void)SystemClock().now(); }), "reads the real world: clock_gettime");
  EXPECT_DEATH(in_simulation([] { (void)std::random_device()(); }), "reads the real world: std::random_device");
  (void)SystemClock().now();  // outside of one it is nobody's concern
  (void)std::random_device()();
}

}  // namespace
}  // namespace bitacora::sim
