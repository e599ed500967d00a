// Seeds of the simulation. BITACORA_SIM_SEED=N runs that one alone; BITACORA_SIM_SEEDS=N runs that many.
#include "sim/simulation.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace bitacora::sim {
namespace {

std::uint64_t setting(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

std::string report(std::uint64_t seed, const std::vector<std::string>& broken) {
  std::string text = "seed " + std::to_string(seed) + " (BITACORA_SIM_SEED=" + std::to_string(seed) + " repeats it):";
  for (const std::string& line : broken) text += "\n  " + line;
  return text;
}

TEST(SimulationSeeds, HoldThePromiseOverKillsPowerCutsAndStops) {
  const std::uint64_t only = setting("BITACORA_SIM_SEED", 0);
  const std::uint64_t first = only != 0 ? only : 1;
  const std::uint64_t count = only != 0 ? 1 : setting("BITACORA_SIM_SEEDS", 100);
  int crashes = 0;
  std::size_t published = 0;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    Simulation simulation(seed);
    simulation.run(400);
    const auto broken = simulation.verdict();
    ASSERT_TRUE(broken.empty()) << report(seed, broken);
    crashes += simulation.crashes();
    published += simulation.published();
  }
  // The rig itself: seeds that neither publish nor crash would prove nothing.
  EXPECT_GT(published, count * 30);
  EXPECT_GT(crashes, static_cast<int>(count));
}

}  // namespace
}  // namespace bitacora::sim
