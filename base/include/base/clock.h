// Time as values. Sans-IO code takes a `Now` as an argument; only what owns threads holds a Clock. Nothing below net/
// and app/ reads real time by itself, so that a simulator can own time.
#pragma once

#include <chrono>
#include <cstdint>

namespace bitacora {

// Time that only goes forward: timers, keep-alive, expiry. Its zero means nothing.
struct MonotonicClockTag {
  using rep = std::int64_t;
  using period = std::nano;
  using duration = std::chrono::nanoseconds;
  using time_point = std::chrono::time_point<MonotonicClockTag, duration>;
  static constexpr bool is_steady = true;
};
using MonotonicTime = MonotonicClockTag::time_point;

// Milliseconds since the Unix epoch, UTC: what Kafka's record timestamps are. May jump either way.
using Timestamp = std::int64_t;

struct Now {
  MonotonicTime monotonic;
  Timestamp wall_ms = 0;
};

class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Now now() const = 0;
};

// The operating system's clocks. Thread-safe.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] Now now() const override;
};

// A clock that a test or a simulator moves by hand. Not thread-safe.
class VirtualClock final : public Clock {
 public:
  explicit VirtualClock(Timestamp wall_ms = 1'700'000'000'000) { now_.wall_ms = wall_ms; }
  [[nodiscard]] Now now() const override { return now_; }

  void advance(std::chrono::nanoseconds by) {
    nanoseconds_ += by;
    const auto whole = std::chrono::duration_cast<std::chrono::milliseconds>(nanoseconds_);
    nanoseconds_ -= whole;
    now_.monotonic += by;
    now_.wall_ms += whole.count();
  }
  // Moves the wall clock alone, either way, as an administrator or NTP does.
  void jump_wall(std::chrono::milliseconds by) { now_.wall_ms += by.count(); }

 private:
  Now now_;
  std::chrono::nanoseconds nanoseconds_{0};
};

}  // namespace bitacora
