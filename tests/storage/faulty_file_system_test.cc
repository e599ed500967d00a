#include "storage/faulty_file_system.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <functional>
#include <set>

#include "storage/memory_file_system.h"
#include "storage/posix_file_system.h"

namespace bitacora::storage {
namespace {

class FaultyFileSystemTest : public testing::Test {
 protected:
  FaultyFileSystemTest() {
    EXPECT_TRUE(memory_->create_directories("d"));
    EXPECT_TRUE(write_file_durably(*memory_, "a", as_bytes("old")));
    file_ = *faulty_->open("a", OpenMode::read_write);
  }

  [[nodiscard]] std::string text_of(const std::string& path) {
    const auto bytes = read_file(*memory_, path);
    return bytes ? std::string(as_text(*bytes)) : "(" + std::string(name_of(bytes.error().code)) + ")";
  }
  [[nodiscard]] Result<> write(std::string_view text) { return file_->write_at(0, as_bytes(text)); }

  // Every call there is, by a name for the failure message, with whether it succeeded.
  struct NamedCall {
    const char* name;
    std::function<bool()> succeeds;
  };
  [[nodiscard]] std::vector<NamedCall> reads() {
    return {
        {"read_at", [this] { return file_->read_at(0, {}).has_value(); }},
        {"size", [this] { return file_->size().has_value(); }},
        {"open", [this] { return faulty_->open("a", OpenMode::read).has_value(); }},
        {"list", [this] { return faulty_->list(".").has_value(); }},
        {"exists", [this] { return faulty_->exists("a").has_value(); }},
    };
  }
  [[nodiscard]] std::vector<NamedCall> writes() {
    return {
        {"write_at", [this] { return write("x").has_value(); }},
        {"truncate", [this] { return file_->truncate(3).has_value(); }},
    };
  }
  [[nodiscard]] std::vector<NamedCall> syncs() {
    return {
        {"sync_data", [this] { return file_->sync_data().has_value(); }},
        {"sync", [this] { return file_->sync().has_value(); }},
        {"sync_directory", [this] { return faulty_->sync_directory(".").has_value(); }},
    };
  }
  [[nodiscard]] std::vector<NamedCall> directories() {
    return {
        {"create", [this] { return faulty_->open("new", OpenMode::create).has_value(); }},
        {"create_directories", [this] { return faulty_->create_directories("e").has_value(); }},
        {"rename", [this] { return faulty_->rename("new", "newer").has_value(); }},
        {"remove", [this] { return faulty_->remove("newer").has_value(); }},
        {"remove_directory", [this] { return faulty_->remove_directory("e").has_value(); }},
        {"sync_directory", [this] { return faulty_->sync_directory(".").has_value(); }},
    };
  }
  [[nodiscard]] std::vector<NamedCall> others() {
    return {
        {"lock", [this] { return faulty_->lock("lock").has_value(); }},
        {"space", [this] { return faulty_->space(".").has_value(); }},
    };
  }

  void expect_that_each_fails_once(FaultTarget target, const std::vector<NamedCall>& calls) {
    for (std::size_t at = 1; at <= calls.size(); ++at) {
      faulty_->arm({.target = target, .at = at});
      for (std::size_t i = 0; i < calls.size(); ++i) {
        SCOPED_TRACE(calls[i].name);
        EXPECT_EQ(faulty_->fired(), i >= at);
        if (i + 1 == at) {
          EXPECT_FALSE(calls[i].succeeds());
          faulty_->disarm();  // the same call again does what the next ones need
          EXPECT_EQ(faulty_->calls(), at);
        }
        EXPECT_TRUE(calls[i].succeeds());
      }
      EXPECT_TRUE(faulty_->fired());
    }
  }

