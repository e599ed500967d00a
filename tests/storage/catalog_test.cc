#include "storage/catalog.h"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

namespace bitacora::storage {
namespace {

namespace files = std::filesystem;

class CatalogTest : public testing::Test {
 protected:
  CatalogTest() {
    std::string pattern = (files::temp_directory_path() / "bitacora-catalog-XXXXXX").string();
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    path_ = root_ + "/data/catalog.db";
  }
  ~CatalogTest() override { files::remove_all(root_); }

  [[nodiscard]] std::unique_ptr<Catalog> open() {
    auto catalog = Catalog::open(path_);
    EXPECT_TRUE(catalog) << (catalog ? "" : catalog.error().message);
    return catalog ? *std::move(catalog) : nullptr;
  }
  // As a kill -9 leaves it: the database with its WAL, nothing checkpointed, beside the living `catalog`.
  void copy_as_after_kill(const std::string& to) const {
    files::create_directories(files::path(to).parent_path());
    for (const char* suffix : {"", "-wal"}) files::copy_file(path_ + suffix, to + suffix);
  }
  void overwrite(const std::string& path, std::size_t position, std::string_view text) const {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(position));
    file.write(text.data(), static_cast<std::streamsize>(text.size()));
    ASSERT_TRUE(file.good());
  }
  [[nodiscard]] static std::string content_of(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void run_sql(const std::string& sql) const {
    SQLite::Database(path_, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE).exec(sql);
  }

  std::string root_;
  std::string path_;
};

LogSettings unusual_settings() {
  using std::chrono::milliseconds;
  return {.partitions = 7,
          .durability = Durability::async,
          .cleanup = Cleanup::compact,
          .segment_bytes = 1 << 20,
          .segment_age = milliseconds(1),
          .retention_bytes = 0,
          .retention_time = milliseconds(123456789012),
          .max_batch_bytes = 4096,
          .flush_interval = milliseconds(17),
          .memory_bytes = 1 << 12,
          .delete_retention = milliseconds(0),
          .min_cleanable_ratio = 0.1};
}

GroupOffset group_offset(const std::string& log, std::int32_t partition, Offset offset) {
  return {.log = log, .partition = partition, .offset = offset, .leader_epoch = 3, .metadata = "m", .committed_at = 99};
}

TEST_F(CatalogTest, IsEmptyWhenItIsNew) {
  const auto catalog = open();
  EXPECT_TRUE(catalog->logs()->empty());
  EXPECT_TRUE(catalog->groups()->empty());
  EXPECT_TRUE(catalog->group_offsets("g")->empty());
  EXPECT_EQ(*catalog->log_start("a", 0), std::nullopt);
  EXPECT_EQ(*catalog->offset_reservation("a", 0), std::nullopt);
  EXPECT_EQ(*catalog->snapshot("s"), std::nullopt);
  EXPECT_EQ(catalog->broken_copy(), "");
}

TEST_F(CatalogTest, LogsComeBackByNameWithEverySetting) {
  const auto catalog = open();
  LogSettings no_limits;
  no_limits.retention_bytes.reset();
  no_limits.retention_time.reset();
  const CatalogLog b{"b", "id of b", unusual_settings()};
  const CatalogLog a{"a", "id of a", no_limits};
  ASSERT_TRUE(catalog->put_log(b));
  ASSERT_TRUE(catalog->put_log(a));
  EXPECT_EQ(*catalog->logs(), (std::vector{a, b}));
  const CatalogLog changed{"b", "id of b", LogSettings{}};
  ASSERT_TRUE(catalog->put_log(changed));
  EXPECT_EQ(*catalog->logs(), (std::vector{a, changed}));
}

TEST_F(CatalogTest, LogStartsAndReservationsAreKeptApartByPartition) {
  const auto catalog = open();
  ASSERT_TRUE(catalog->put_log_start("a", 0, 10));
  ASSERT_TRUE(catalog->put_log_start("a", 1, 11));
  ASSERT_TRUE(catalog->put_log_start("b", 0, 12));
  ASSERT_TRUE(catalog->put_offset_reservation("a", 0, std::int64_t{1} << 62));
  ASSERT_TRUE(catalog->put_log_start("a", 0, 20));
  EXPECT_EQ(*catalog->log_start("a", 0), 20);
  EXPECT_EQ(*catalog->log_start("a", 1), 11);
  EXPECT_EQ(*catalog->log_start("b", 0), 12);
  EXPECT_EQ(*catalog->offset_reservation("a", 0), std::int64_t{1} << 62);
  EXPECT_EQ(*catalog->offset_reservation("a", 1), std::nullopt);
}

TEST_F(CatalogTest, AGroupsOffsetsAreReplacedOneByOneAndSorted) {
  const auto catalog = open();
  ASSERT_TRUE(
      catalog->put_group_offsets("g", {group_offset("b", 0, 1), group_offset("a", 1, 2), group_offset("a", 0, 3)}));
  ASSERT_TRUE(catalog->put_group_offsets("g", {group_offset("a", 1, 20)}));
  ASSERT_TRUE(catalog->put_group_offsets("f", {GroupOffset{.log = "a"}}));
  EXPECT_EQ(*catalog->groups(), (std::vector<std::string>{"f", "g"}));
  EXPECT_EQ(*catalog->group_offsets("g"),
            (std::vector{group_offset("a", 0, 3), group_offset("a", 1, 20), group_offset("b", 0, 1)}));
  EXPECT_EQ(*catalog->group_offsets("f"), (std::vector{GroupOffset{.log = "a"}}));
}

TEST_F(CatalogTest, AGroupsOffsetsAreWrittenAllOrNone) {
  const auto catalog = open();
  GroupOffset wordy = group_offset("a", 1, 2);
  wordy.metadata = std::string(4097, 'x');
  const auto put = catalog->put_group_offsets("g", {group_offset("a", 0, 1), wordy});
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().code, Errc::invalid_argument);
  EXPECT_TRUE(catalog->group_offsets("g")->empty());
  wordy.metadata.resize(4096);
  EXPECT_TRUE(catalog->put_group_offsets("g", {wordy}));
}

TEST_F(CatalogTest, ARemovedGroupIsGoneAndAnUnknownOneNotFound) {
  const auto catalog = open();
  ASSERT_TRUE(catalog->put_group_offsets("g", {group_offset("a", 0, 1)}));
  ASSERT_TRUE(catalog->put_group_offsets("h", {group_offset("a", 0, 1)}));
  EXPECT_TRUE(catalog->remove_group("g"));
  EXPECT_EQ(*catalog->groups(), (std::vector<std::string>{"h"}));
  EXPECT_EQ(catalog->remove_group("g").error().code, Errc::not_found);
}

TEST_F(CatalogTest, ASnapshotIsReplacedWithItsOffsets) {
  const auto catalog = open();
  const Snapshot first{to_bytes("first"), {{{"a", 0}, 5}, {{"a", 1}, 6}}};
  const Snapshot second{to_bytes(std::string("se\0cond", 7)), {{{"b", 0}, 7}}};
  ASSERT_TRUE(catalog->put_snapshot("s", first));
  ASSERT_TRUE(catalog->put_snapshot("other", {}));
  EXPECT_EQ(*catalog->snapshot("s"), first);
  ASSERT_TRUE(catalog->put_snapshot("s", second));
  EXPECT_EQ(*catalog->snapshot("s"), second);
  EXPECT_EQ(*catalog->snapshot("other"), Snapshot{});
}

TEST_F(CatalogTest, ASnapshotThatRottedIsCorruptAndTheOthersAreRead) {
  {
    const auto catalog = open();
    ASSERT_TRUE(catalog->put_snapshot("s", {to_bytes("sound bytes"), {}}));
    ASSERT_TRUE(catalog->put_snapshot("t", {to_bytes("others"), {}}));
  }
  overwrite(path_, content_of(path_).find("sound bytes"), "S");
  const auto catalog = open();
  EXPECT_EQ(catalog->broken_copy(), "");
  const auto snapshot = catalog->snapshot("s");
  ASSERT_FALSE(snapshot);
  EXPECT_EQ(snapshot.error().code, Errc::corrupt);
  EXPECT_EQ(as_text((*catalog->snapshot("t"))->bytes), "others");
}

void fill(Catalog& catalog) {
  ASSERT_TRUE(catalog.put_log({"a", "id", unusual_settings()}));
  ASSERT_TRUE(catalog.put_log_start("a", 0, 1));
  ASSERT_TRUE(catalog.put_offset_reservation("a", 0, 2));
  ASSERT_TRUE(catalog.put_group_offsets("g", {group_offset("a", 0, 3)}));
  ASSERT_TRUE(catalog.put_snapshot("s", {to_bytes("bytes"), {{{"a", 0}, 4}}}));
}

void expect_filled(const Catalog& catalog) {
  EXPECT_EQ(*catalog.logs(), (std::vector{CatalogLog{"a", "id", unusual_settings()}}));
  EXPECT_EQ(*catalog.log_start("a", 0), 1);
  EXPECT_EQ(*catalog.offset_reservation("a", 0), 2);
  EXPECT_EQ(*catalog.group_offsets("g"), (std::vector{group_offset("a", 0, 3)}));
  EXPECT_EQ(*catalog.snapshot("s"), (Snapshot{to_bytes("bytes"), {{{"a", 0}, 4}}}));
}

TEST_F(CatalogTest, HasAllWhenItIsOpenedAgain) {
  fill(*open());
  const auto catalog = open();
  expect_filled(*catalog);
  EXPECT_EQ(catalog->broken_copy(), "");
}

TEST_F(CatalogTest, HasAllAfterAKill) {
  const auto killed = open();
  fill(*killed);
  copy_as_after_kill(root_ + "/copy/catalog.db");
  const auto catalog = Catalog::open(root_ + "/copy/catalog.db");
  ASSERT_TRUE(catalog);
  expect_filled(**catalog);
}

TEST_F(CatalogTest, WritesAheadAndSyncsEachCommit) {
  const auto catalog = open();
  fill(*catalog);
  // What "durable when it returns" rests on; that SQLite keeps it was measured (reliability reference).
  SQLite::Database reader(path_, SQLite::OPEN_READONLY);
  EXPECT_EQ(reader.execAndGet("PRAGMA journal_mode").getString(), "wal");
  EXPECT_TRUE(files::exists(path_ + "-wal"));
}

TEST_F(CatalogTest, InMemoryLeavesNoFile) {
  const auto catalog = Catalog::open(":memory:");
  ASSERT_TRUE(catalog);
  fill(**catalog);
  expect_filled(**catalog);
  EXPECT_FALSE(files::exists(":memory:"));
}

TEST_F(CatalogTest, FilesAreForTheirOwnerAlone) {
  const auto catalog = open();
  fill(*catalog);
  for (const char* suffix : {"", "-wal", "-shm"}) {
    struct stat status {};
    ASSERT_EQ(::stat((path_ + suffix).c_str(), &status), 0) << suffix;
    EXPECT_EQ(status.st_mode & 0777, 0600U) << suffix;
  }
}

TEST_F(CatalogTest, AFileThatIsNoDatabaseIsMovedAside) {
  files::create_directories(root_ + "/data");
  const std::string junk(4096, 'j');
  for (const int number : {1, 2}) {
    std::ofstream(path_, std::ios::trunc) << junk;
    const auto catalog = open();
    EXPECT_EQ(catalog->broken_copy(), path_ + ".broken-" + std::to_string(number));
    EXPECT_EQ(content_of(catalog->broken_copy()), junk);
    fill(*catalog);
    expect_filled(*catalog);
  }
}

TEST_F(CatalogTest, ADamagedDatabaseIsMovedAsideWithItsWal) {
  {
    const auto catalog = open();
    for (int i = 0; i < 200; ++i) {
      ASSERT_TRUE(catalog->put_log({"log-" + std::to_string(i), std::string(100, 'x'), LogSettings{}}));
    }
  }
  const std::size_t size = files::file_size(path_);
  for (std::size_t page = 4096; page < size; page += 4096) overwrite(path_, page, std::string(64, '\xff'));
  std::ofstream(path_ + "-wal") << "left over";
  const auto catalog = open();
  EXPECT_EQ(catalog->broken_copy(), path_ + ".broken-1");
  EXPECT_EQ(files::file_size(path_ + ".broken-1"), size);
  EXPECT_EQ(content_of(path_ + ".broken-1-wal"), "left over");
  EXPECT_TRUE(catalog->logs()->empty());
}

TEST_F(CatalogTest, AWalWhoseDatabaseIsMissingIsMovedAsideNotDeleted) {
  files::create_directories(root_ + "/data");
  std::ofstream(path_ + "-wal") << "orphan";
  const auto catalog = open();
  EXPECT_EQ(catalog->broken_copy(), path_ + ".broken-1");
  EXPECT_EQ(content_of(path_ + ".broken-1-wal"), "orphan");
}

TEST_F(CatalogTest, ACatalogWithoutOneOfItsTablesIsMovedAside) {
  fill(*open());
  run_sql("DROP TABLE group_offsets");
  EXPECT_EQ(open()->broken_copy(), path_ + ".broken-1");
}

// Damage anywhere: the start goes on, with the old catalog or with an empty new one and the damaged file beside it.
TEST_F(CatalogTest, NoSingleDamagedBytePreventsAStart) {
  fill(*open());
  const std::string sound = content_of(path_);
  for (std::size_t position = 0; position < sound.size(); position += position < 100 ? 1 : 509) {
    // What says "of a newer SQLite" (18, 47), "of a newer schema" (60..63) or "of another program" (68..71) is refused.
    const bool is_mark =
        position == 18 || position == 47 || (position >= 60 && position < 64) || (position >= 68 && position < 72);
    files::remove_all(root_ + "/data");
    files::create_directories(root_ + "/data");
    std::ofstream(path_, std::ios::binary) << sound;
    overwrite(path_, position, std::string(1, static_cast<char>(~sound[position])));
    const auto catalog = Catalog::open(path_);
    if (!catalog) {
      EXPECT_TRUE(is_mark) << position << ": " << catalog.error().message;
      continue;
    }
    ASSERT_TRUE((*catalog)->put_log_start("new", 0, 1)) << position;
    EXPECT_EQ(*(*catalog)->log_start("new", 0), 1) << position;
  }
}

TEST_F(CatalogTest, ANewerSchemaIsRefusedAndNothingIsChanged) {
  fill(*open());
  run_sql("PRAGMA user_version = 2");
  const std::string before = content_of(path_);
  for (const auto& opened : {Catalog::open(path_), Catalog::open_read_only(path_)}) {
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::unsupported_format);
    EXPECT_NE(opened.error().message.find("schema version 2"), std::string::npos) << opened.error().message;
  }
  EXPECT_EQ(content_of(path_), before);
  EXPECT_EQ(std::distance(files::directory_iterator(root_ + "/data"), {}), 1);
}

