// What a durable append costs: append + fdatasync, against overwriting a file that was filled with zeros ahead in
// chunks. The figures of docs/adr/0003-preallocation.md come from here.
//
//   sync_cost <directory> [batch bytes = 1024] [appends = 2000]
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

struct Figures {
  double mean_us = 0;
  double p50_us = 0;
  double p99_us = 0;
  double mib_per_s = 0;
};

[[noreturn]] void give_up(const char* what) {
  std::perror(what);
  std::exit(1);
}

void write_all(int fd, const std::vector<char>& bytes, off_t position) {
  if (::pwrite(fd, bytes.data(), bytes.size(), position) != static_cast<ssize_t>(bytes.size())) give_up("pwrite");
}

// Appends `count` batches one by one, each durable before the next. `chunk` == 0: the file simply grows. Otherwise
// zeros are written ahead, `chunk` bytes whenever the write position would pass what is filled; that cost is in the
// figures.
Figures measure(const std::string& directory, std::size_t batch_size, std::size_t count, std::size_t chunk) {
  const std::string path = directory + "/sync_cost.tmp";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) give_up(path.c_str());
  const std::vector<char> batch(batch_size, 'b');
  const std::vector<char> zeros(chunk, '\0');
  std::vector<double> took_us;
  off_t position = 0;
  off_t filled = 0;
  const auto begin = Clock::now();
  for (std::size_t i = 0; i < count; ++i) {
    const auto start = Clock::now();
    const off_t end = position + static_cast<off_t>(batch_size);
    while (chunk != 0 && end > filled) {
      write_all(fd, zeros, filled);
      filled += static_cast<off_t>(chunk);
    }
    write_all(fd, batch, position);
    if (::fdatasync(fd) != 0) give_up("fdatasync");
    position = end;
    took_us.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count());
  }
  const double total_s = std::chrono::duration<double>(Clock::now() - begin).count();
  ::close(fd);
  ::unlink(path.c_str());
  std::sort(took_us.begin(), took_us.end());
  Figures figures;
  figures.mean_us = total_s * 1e6 / static_cast<double>(count);
  figures.p50_us = took_us[count / 2];
  figures.p99_us = took_us[count * 99 / 100];
  figures.mib_per_s = static_cast<double>(position) / total_s / (1 << 20);
  return figures;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: sync_cost <directory> [batch bytes] [appends]\n");
    return 2;
  }
  const std::size_t batch_size = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1024;
  const std::size_t count = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 2000;
  if (batch_size == 0 || count == 0) return 2;
  std::printf("%-22s %10s %10s %10s %10s\n", "batches of bytes", "mean us", "p50 us", "p99 us", "MiB/s");
  for (const std::size_t chunk : {0UL, 256UL << 10, 1UL << 20, 4UL << 20, 16UL << 20}) {
    const Figures figures = measure(argv[1], batch_size, count, chunk);
    const std::string name = chunk == 0 ? "append" : "zeros ahead " + std::to_string(chunk >> 10) + " KiB";
    std::printf("%-22s %10.0f %10.0f %10.0f %10.1f\n", name.c_str(), figures.mean_us, figures.p50_us, figures.p99_us,
                figures.mib_per_s);
  }
  return 0;
}