  std::unique_ptr<MemoryFileSystem> memory_ = make_memory_file_system();
  std::unique_ptr<FaultyFileSystem> faulty_ = make_faulty_file_system(*memory_);
  std::unique_ptr<File> file_;
};

TEST_F(FaultyFileSystemTest, DoesNothingOfItsOwnUntilItIsArmed) {
  for (const auto& calls : {reads(), writes(), syncs(), directories(), others()}) {
    for (const NamedCall& call : calls) EXPECT_TRUE(call.succeeds()) << call.name;
  }
  EXPECT_FALSE(faulty_->fired());
  EXPECT_EQ(faulty_->calls(), 0U);
}

TEST_F(FaultyFileSystemTest, EachReadCanFail) { expect_that_each_fails_once(FaultTarget::reads, reads()); }
TEST_F(FaultyFileSystemTest, EachWriteCanFail) { expect_that_each_fails_once(FaultTarget::writes, writes()); }
TEST_F(FaultyFileSystemTest, EachSyncCanFail) { expect_that_each_fails_once(FaultTarget::syncs, syncs()); }
TEST_F(FaultyFileSystemTest, EachChangeOfADirectoryCanFail) {
  expect_that_each_fails_once(FaultTarget::directories, directories());
}

TEST_F(FaultyFileSystemTest, EachCallThereIsCanFail) {
  std::vector<NamedCall> all;
  for (const auto& calls : {reads(), writes(), syncs(), directories(), others()}) {
    all.insert(all.end(), calls.begin(), calls.end());
  }
  expect_that_each_fails_once(FaultTarget::any, all);
}

TEST_F(FaultyFileSystemTest, CallsOfOtherTargetsAreNeitherCountedNorFailed) {
  faulty_->arm({.target = FaultTarget::syncs, .at = 1});
  for (const auto& calls : {reads(), writes(), others()}) {
    for (const NamedCall& call : calls) EXPECT_TRUE(call.succeeds()) << call.name;
  }
  EXPECT_EQ(faulty_->calls(), 0U);
  EXPECT_FALSE(faulty_->fired());
}

TEST_F(FaultyFileSystemTest, AFailedCallDidNothing) {
  faulty_->arm({.kind = FaultKind::io_error, .target = FaultTarget::writes});
  const auto written = write("new");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, Errc::io_error);
  EXPECT_EQ(written.error().message, "write a (injected): Input/output error");
  EXPECT_EQ(text_of("a"), "old");
  faulty_->arm({.target = FaultTarget::directories});
  EXPECT_FALSE(faulty_->rename("a", "b"));
  EXPECT_EQ(text_of("a"), "old");
}

TEST_F(FaultyFileSystemTest, OnlyTheNthCallFailsUnlessTheFaultIsSticky) {
  faulty_->arm({.target = FaultTarget::writes, .at = 2});
  EXPECT_TRUE(write("1"));
  EXPECT_FALSE(write("2"));
  EXPECT_TRUE(write("3"));
  faulty_->arm({.target = FaultTarget::writes, .at = 2, .sticky = true});
  EXPECT_TRUE(write("1"));
  EXPECT_FALSE(write("2"));
  EXPECT_FALSE(write("3"));
  EXPECT_EQ(faulty_->calls(), 3U);
  faulty_->disarm();
  EXPECT_TRUE(write("4"));
}

TEST_F(FaultyFileSystemTest, OnlyCallsOnTheNamedPathsCount) {
  const auto other = *faulty_->open("other", OpenMode::create);
  faulty_->arm({.target = FaultTarget::any, .sticky = true, .path_contains = "other"});
  EXPECT_TRUE(write("x"));
  EXPECT_FALSE(other->write_at(0, as_bytes("x")));
  EXPECT_FALSE(faulty_->rename("a", "other"));
  EXPECT_FALSE(faulty_->rename("other", "a"));
  EXPECT_EQ(faulty_->calls(), 3U);
}

TEST_F(FaultyFileSystemTest, AShortWriteWritesSomeFirstBytesButNotAll) {
  const std::string text(100, 'n');
  std::set<std::size_t> sizes;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    ASSERT_TRUE(file_->truncate(0));
    faulty_->arm({.kind = FaultKind::short_write, .target = FaultTarget::writes, .seed = seed});
    const ByteView pieces[] = {as_bytes(text).first(30), as_bytes(text).subspan(30)};
    const auto written = file_->write_at(0, pieces);
    faulty_->disarm();
    ASSERT_FALSE(written);
    ASSERT_EQ(written.error().code, Errc::io_error);
    const std::string left = text_of("a");
    ASSERT_EQ(left, text.substr(0, left.size()));
    ASSERT_LT(left.size(), text.size());
    sizes.insert(left.size());
  }
  EXPECT_GT(sizes.size(), 10U);
  EXPECT_GT(*sizes.rbegin(), 30U) << "into the second piece";
}