TEST_F(CatalogTest, AnotherProgramsDatabaseIsRefusedAndNotChanged) {
  files::create_directories(root_ + "/data");
  run_sql("CREATE TABLE recipes (name TEXT)");
  const std::string before = content_of(path_);
  const auto opened = Catalog::open(path_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::unsupported_format);
  EXPECT_EQ(content_of(path_), before);
}

TEST_F(CatalogTest, AnEmptyFileIsAFirstStartThatEndedEarly) {
  files::create_directories(root_ + "/data");
  std::ofstream(path_).flush();
  EXPECT_EQ(Catalog::open_read_only(path_).error().code, Errc::not_found);
  const auto catalog = open();
  EXPECT_EQ(catalog->broken_copy(), "");
  fill(*catalog);
  expect_filled(*catalog);
}

TEST_F(CatalogTest, APathThatCannotBeOpenedIsAnErrorThatNamesIt) {
  files::create_directories(path_);  // a directory
  const auto opened = Catalog::open(path_);
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message.find(path_), std::string::npos);
  EXPECT_TRUE(files::is_directory(path_));
  EXPECT_EQ(Catalog::open("").error().code, Errc::invalid_argument);
}

TEST_F(CatalogTest, NamesThatAreSpecialToSqliteArePlainFiles) {
  for (const char* name : {"file:x?mode=memory", "a b#%41.db", "ñ.db"}) {
    path_ = root_ + "/" + name;
    fill(*open());
    EXPECT_TRUE(files::exists(path_)) << name;
    const auto catalog = Catalog::open_read_only(path_);
    ASSERT_TRUE(catalog) << name;
    expect_filled(**catalog);
  }
}

