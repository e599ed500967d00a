#include "data_mount.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace bitacora::app {
namespace {

// --- /proc/self/mountinfo ---

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(at, begin), text.size());
    if (end > begin) parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

// Blanks and the like are written "\040".
std::string without_escapes(std::string_view text) {
  const auto is_octal = [](char c) { return c >= '0' && c <= '7'; };
  std::string plain;
  while (!text.empty()) {
    if (text.size() >= 4 && text[0] == '\\' && std::all_of(&text[1], &text[1] + 3, is_octal)) {
      plain += static_cast<char>((text[1] - '0') * 64 + (text[2] - '0') * 8 + (text[3] - '0'));
      text.remove_prefix(4);
    } else {
      plain += text.front();
      text.remove_prefix(1);
    }
  }
  return plain;
}

bool lies_under(std::string_view path, std::string_view point) {
  if (point == "/") return path.starts_with('/');
  return path.starts_with(point) && (path.size() == point.size() || path[point.size()] == '/');
}

// "36 35 98:0 /root /point rw,noatime shared:1 - ext4 /dev/sda1 rw,data=ordered"
std::optional<Mount> parse_line(std::string_view line) {
  constexpr std::size_t point_at = 4, options_at = 5, first_optional = 6;
  const std::vector<std::string_view> fields = split(line, ' ');
  if (fields.size() < first_optional) return std::nullopt;
  const auto separator = std::find(fields.begin() + first_optional, fields.end(), "-");
  if (std::distance(separator, fields.end()) < 4) return std::nullopt;
  Mount mount{.point = without_escapes(fields[point_at]),
              .type = without_escapes(separator[1]),
              .source = without_escapes(separator[2])};
  for (const std::string_view list : {fields[options_at], separator[3]}) {
    for (const std::string_view option : split(list, ',')) mount.options.push_back(without_escapes(option));
  }
  return mount;
}

// --- the machine ---

std::string text_of(const std::filesystem::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Where /proc is not there to be read.
std::string type_by_statfs(const std::string& directory) {
  struct Known {
    std::uint32_t magic;
    const char* type;
  };
  static constexpr std::array<Known, 16> known{{{0xEF53, "ext4"},
                                                {0x58465342, "xfs"},
                                                {0x9123683E, "btrfs"},
                                                {0x2FC12FC1, "zfs"},
                                                {0xF2F52010, "f2fs"},
                                                {0x3153464A, "jfs"},
                                                {0x01021994, "tmpfs"},
                                                {0x858458F6, "ramfs"},
                                                {0x794C7630, "overlay"},
                                                {0x6969, "nfs"},
                                                {0xFF534D42, "cifs"},
                                                {0xFE534D42, "smb3"},
                                                {0x01021997, "9p"},
                                                {0x65735546, "fuse"},
                                                {0x4D44, "vfat"},
                                                {0x2011BAB0, "exfat"}}};
  struct statfs status {};
  if (::statfs(directory.c_str(), &status) != 0) return "unknown";
  const auto magic = static_cast<std::uint32_t>(status.f_type);
  const auto found = std::find_if(known.begin(), known.end(), [&](const Known& one) { return one.magic == magic; });
  return found != known.end() ? found->type : fmt::format("{:#x}", magic);
}

// The kernel names the thread that writes the journal, "<none>" where there is no journal.
Journal journal_of(const std::string& directory) {
  struct stat status {};
  if (::stat(directory.c_str(), &status) != 0) return Journal::unknown;
  std::error_code error;
  const auto device = std::filesystem::canonical(
      fmt::format("/sys/dev/block/{}:{}", major(status.st_dev), minor(status.st_dev)), error);
  if (error) return Journal::unknown;
  const std::string task = text_of(std::filesystem::path("/sys/fs/ext4") / device.filename() / "journal_task");
  if (task.empty()) return Journal::unknown;
  return task.starts_with("<none>") ? Journal::absent : Journal::present;
}

// --- what follows from it ---

template <std::size_t size>
bool is_one_of(std::string_view type, const std::array<std::string_view, size>& types) {
  return std::find(types.begin(), types.end(), type) != types.end();
}

constexpr std::array<std::string_view, 10> elsewhere{"nfs", "nfs4", "cifs", "smb3",     "smbfs",
                                                     "9p",  "ceph", "afs",  "virtiofs", "vboxsf"};
constexpr std::array<std::string_view, 9> without_journal{"ext2", "vfat", "msdos", "exfat", "minix",
                                                          "ufs",  "hfs",  "udf",   "hpfs"};
constexpr std::array<std::string_view, 10> known_good{"ext3", "ext4", "xfs",      "btrfs",    "zfs",
                                                      "f2fs", "jfs",  "bcachefs", "reiserfs", "nilfs2"};

bool has_option(const Mount& mount, std::string_view option) {
  return std::find(mount.options.begin(), mount.options.end(), option) != mount.options.end();
}

}  // namespace

