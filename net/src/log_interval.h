// Lets a message through once an interval, for what may happen thousands of times a second. Not thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/clock.h"

namespace bitacora::net {

class LogInterval {
 public:
  explicit LogInterval(std::chrono::nanoseconds interval) noexcept : interval_(interval) {}

  // How often it happened since the message was last let through, this time included; nullopt: say nothing now.
  [[nodiscard]] std::optional<std::uint64_t> count(MonotonicTime now) noexcept {
    ++count_;
    if (last_ && now - *last_ < interval_) return std::nullopt;
    last_ = now;
    return std::exchange(count_, 0);
  }

 private:
  std::chrono::nanoseconds interval_;
  std::optional<MonotonicTime> last_;
  std::uint64_t count_ = 0;
};

}  // namespace bitacora::net
