// The file system that a data directory lies on, as the kernel tells of it, and why it could fail to keep what the
// server has synced. Of many it cannot be known; where nothing is said here, nothing is known against it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bitacora::app {

struct Mount {
  std::string point{};                 // "/var/lib/bitacora"; empty where only the type is known
  std::string type{};                  // "ext4", "nfs4", "fuse.sshfs"
  std::string source{};                // "/dev/sda1", "server:/export"
  std::vector<std::string> options{};  // of the mount, then of the file system: "rw", "nobarrier"

  [[nodiscard]] bool is_memory() const;  // nothing of it is on any disk
};

// From the text of /proc/self/mountinfo (proc(5)): where `path`, which is absolute and has no links in it, lies.
[[nodiscard]] std::optional<Mount> find_mount(std::string_view mountinfo, std::string_view path);

enum class Journal : std::uint8_t { present, absent, unknown };  // of an ext4

// For a person: what may be lost, and what to do, as the end of a sentence that begins with the directory: "lies on
// tmpfs, ...". nullopt: nothing is known against it.
[[nodiscard]] std::optional<std::string> doubt_about(const Mount& mount, Journal journal);

struct DataMount {
  Mount mount{};
  std::optional<std::string> doubt{};
};
// Of a directory of this machine that exists.
[[nodiscard]] DataMount examine_mount(const std::string& directory);

}  // namespace bitacora::app
