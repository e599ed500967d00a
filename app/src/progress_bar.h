// A progress bar on standard error, for what takes long and only where a person looks at it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace bitacora::app {

// "[#####.....]  50%  1,000,000 of 2,000,000". `total` is not 0.
[[nodiscard]] std::string format_progress(std::uint64_t passed, std::uint64_t total);

class ProgressBar {
 public:
  // Shows nothing at all unless standard error is a terminal and standard output is not: both on one screen would mix.
  ProgressBar();
  ~ProgressBar();  // wipes it away
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // Cheap: draws at most ten times a second, and not in the first second.
  void update(std::uint64_t passed, std::uint64_t total);

 private:
  using Clock = std::chrono::steady_clock;
  bool wanted_;
  bool drawn_ = false;
  Clock::time_point next_draw_;
};

}  // namespace bitacora::app
