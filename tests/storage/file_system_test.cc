// The contract of FileSystem, held by every implementation that is meant for keeps.
#include "storage/file_system.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "storage/memory_file_system.h"
#include "storage/posix_file_system.h"

namespace bitacora::storage {
namespace {

enum class Kind { posix, memory };

class FileSystemContract : public testing::TestWithParam<Kind> {
 protected:
  FileSystemContract() {
    if (GetParam() == Kind::memory) {
      fs_ = make_memory_file_system();
      root_ = "data";
    } else {
      fs_ = make_posix_file_system();
      std::string pattern = (std::filesystem::temp_directory_path() / "bitacora-fs-XXXXXX").string();
      EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
      temporary_ = pattern;
      root_ = pattern + "/data";
    }
    EXPECT_TRUE(fs_->create_directories(root_));
  }
  ~FileSystemContract() override {
    if (!temporary_.empty()) std::filesystem::remove_all(temporary_);
  }

  [[nodiscard]] std::string at(const std::string& name) const { return root_ + "/" + name; }

  [[nodiscard]] std::unique_ptr<File> opened(const std::string& name, OpenMode mode = OpenMode::create) {
    auto file = fs_->open(at(name), mode);
    EXPECT_TRUE(file) << (file ? "" : file.error().message);
    return file ? *std::move(file) : nullptr;
  }
  void write(const std::string& name, std::string_view text) {
    const auto file = opened(name);
    ASSERT_TRUE(file->truncate(0));
    ASSERT_TRUE(file->write_at(0, as_bytes(text)));
  }
  [[nodiscard]] std::string text_of(const std::string& name) {
    const auto bytes = read_file(*fs_, at(name));
    return bytes ? std::string(as_text(*bytes)) : "error: " + bytes.error().message;
  }
  [[nodiscard]] Errc error_of_open(const std::string& name, OpenMode mode) {
    const auto file = fs_->open(at(name), mode);
    EXPECT_FALSE(file);
    if (file) return Errc::closed;
    EXPECT_NE(file.error().message.find(at(name)), std::string::npos) << file.error().message;
    EXPECT_NE(file.error().os_error, 0);
    return file.error().code;
  }
  [[nodiscard]] std::vector<std::string> names_in(const std::string& directory) {
    std::vector<std::string> names;
    const auto entries = fs_->list(directory);
    EXPECT_TRUE(entries);
    if (!entries) return names;
    for (const DirectoryEntry& entry : *entries) names.push_back(entry.name + (entry.is_directory ? "/" : ""));
    return names;
  }