bool Mount::is_memory() const {
  static constexpr std::array<std::string_view, 4> memory{"tmpfs", "ramfs", "rootfs", "devtmpfs"};
  return is_one_of(type, memory);
}

std::optional<Mount> find_mount(std::string_view mountinfo, std::string_view path) {
  std::optional<Mount> found;
  for (const std::string_view line : split(mountinfo, '\n')) {
    auto mount = parse_line(line);
    if (!mount || !lies_under(path, mount->point)) continue;
    // Of two at one point the later one covers the earlier.
    if (!found || mount->point.size() >= found->point.size()) found = std::move(mount);
  }
  return found;
}

std::optional<std::string> doubt_about(const Mount& mount, Journal journal) {
  const std::string& type = mount.type;
  if (mount.is_memory()) {
    return "lies on " + type +
           ", which is memory: all of it is gone when the machine restarts, acknowledged or not. Use a directory on a "
           "disk";
  }
  if (type == "overlay" && has_option(mount, "volatile")) {
    return "lies on an overlay that is mounted with \"volatile\": syncs do nothing, and a power cut takes what was "
           "acknowledged. Use a volume of its own";
  }
  if (type == "overlay") {
    return "lies on an overlay, the layer of a container: it is removed with the container, acknowledged or not. Use a "
           "volume of its own";
  }
  if (has_option(mount, "nobarrier") || has_option(mount, "barrier=0") || has_option(mount, "fsync_mode=nobarrier")) {
    return "lies on " + type +
           " without write barriers: a sync leaves data in the disk's own cache, and a power cut can take what was "
           "acknowledged. Mount it without nobarrier";
  }
  if (is_one_of(type, without_journal)) {
    return "lies on " + type +
           ", which has no journal: a power cut can damage the file system itself, and what was acknowledged with it. "
           "Use ext4, xfs or btrfs";
  }
  if (type == "ext4" && journal == Journal::absent) {
    return "lies on ext4 without a journal: a power cut can damage the file system itself, and what was acknowledged "
           "with it. Give it one (tune2fs -O has_journal, while it is not mounted)";
  }
  if (is_one_of(type, elsewhere) || type.starts_with("fuse")) {
    return "lies on " + type +
           ": whether a sync that has returned reached a disk is for whoever serves it to say, and cannot be seen from "
           "here. Use a disk of this machine";
  }
  if (is_one_of(type, known_good)) return std::nullopt;
  return "lies on " + type +
         ", of which it is not known whether it keeps what was synced over a power cut. ext4 (with a journal), xfs, "
         "btrfs and zfs do";
}

DataMount examine_mount(const std::string& directory) {
  std::error_code error;
  const std::filesystem::path path = std::filesystem::canonical(directory, error);
  auto mount = error ? std::nullopt : find_mount(text_of("/proc/self/mountinfo"), path.string());
  if (!mount) mount = Mount{.type = type_by_statfs(directory)};
  const Journal journal = mount->type == "ext4" ? journal_of(directory) : Journal::unknown;
  auto doubt = doubt_about(*mount, journal);
  return {std::move(*mount), std::move(doubt)};
}

}  // namespace bitacora::app
