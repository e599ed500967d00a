#include "base/clock.h"

namespace bitacora {

Now SystemClock::now() const {
  using std::chrono::duration_cast;
  Now now;
  now.monotonic =
      MonotonicTime(duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()));
  now.wall_ms = duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  return now;
}

}  // namespace bitacora