  std::unique_ptr<FileSystem> fs_;
  std::string temporary_;
  std::string root_;
};

using Names = std::vector<std::string>;

INSTANTIATE_TEST_SUITE_P(Each, FileSystemContract, testing::Values(Kind::posix, Kind::memory),
                         [](const auto& kind) { return kind.param == Kind::posix ? "Posix" : "Memory"; });

TEST_P(FileSystemContract, OpenModesSayWhetherTheFileMustExist) {
  EXPECT_EQ(error_of_open("a", OpenMode::read), Errc::not_found);
  EXPECT_EQ(error_of_open("a", OpenMode::read_write), Errc::not_found);
  ASSERT_TRUE(opened("a", OpenMode::create_new)->write_at(0, as_bytes("kept")));
  EXPECT_EQ(error_of_open("a", OpenMode::create_new), Errc::already_exists);
  ASSERT_TRUE(opened("a", OpenMode::create));
  EXPECT_EQ(text_of("a"), "kept");
}

TEST_P(FileSystemContract, AMissingDirectoryIsNotFound) {
  EXPECT_EQ(error_of_open("none/a", OpenMode::create), Errc::not_found);
  EXPECT_EQ(fs_->list(at("none")).error().code, Errc::not_found);
  EXPECT_EQ(fs_->sync_directory(at("none")).error().code, Errc::not_found);
}

TEST_P(FileSystemContract, ADirectoryIsNoFileAndAFileIsNoDirectory) {
  ASSERT_TRUE(fs_->create_directories(at("d")));
  write("f", "x");
  for (const OpenMode mode : {OpenMode::read, OpenMode::read_write, OpenMode::create}) {
    EXPECT_EQ(error_of_open("d", mode), Errc::invalid_argument);
  }
  EXPECT_EQ(error_of_open("f/a", OpenMode::create), Errc::invalid_argument);
  EXPECT_EQ(fs_->list(at("f")).error().code, Errc::invalid_argument);
  EXPECT_EQ(fs_->sync_directory(at("f")).error().code, Errc::invalid_argument);
  EXPECT_EQ(fs_->create_directories(at("f")).error().code, Errc::invalid_argument);
  EXPECT_EQ(fs_->create_directories(at("f/d")).error().code, Errc::invalid_argument);
  EXPECT_EQ(fs_->remove(at("d")).error().code, Errc::invalid_argument);
  EXPECT_EQ(fs_->remove_directory(at("f")).error().code, Errc::invalid_argument);
  EXPECT_FALSE(*fs_->exists(at("f/a")));
}

TEST_P(FileSystemContract, PiecesAreWrittenOneBehindTheOther) {
  const auto file = opened("a");
  const ByteView pieces[] = {as_bytes("one"), as_bytes(""), as_bytes("two"), as_bytes("three"), as_bytes("")};
  ASSERT_TRUE(file->write_at(0, pieces));
  ASSERT_TRUE(file->write_at(2, as_bytes("--")));
  EXPECT_EQ(text_of("a"), "on--wothree");
}

TEST_P(FileSystemContract, WritesNothingWhenThereIsNothingToWrite) {
  const auto file = opened("a");
  ASSERT_TRUE(file->write_at(100, std::span<const ByteView>()));
  ASSERT_TRUE(file->write_at(100, as_bytes("")));
  EXPECT_EQ(*file->size(), 0U);
}

TEST_P(FileSystemContract, MorePiecesThanTheSystemTakesAtOnceAreAllWritten) {
  std::string expected;
  std::vector<std::string> texts;
  for (int i = 0; i < 5000; ++i) texts.push_back(std::to_string(i) + ",");
  std::vector<ByteView> pieces;
  for (const std::string& text : texts) {
    pieces.push_back(as_bytes(text));
    expected += text;
  }
  ASSERT_TRUE(opened("a")->write_at(0, pieces));
  EXPECT_EQ(text_of("a"), expected);
}

TEST_P(FileSystemContract, AGapReadsAsZeros) {
  const auto file = opened("a");
  ASSERT_TRUE(file->write_at(10'000, as_bytes("end")));
  EXPECT_EQ(*file->size(), 10'003U);
  EXPECT_EQ(text_of("a"), std::string(10'000, '\0') + "end");
}

TEST_P(FileSystemContract, ReadsAreShortOnlyAtTheEnd) {
  const auto file = opened("a");
  ASSERT_TRUE(file->write_at(0, as_bytes("0123456789")));
  Bytes into(6);
  EXPECT_EQ(*file->read_at(2, into), 6U);
  EXPECT_EQ(as_text(into), "234567");
  EXPECT_EQ(*file->read_at(7, into), 3U);
  EXPECT_EQ(as_text(into).substr(0, 3), "789");
  EXPECT_EQ(*file->read_at(10, into), 0U);
  EXPECT_EQ(*file->read_at(std::uint64_t{1} << 63, into), 0U);
  EXPECT_EQ(*file->read_at(0, {}), 0U);
}

TEST_P(FileSystemContract, TruncateCutsAndGrowsWithZeros) {
  const auto file = opened("a");
  ASSERT_TRUE(file->write_at(0, as_bytes(std::string(5000, 'x'))));
  ASSERT_TRUE(file->truncate(3));
  EXPECT_EQ(text_of("a"), "xxx");
  ASSERT_TRUE(file->truncate(5000));
  EXPECT_EQ(text_of("a"), "xxx" + std::string(4997, '\0'));
}

TEST_P(FileSystemContract, AFileOpenForReadingCannotBeChanged) {
  write("a", "kept");
  const auto file = opened("a", OpenMode::read);
  EXPECT_EQ(file->write_at(0, as_bytes("lost")).error().code, Errc::io_error);
  EXPECT_EQ(file->truncate(0).error().code, Errc::invalid_argument);
  EXPECT_EQ(text_of("a"), "kept");
}

TEST_P(FileSystemContract, TwoOpensOfOneFileSeeEachOthersWrites) {
  const auto writer = opened("a");
  const auto reader = opened("a", OpenMode::read);
  ASSERT_TRUE(writer->write_at(0, as_bytes("seen")));
  Bytes into(4);
  EXPECT_EQ(*reader->read_at(0, into), 4U);
  EXPECT_EQ(as_text(into), "seen");
  EXPECT_TRUE(writer->sync_data());
  EXPECT_TRUE(writer->sync());
}

TEST_P(FileSystemContract, AnOpenFileOutlivesItsName) {
  const auto file = opened("a");
  ASSERT_TRUE(fs_->remove(at("a")));
  ASSERT_TRUE(file->write_at(0, as_bytes("still here")));
  EXPECT_EQ(*file->size(), 10U);
  EXPECT_FALSE(*fs_->exists(at("a")));
}

TEST_P(FileSystemContract, ListIsSortedAndTellsDirectories) {
  write("b", "");
  write("a", "");
  ASSERT_TRUE(fs_->create_directories(at("c/d")));
  EXPECT_EQ(names_in(root_), (Names{"a", "b", "c/"}));
  EXPECT_EQ(names_in(at("c")), (Names{"d/"}));
  EXPECT_EQ(names_in(at("c/d/")), Names{});
}

TEST_P(FileSystemContract, DirectoriesMayBeMadeTwice) {
  ASSERT_TRUE(fs_->create_directories(at("c/d/e")));
  ASSERT_TRUE(fs_->create_directories(at("c/d/e")));
  ASSERT_TRUE(fs_->create_directories(at("c/d/f/")));
  EXPECT_TRUE(*fs_->exists(at("c/d/f")));
}

TEST_P(FileSystemContract, RenameReplacesAFile) {
  write("a", "new");
  write("b", "old");
  ASSERT_TRUE(fs_->create_directories(at("d")));
  ASSERT_TRUE(fs_->rename(at("a"), at("b")));
  EXPECT_EQ(text_of("b"), "new");
  ASSERT_TRUE(fs_->rename(at("b"), at("d/c")));
  EXPECT_EQ(text_of("d/c"), "new");
  EXPECT_EQ(names_in(root_), (Names{"d/"}));
  ASSERT_TRUE(fs_->rename(at("d/c"), at("d/c")));
  EXPECT_EQ(text_of("d/c"), "new");
}

TEST_P(FileSystemContract, RenameMovesADirectoryWithAllBelow) {
  ASSERT_TRUE(fs_->create_directories(at("d/e")));
  write("d/e/a", "deep");
  ASSERT_TRUE(fs_->rename(at("d"), at("moved")));
  EXPECT_EQ(text_of("moved/e/a"), "deep");
  EXPECT_EQ(fs_->rename(at("moved"), at("moved/e/x")).error().code, Errc::invalid_argument);
}

TEST_P(FileSystemContract, RenameKeepsFilesAndDirectoriesApart) {
  write("f", "");
  ASSERT_TRUE(fs_->create_directories(at("d")));
  ASSERT_TRUE(fs_->create_directories(at("full/x")));
  EXPECT_EQ(fs_->rename(at("f"), at("d")).error().code, Errc::invalid_argument);
  EXPECT_EQ(fs_->rename(at("d"), at("f")).error().code, Errc::invalid_argument);
  EXPECT_EQ(fs_->rename(at("d"), at("full")).error().code, Errc::invalid_argument);
  EXPECT_EQ(fs_->rename(at("none"), at("x")).error().code, Errc::not_found);
  EXPECT_TRUE(fs_->rename(at("full"), at("d")));
  EXPECT_EQ(names_in(at("d")), (Names{"x/"}));
}

TEST_P(FileSystemContract, RemoveTakesOneFileAndRemoveDirectoryAnEmptyOne) {
  write("a", "");
  ASSERT_TRUE(fs_->create_directories(at("d")));
  write("d/b", "");
  EXPECT_EQ(fs_->remove_directory(at("d")).error().code, Errc::invalid_argument);
  EXPECT_TRUE(fs_->remove(at("d/b")));
  EXPECT_TRUE(fs_->remove_directory(at("d")));
  EXPECT_TRUE(fs_->remove(at("a")));
  EXPECT_EQ(fs_->remove(at("a")).error().code, Errc::not_found);
  EXPECT_EQ(fs_->remove_directory(at("d")).error().code, Errc::not_found);
  EXPECT_EQ(names_in(root_), Names{});
}

TEST_P(FileSystemContract, ALockIsHeldAsLongAsItLives) {
  {
    const auto held = fs_->lock(at("lock"));
    ASSERT_TRUE(held);
    const auto second = fs_->lock(at("lock"));
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Errc::locked);
    EXPECT_TRUE(fs_->lock(at("other")));
  }
  EXPECT_TRUE(*fs_->exists(at("lock")));
  EXPECT_TRUE(fs_->lock(at("lock")));
}

TEST_P(FileSystemContract, SpaceIsKnownForWhatExists) {
  const Result<Space> space = fs_->space(root_);
  ASSERT_TRUE(space);
  EXPECT_GT(space->available, 0U);
  EXPECT_GE(space->size, space->available);
  EXPECT_EQ(fs_->space(at("none")).error().code, Errc::not_found);
}

TEST_P(FileSystemContract, ADurablyWrittenFileHasTheNewBytesAndLeavesNothingBeside) {
  ASSERT_TRUE(write_file_durably(*fs_, at("a"), as_bytes("a longer first text")));
  ASSERT_TRUE(write_file_durably(*fs_, at("a"), as_bytes("second")));
  EXPECT_EQ(text_of("a"), "second");
  EXPECT_EQ(names_in(root_), (Names{"a"}));
}

TEST_P(FileSystemContract, ADurableWriteGetsOverAnOldTemporaryFile) {
  write("a.tmp", "left by a crash, and longer than what comes");
  ASSERT_TRUE(write_file_durably(*fs_, at("a"), as_bytes("whole")));
  EXPECT_EQ(text_of("a"), "whole");
}

TEST_P(FileSystemContract, ReadingAMissingFileIsNotFound) {
  EXPECT_EQ(read_file(*fs_, at("a")).error().code, Errc::not_found);
}

TEST_P(FileSystemContract, DirectoriesAreMadeDurablyAtAnyDepth) {
  ASSERT_TRUE(create_directories_durably(*fs_, at("x/y/z")));
  ASSERT_TRUE(create_directories_durably(*fs_, at("x/y/z")));
  EXPECT_EQ(names_in(at("x/y")), (Names{"z/"}));
}

TEST(ParentDirectory, IsWhereTheNameIsKept) {
  EXPECT_EQ(parent_directory("a"), ".");
  EXPECT_EQ(parent_directory("a/"), ".");
  EXPECT_EQ(parent_directory("a/b"), "a");
  EXPECT_EQ(parent_directory("a//b//"), "a");
  EXPECT_EQ(parent_directory("/a/b/c"), "/a/b");
  EXPECT_EQ(parent_directory("/a"), "/");
  EXPECT_EQ(parent_directory("/"), "/");
  EXPECT_EQ(parent_directory(""), ".");
}

class PosixOnly : public testing::Test {
 protected:
  PosixOnly() {
    std::string pattern = (std::filesystem::temp_directory_path() / "bitacora-posix-XXXXXX").string();
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
  }
  ~PosixOnly() override { std::filesystem::remove_all(root_); }
  [[nodiscard]] static mode_t mode_of(const std::string& path) {
    struct stat status {};
    EXPECT_EQ(::lstat(path.c_str(), &status), 0);
    return status.st_mode & 0777;
  }
  std::unique_ptr<FileSystem> fs_ = make_posix_file_system();
  std::string root_;
};

TEST_F(PosixOnly, FilesAndDirectoriesAreForTheirOwnerAlone) {
  ASSERT_TRUE(fs_->create_directories(root_ + "/d/e"));
  const auto file = fs_->open(root_ + "/d/a", OpenMode::create);
  ASSERT_TRUE(file);
  EXPECT_EQ(mode_of(root_ + "/d"), 0700U);
  EXPECT_EQ(mode_of(root_ + "/d/e"), 0700U);
  EXPECT_EQ(mode_of(root_ + "/d/a"), 0600U);
}

TEST_F(PosixOnly, DescriptorsAreNotPassedToChildren) {
  const auto file = fs_->open(root_ + "/a", OpenMode::create);
  ASSERT_TRUE(file);
  ASSERT_GE((*file)->native_handle(), 0);
  EXPECT_NE(::fcntl((*file)->native_handle(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST_F(PosixOnly, ASymbolicLinkIsNotFollowed) {
  { ASSERT_TRUE(fs_->open(root_ + "/target", OpenMode::create)); }
  std::filesystem::create_symlink(root_ + "/target", root_ + "/link");
  for (const OpenMode mode : {OpenMode::read, OpenMode::read_write, OpenMode::create}) {
    const auto file = fs_->open(root_ + "/link", mode);
    ASSERT_FALSE(file);
    EXPECT_EQ(file.error().os_error, ELOOP);
  }
  EXPECT_FALSE(fs_->lock(root_ + "/link"));
}

TEST_F(PosixOnly, AFullDeviceIsNoSpace) {
  const auto full = fs_->open("/dev/full", OpenMode::read_write);
  if (!full) GTEST_SKIP() << "no /dev/full here";
  const auto written = (*full)->write_at(0, as_bytes("x"));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, Errc::no_space);
  EXPECT_EQ(written.error().os_error, ENOSPC);
  EXPECT_EQ(written.error().message, "write /dev/full: No space left on device");
}

TEST_F(PosixOnly, APositionPastWhatTheSystemCountsIsNoSpace) {
  const auto file = fs_->open(root_ + "/a", OpenMode::create);
  ASSERT_TRUE(file);
  EXPECT_EQ((*file)->write_at(std::uint64_t{1} << 63, as_bytes("x")).error().code, Errc::no_space);
  EXPECT_EQ((*file)->truncate(std::uint64_t{1} << 63).error().code, Errc::no_space);
}

}  // namespace
}  // namespace bitacora::storage