TEST_F(CatalogTest, ReadOnlyNeedsAFileAndChangesNothing) {
  EXPECT_EQ(Catalog::open_read_only(path_).error().code, Errc::not_found);
  EXPECT_FALSE(files::exists(root_ + "/data"));
  fill(*open());
  const std::string before = content_of(path_);
  {
    const auto catalog = Catalog::open_read_only(path_);
    ASSERT_TRUE(catalog);
    expect_filled(**catalog);
    EXPECT_EQ((*catalog)->put_log_start("a", 0, 100).error().code, Errc::io_error);
    EXPECT_EQ((*catalog)->put_group_offsets("g", {group_offset("a", 0, 3)}).error().code, Errc::io_error);
    EXPECT_EQ(std::distance(files::directory_iterator(root_ + "/data"), {}), 1);
  }
  EXPECT_EQ(content_of(path_), before);
}

TEST_F(CatalogTest, ReadOnlySeesWhatARunningServerHasWritten) {
  const auto server = open();
  fill(*server);
  const auto reader = Catalog::open_read_only(path_);
  ASSERT_TRUE(reader);
  expect_filled(**reader);
  ASSERT_TRUE(server->put_log_start("a", 0, 7));
  EXPECT_EQ(*(*reader)->log_start("a", 0), 7);
}

