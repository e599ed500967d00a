#include "process_use.h"

#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

namespace bitacora::bench {
namespace {

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

}  // namespace

ProcessUse use_of_process(int pid) {
  ProcessUse use;
  if (pid <= 0) return use;
  const std::string directory = "/proc/" + std::to_string(pid);

  std::ifstream stat(directory + "/stat");
  const std::string line{std::istreambuf_iterator<char>(stat), {}};
  // The name in parentheses may hold blanks: fields are counted from behind it. utime and stime are the 12th and 13th
  // there.
  std::istringstream fields(line.substr(line.rfind(')') == std::string::npos ? line.size() : line.rfind(')') + 1));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  use.cpu_s = (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));

  std::ifstream status(directory + "/status");
  for (std::string key; status >> key;) {
    std::uint64_t kib = 0;
    if (key == "VmRSS:" && status >> kib) use.rss_bytes = kib << 10;
    if (key == "VmHWM:" && status >> kib) use.peak_bytes = kib << 10;
    std::getline(status, skipped);
  }
  return use;
}

double own_cpu_s() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace bitacora::bench
