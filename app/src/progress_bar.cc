#include "progress_bar.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace bitacora::app {
namespace {

constexpr std::size_t bar_width = 30;
constexpr std::chrono::milliseconds quiet_at_first{1000};
constexpr std::chrono::milliseconds between_draws{100};

// 1234567 as "1,234,567".
std::string grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, ",");
  return text;
}

}  // namespace

std::string format_progress(std::uint64_t passed, std::uint64_t total) {
  const double part = std::min(1.0, static_cast<double>(passed) / static_cast<double>(total));
  const auto filled = static_cast<std::size_t>(part * bar_width);
  return fmt::format("[{:#<{}}{:.<{}}] {:3.0f}%  {} of {}", "", filled, "", bar_width - filled, part * 100,
                     grouped(passed), grouped(total));
}

ProgressBar::ProgressBar()
    : wanted_(isatty(STDERR_FILENO) == 1 && isatty(STDOUT_FILENO) == 0), next_draw_(Clock::now() + quiet_at_first) {}

ProgressBar::~ProgressBar() {
  if (drawn_) fmt::print(stderr, "\r\x1b[K");
}

void ProgressBar::update(std::uint64_t passed, std::uint64_t total) {
  if (!wanted_ || total == 0 || Clock::now() < next_draw_) return;
  fmt::print(stderr, "\r\x1b[K{}", format_progress(passed, total));
  std::fflush(stderr);
  next_draw_ = Clock::now() + between_draws;
  drawn_ = true;
}

}  // namespace bitacora::app
