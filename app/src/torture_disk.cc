#include "torture_disk.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace bitacora::app::torture {
namespace {

using Mistake = tl::unexpected<std::string>;

constexpr int syncs = 200;
constexpr std::size_t append_size = 4096;
// No flash memory is programmed and no disk turns in less than this: such a sync was answered out of memory, be it the
// kernel's, a hypervisor's or the device's own.
constexpr std::uint32_t fastest_flash_us = 15;
constexpr std::uint32_t fastest_rotating_us = 1000;

std::string first_line(const std::filesystem::path& path) {
  std::string line;
  std::ifstream in(path);
  std::getline(in, line);
  return line;
}

// Of a partition, the disk that it is a part of.
void examine_device(const std::string& directory, DiskFindings& into) {
  struct stat status {};
  if (::stat(directory.c_str(), &status) != 0) return;
  std::error_code error;
  const auto link = fmt::format("/sys/dev/block/{}:{}", major(status.st_dev), minor(status.st_dev));
  auto device = std::filesystem::canonical(link, error);
  if (error) return;
  if (!std::filesystem::exists(device / "queue", error)) device = device.parent_path();
  into.device = device.filename();
  into.write_cache = first_line(device / "queue/write_cache");
  into.rotates = first_line(device / "queue/rotational") == "1";
}

std::uint32_t percentile(std::vector<std::uint32_t>& sorted, std::size_t percent) {
  return sorted[std::min(sorted.size() - 1, sorted.size() * percent / 100)];
}

}  // namespace

Result<DiskFindings, std::string> examine_disk(const std::string& directory) {
  DiskFindings found;
  found.mount = examine_mount(directory);
  examine_device(directory, found);
  const std::string path = directory + "/sync-probe";
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return Mistake(fmt::format("cannot make {}: {}", path, std::strerror(errno)));
  const std::string block(append_size, 'b');
  std::vector<std::uint32_t> took_us;
  for (int i = 0; i < syncs; ++i) {
    const auto began = std::chrono::steady_clock::now();
    const bool done =
        ::write(file, block.data(), block.size()) == static_cast<ssize_t>(block.size()) && ::fdatasync(file) == 0;
    if (!done) break;
    const auto took = std::chrono::steady_clock::now() - began;
    took_us.push_back(static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::microseconds>(took).count()));
  }
  const int error = errno;
  ::close(file);
  ::unlink(path.c_str());
  if (took_us.size() < syncs) return Mistake(fmt::format("cannot write and sync {}: {}", path, std::strerror(error)));
  std::ranges::sort(took_us);
  found.sync_p50_us = percentile(took_us, 50);
  found.sync_p99_us = percentile(took_us, 99);
  return found;
}

std::vector<std::string> explain(const DiskFindings& disk) {
  std::vector<std::string> lines;
  lines.push_back(fmt::format("append of 4 KiB and fdatasync: median {} us, 99 % within {} us, on {}{}{}",
                              disk.sync_p50_us, disk.sync_p99_us, disk.mount.mount.type,
                              disk.device.empty() ? "" : " on " + disk.device,
                              disk.write_cache.empty() ? "" : " (" + disk.write_cache + ")"));
  if (disk.mount.doubt) lines.push_back("NOT SAFE: the directory " + *disk.mount.doubt);
  if (disk.mount.mount.is_memory()) return lines;
  const std::uint32_t fastest = disk.rotates ? fastest_rotating_us : fastest_flash_us;
  if (disk.sync_p50_us < fastest) {
    lines.push_back(
        fmt::format("PROBABLY LIES: no {} can make 4 KiB durable in {} us; something between here and the "
                    "medium answers before it is there",
                    disk.rotates ? "rotating disk" : "flash memory", disk.sync_p50_us));
  } else {
    lines.emplace_back("no lie found: a sync takes as long as one that reaches a medium");
  }
  lines.emplace_back(
      "not to be found out from inside: whether the device keeps what it confirmed when the power goes (a "
      "volatile cache without capacitors, a hypervisor's cache). Cut the power of a machine like this one, "
      "then run `bitacora verify`");
  return lines;
}

}  // namespace bitacora::app::torture
