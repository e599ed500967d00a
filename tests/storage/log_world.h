// A store on a disk that can lose power, with a clock that a test moves: the verbs that the tests of the log tell their
// stories in.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "storage/catalog.h"
#include "storage/committer.h"
#include "storage/faulty_file_system.h"
#include "storage/memory_file_system.h"
#include "storage/store.h"

namespace bitacora::storage {

class LogWorld {
 public:
  LogWorld() : LogWorld(one_partition()) {}
  explicit LogWorld(LogSettings settings) : settings_(std::move(settings)) {
    options.directory = "data";
    options.preallocate_bytes = 4096;
  }

  static LogSettings one_partition(Durability durability = Durability::sync) {
    LogSettings settings;
    settings.partitions = 1;
    settings.durability = durability;
    return settings;
  }

  // Opens the store and, the first time, creates the log "x".
  Result<> try_open() {
    committer_.reset();
    store_.reset();
    auto store = Store::open(*faulty, clock, *catalog, options);
    if (!store) return Failed(std::move(store.error()));
    store_ = std::move(*store);
    if (store_->find_log("x") == nullptr && options.policy != OpenPolicy::read_only) {
      if (auto created = store_->create_log("x", settings_); !created) return Failed(std::move(created.error()));
    }
    committer_ = std::make_unique<Committer>(*store_, clock, CommitterOptions{});
    committer_->add_listener([this](const std::shared_ptr<const CommitNotice>& notice) { notices.push_back(notice); });
    return {};
  }
  void open() {
    const Result<> done = try_open();
    ASSERT_TRUE(done) << done.error().message;
  }

  void close() {
    const Result<> done = store_->close();
    ASSERT_TRUE(done) << done.error().message;
    drop();
  }
  void kill() {
    disk->kill();
    drop();
  }
  void lose_power(std::uint64_t seed) {
    disk->crash(seed);
    drop();
  }
  void drop() {
    notices.clear();
    committer_.reset();
    store_.reset();
  }

  // One batch with these values, each its own record with an increasing timestamp.
  Bytes batch(const std::vector<std::string>& values) const {
    BatchBuilder builder;
    for (const std::string& value : values) {
      builder.add({.offset = 0,
                   .timestamp = clock.now().wall_ms,
                   .key = as_bytes("k"),
                   .value = as_bytes(value),
                   .headers = {}});
    }
    return builder.take();
  }

  void submit(const std::vector<std::string>& values, std::int32_t partition_number = 0) {
    const Result<> done = committer_->submit(
        {.partition = &partition(partition_number), .batch = batch(values), .origin = 0, .id = next_id_++});
    ASSERT_TRUE(done) << done.error().message;
  }
  // Submits, runs a round and gives back what became of it.
  AppendOutcome try_append(const std::vector<std::string>& values, std::int32_t partition_number = 0) {
    submit(values, partition_number);
    committer_->run_once();
    return notices.back()->outcomes.back();
  }
  Offset append(const std::vector<std::string>& values, std::int32_t partition_number = 0) {
    const AppendOutcome outcome = try_append(values, partition_number);
    EXPECT_FALSE(outcome.error) << outcome.error->message;
    return outcome.base_offset;
  }

  // The values of all records from `offset` on, or from the log start.
  Result<std::vector<std::string>> try_values(std::optional<Offset> from = {}, std::int32_t partition_number = 0,
                                              std::size_t max_bytes = 300) {
    std::vector<std::string> values;
    Offset offset = from.value_or(partition(partition_number).offsets().log_start);
    ReadHint hint;
    while (true) {
      auto read = partition(partition_number).read(offset, max_bytes, hint);
      if (!read) return Failed(std::move(read.error()));
      if (read->bytes.empty()) return values;
      for (ByteView rest = read->bytes; !rest.empty();) {
        const Result<BatchView> batch = BatchView::check(rest);
        if (!batch) return Failed(batch.error());
        RecordReader reader(*batch);
        while (auto record = *reader.next()) {
          if (record->offset < offset) continue;
          EXPECT_EQ(record->offset, offset);
          values.emplace_back(as_text(*record->value));
          offset = record->offset + 1;
        }
        rest = rest.subspan(batch->size());
      }
      EXPECT_EQ(offset, read->next);
      hint = read->hint;
    }
  }
  std::vector<std::string> values(std::optional<Offset> from = {}, std::int32_t partition_number = 0) {
    auto found = try_values(from, partition_number);
    EXPECT_TRUE(found) << found.error().message;
    return found ? *found : std::vector<std::string>{};
  }

  Partition& partition(std::int32_t number = 0) { return store_->find_log("x")->partition(number); }
  Store& store() { return *store_; }
  Committer& committer() { return *committer_; }
  const PartitionRecovery& recovery() const { return store_->recovery_report().partitions.at(0); }

  std::vector<std::string> files(const std::string& directory = "data/x-0") const {
    std::vector<std::string> names;
    const auto entries = disk->list(directory);
    for (const DirectoryEntry& entry : *entries) names.push_back(entry.name);
    return names;
  }
  Bytes file(const std::string& path) const { return *read_file(*disk, path); }
  void overwrite(const std::string& path, ByteView bytes) {
    auto file = disk->open(path, OpenMode::create);
    ASSERT_TRUE(file);
    ASSERT_TRUE((*file)->truncate(0));
    ASSERT_TRUE((*file)->write_at(0, bytes));
    ASSERT_TRUE((*file)->sync());
    ASSERT_TRUE(disk->sync_directory(path.substr(0, path.rfind('/'))));
  }

  std::unique_ptr<MemoryFileSystem> disk = make_memory_file_system();
  std::unique_ptr<FaultyFileSystem> faulty = make_faulty_file_system(*disk);
  VirtualClock clock;
  std::unique_ptr<Catalog> catalog = *Catalog::open(":memory:");
  StoreOptions options;
  std::vector<std::shared_ptr<const CommitNotice>> notices;

 private:
  LogSettings settings_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Committer> committer_;
  std::uint64_t next_id_ = 1;
};

}  // namespace bitacora::storage