TEST_F(FaultyFileSystemTest, AFullDiskTakesAPartOfAWriteToo) {
  std::set<std::string> left;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    faulty_->disarm();
    ASSERT_TRUE(file_->truncate(0));
    faulty_->arm({.kind = FaultKind::no_space, .target = FaultTarget::writes, .seed = seed});
    const auto written = write("new");
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code, Errc::no_space);
    EXPECT_EQ(written.error().os_error, ENOSPC);
    left.insert(text_of("a"));
  }
  EXPECT_EQ(left, (std::set<std::string>{"", "n", "ne"}));
}

TEST_F(FaultyFileSystemTest, AFailedSyncLosesWhatItWasToCoverEvenIfTheNextSucceeds) {
  for (const bool data_only : {true, false}) {
    ASSERT_TRUE(write("new"));
    faulty_->arm({.kind = FaultKind::failed_sync, .target = FaultTarget::syncs});
    EXPECT_FALSE(data_only ? file_->sync_data() : file_->sync());
    EXPECT_TRUE(data_only ? file_->sync_data() : file_->sync());
    EXPECT_EQ(text_of("a"), "new");
    memory_->crash(1);
    EXPECT_EQ(text_of("a"), "old");
    file_ = *faulty_->open("a", OpenMode::read_write);
  }
}

// The negative control of the test above: without the loss, a later sync makes good what an earlier one did not do.
TEST_F(FaultyFileSystemTest, ASyncThatDidNothingIsMadeGoodByTheNext) {
  ASSERT_TRUE(write("new"));
  faulty_->arm({.kind = FaultKind::io_error, .target = FaultTarget::syncs});
  EXPECT_FALSE(file_->sync_data());
  EXPECT_TRUE(file_->sync_data());
  memory_->crash(1);
  EXPECT_EQ(text_of("a"), "new");
}

TEST_F(FaultyFileSystemTest, AFailedDirectorySyncLosesTheNames) {
  ASSERT_TRUE(faulty_->remove("a"));
  faulty_->arm({.kind = FaultKind::failed_sync, .target = FaultTarget::syncs});
  EXPECT_FALSE(faulty_->sync_directory("."));
  EXPECT_TRUE(faulty_->sync_directory("."));
  EXPECT_EQ(text_of("a"), "(not_found)");
  memory_->crash(1);
  EXPECT_EQ(text_of("a"), "old");
}

// What the rig is for, on the smallest thing that makes a promise: at every point of failure, of every kind, followed
// by a crash, the file holds the old bytes or the new, and the new ones if the call said so.
TEST_F(FaultyFileSystemTest, ADurableWriteKeepsItsPromiseAtEveryPointOfFailure) {
  for (const FaultKind kind :
       {FaultKind::io_error, FaultKind::no_space, FaultKind::short_write, FaultKind::failed_sync}) {
    bool fired = true;
    for (std::uint64_t at = 1; fired; ++at) {
      for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        SCOPED_TRACE("at " + std::to_string(at) + ", seed " + std::to_string(seed));
        const auto memory = make_memory_file_system();
        const auto faulty = make_faulty_file_system(*memory);
        ASSERT_TRUE(write_file_durably(*memory, "a", as_bytes("old")));
        faulty->arm({.kind = kind, .at = at, .seed = seed});
        const bool succeeded = write_file_durably(*faulty, "a", as_bytes("new")).has_value();
        fired = faulty->fired();
        ASSERT_EQ(succeeded, !fired);
        memory->crash(seed);
        const auto left = read_file(*memory, "a");
        ASSERT_TRUE(left);
        ASSERT_TRUE(as_text(*left) == "new" || (!succeeded && as_text(*left) == "old")) << as_text(*left);
      }
      ASSERT_LT(at, 20U);
    }
  }
}

TEST(FaultyOverPosix, AFailedSyncIsReportedThough) {
  const auto posix = make_posix_file_system();
  const auto faulty = make_faulty_file_system(*posix);
  faulty->arm({.kind = FaultKind::failed_sync, .target = FaultTarget::syncs});
  EXPECT_EQ(faulty->sync_directory("/").error().code, Errc::io_error);
}

}  // namespace
}  // namespace bitacora::storage