TEST_F(CatalogTest, ReadOnlyReadsWhatAKillLeft) {
  const auto killed = open();
  fill(*killed);
  const std::string copy = root_ + "/copy/catalog.db";
  copy_as_after_kill(copy);
  const std::string before = content_of(copy);
  const std::string wal_before = content_of(copy + "-wal");
  {
    const auto catalog = Catalog::open_read_only(copy);
    ASSERT_TRUE(catalog);
    expect_filled(**catalog);
  }
  EXPECT_EQ(content_of(copy), before);
  EXPECT_EQ(content_of(copy + "-wal"), wal_before);
}

TEST_F(CatalogTest, ReadOnlyOfADamagedFileIsCorruptAndLeavesItThere) {
  files::create_directories(root_ + "/data");
  std::ofstream(path_) << std::string(4096, 'j');
  EXPECT_EQ(Catalog::open_read_only(path_).error().code, Errc::corrupt);
  EXPECT_EQ(content_of(path_), std::string(4096, 'j'));
}

TEST_F(CatalogTest, ManyThreadsMayCallAtOnce) {
  const auto catalog = open();
  constexpr int thread_count = 8;
  constexpr int round_count = 25;
  std::vector<std::thread> threads;
  std::vector<int> failure_count(thread_count, 0);
  for (int t = 0; t < thread_count; ++t) {
    threads.emplace_back([&, t] {
      const std::string group = "g" + std::to_string(t);
      for (int round = 1; round <= round_count; ++round) {
        const auto written =
            catalog->put_group_offsets(group, {group_offset("a", 0, round), group_offset("a", 1, round)});
        const auto read = catalog->group_offsets(group);
        const bool whole =
            written && read && read->size() == 2 && read->at(0).offset == round && read->at(1).offset == round;
        if (!whole || !catalog->groups() || !catalog->logs()) ++failure_count[static_cast<std::size_t>(t)];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failure_count, std::vector<int>(thread_count, 0));
  EXPECT_EQ(catalog->groups()->size(), static_cast<std::size_t>(thread_count));
}

}  // namespace
}  // namespace bitacora::storage
