// What a process has used of the machine, read from /proc.
#pragma once

#include <cstdint>

namespace bitacora::bench {

struct ProcessUse {
  double cpu_s = 0;              // user and system time since its start
  std::uint64_t rss_bytes = 0;   // resident now
  std::uint64_t peak_bytes = 0;  // most resident so far
};

// All zero if there is no such process (or `pid` is 0).
[[nodiscard]] ProcessUse use_of_process(int pid);
[[nodiscard]] double own_cpu_s();

}  // namespace bitacora::bench
