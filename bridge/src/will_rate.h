// When a network fails, thousands of Wills are due at once; subscribers need not get them all in the same moment. So
// many a second go at once, as many again within the second that follows, and each one after that gets its turn.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "base/clock.h"

namespace bitacora::bridge {

class WillRate {
 public:
  // When the next Will may be published: `now`, or a turn that is then taken.
  [[nodiscard]] MonotonicTime take_turn(MonotonicTime now, std::uint32_t per_second) noexcept {
    const MonotonicTime turn = std::max(now, paid_until_ - burst);
    paid_until_ = std::max(now, paid_until_) + std::chrono::nanoseconds(std::chrono::seconds(1)) / per_second;
    return turn;
  }

 private:
  static constexpr std::chrono::seconds burst{1};
  MonotonicTime paid_until_;
};

}  // namespace bitacora::bridge
