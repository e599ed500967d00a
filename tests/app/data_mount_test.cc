// What the kernel's table of mounts says of a directory, and what is said of that.
#include "data_mount.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

namespace bitacora::app {
namespace {

using testing::Contains;
using testing::HasSubstr;

constexpr std::string_view mountinfo =
    "22 27 0:21 / /proc rw,relatime - proc proc rw\n"
    "27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard\n"
    "30 27 0:26 / /srv rw,noatime shared:2 master:1 - tmpfs tmpfs rw,size=10%\n"
    "31 27 8:1 /sub /srv/log rw,noatime - xfs /dev/sda1 rw,nobarrier,attr2\n"
    "32 27 0:40 / /mnt/with\\040blank rw - nfs4 nas:/export/a\\134b rw,vers=4.2\n"
    "33 27 0:41 / /mnt/twice rw - tmpfs below rw\n"
    "34 27 8:2 / /mnt/twice rw - btrfs above rw\n"
    "a line that is none\n"
    "35 27 8:3 / /mnt/short rw -\n";

std::string type_at(std::string_view path) {
  const auto mount = find_mount(mountinfo, path);
  return mount ? mount->type : "none";
}

TEST(FindMount, TakesTheDeepestMountThatThePathLiesUnder) {
  EXPECT_EQ(type_at("/"), "ext4");
  EXPECT_EQ(type_at("/var/lib/bitacora"), "ext4");
  EXPECT_EQ(type_at("/srv"), "tmpfs");
  EXPECT_EQ(type_at("/srv/other"), "tmpfs");
  EXPECT_EQ(type_at("/srv/log/data"), "xfs");
}

TEST(FindMount, TakesAWholeNameForAPrefixAndNoPartOfOne) {
  EXPECT_EQ(type_at("/srv/logs"), "tmpfs");
  EXPECT_EQ(type_at("/srvx"), "ext4");
}

TEST(FindMount, ReadsBlanksAndBackslashesThatAreEscaped) {
  const auto mount = find_mount(mountinfo, "/mnt/with blank/data");
  ASSERT_TRUE(mount);
  EXPECT_EQ(mount->point, "/mnt/with blank");
  EXPECT_EQ(mount->type, "nfs4");
  EXPECT_EQ(mount->source, "nas:/export/a\\b");
}

TEST(FindMount, TakesTheLaterOfTwoAtOnePoint) { EXPECT_EQ(type_at("/mnt/twice/data"), "btrfs"); }

TEST(FindMount, KnowsTheOptionsOfTheMountAndOfTheFileSystem) {
  const auto mount = find_mount(mountinfo, "/srv/log");
  ASSERT_TRUE(mount);
  EXPECT_THAT(mount->options, Contains("noatime"));
  EXPECT_THAT(mount->options, Contains("nobarrier"));
}

TEST(FindMount, StepsOverLinesThatAreNone) {
  EXPECT_EQ(type_at("/mnt/short"), "ext4");
  EXPECT_FALSE(find_mount("nonsense\n", "/"));
  EXPECT_FALSE(find_mount("", "/"));
}

std::string doubt(const std::string& type, Journal journal = Journal::unknown, std::vector<std::string> options = {}) {
  return doubt_about({.type = type, .options = std::move(options)}, journal).value_or("");
}

TEST(DoubtAbout, IsNoneWhereAJournalKeepsTheFileSystem) {
  for (const char* type : {"ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "jfs"}) EXPECT_EQ(doubt(type), "") << type;
  EXPECT_EQ(doubt("ext4", Journal::present, {"rw", "data=ordered", "barrier=1"}), "");
}

TEST(DoubtAbout, SaysWhatMemoryAndContainersLose) {
  EXPECT_THAT(doubt("tmpfs"), HasSubstr("when the machine restarts"));
  EXPECT_THAT(doubt("ramfs"), HasSubstr("when the machine restarts"));
  EXPECT_THAT(doubt("overlay"), HasSubstr("removed with the container"));
  EXPECT_THAT(doubt("overlay", Journal::unknown, {"rw", "volatile"}), HasSubstr("syncs do nothing"));
}

TEST(DoubtAbout, SaysWhatIsMissingOnTheDisk) {
  EXPECT_THAT(doubt("ext4", Journal::absent), HasSubstr("has_journal"));
  for (const char* type : {"vfat", "exfat", "ext2"}) EXPECT_THAT(doubt(type), HasSubstr("has no journal")) << type;
  for (const char* option : {"nobarrier", "barrier=0"}) {
    EXPECT_THAT(doubt("xfs", Journal::unknown, {option}), HasSubstr("without write barriers")) << option;
  }
  EXPECT_THAT(doubt("f2fs", Journal::unknown, {"fsync_mode=nobarrier"}), HasSubstr("without write barriers"));
}

TEST(DoubtAbout, SaysWhereNothingCanBeSeen) {
  for (const char* type : {"nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "fuseblk"}) {
    EXPECT_THAT(doubt(type), HasSubstr("cannot be seen from here")) << type;
  }
  EXPECT_THAT(doubt("newfs"), HasSubstr("not known"));
}

TEST(ExamineMount, FindsTheDirectoryOfThisMachineAndBelievesProc) {
  const DataMount found = examine_mount(testing::TempDir());
  EXPECT_FALSE(found.mount.point.empty());
  EXPECT_TRUE(std::filesystem::canonical(testing::TempDir()).string().starts_with(found.mount.point));
}

TEST(ExamineMount, DoubtsMemory) {
  if (!std::filesystem::is_directory("/dev/shm")) GTEST_SKIP() << "there is no /dev/shm";
  const DataMount found = examine_mount("/dev/shm");
  if (found.mount.type != "tmpfs") GTEST_SKIP() << "/dev/shm is " << found.mount.type;
  EXPECT_TRUE(found.doubt);
}

}  // namespace
}  // namespace bitacora::app
