// The choices of one crash, all from one seed: the same seed over the same history leaves the same disk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>

namespace bitacora::storage {

class CrashDice {
 public:
  // How likely each unsynced change of one file, or of one directory's names, is to have reached the disk.
  struct Fate {
    unsigned survival_percent = 50;  // 0: nothing unsynced survives; 100: everything, untorn
    [[nodiscard]] bool is_mixed() const noexcept { return survival_percent > 0 && survival_percent < 100; }
  };

  explicit CrashDice(std::uint64_t seed) : engine_(seed) {}

  [[nodiscard]] std::uint64_t below(std::uint64_t limit) { return engine_() % limit; }  // limit > 0
  [[nodiscard]] bool chance(unsigned percent) { return below(100) < percent; }

  // The pure cases are drawn often: a crash that keeps all of a file or none of it would hardly come up otherwise.
  [[nodiscard]] Fate draw_fate() {
    constexpr unsigned percents[] = {0, 10, 50, 90, 100};
    return {percents[below(std::size(percents))]};
  }

  // Something was changed `change_count` times since it was synced. Which state is on the disk: 0 is the synced one,
  // `change_count` the last.
  [[nodiscard]] std::size_t draw_version(Fate fate, std::size_t change_count) {
    if (change_count == 0 || fate.survival_percent == 0) return 0;
    if (chance(fate.survival_percent)) return change_count;
    return static_cast<std::size_t>(below(change_count));
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace bitacora::storage
