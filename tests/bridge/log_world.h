// A store in memory with a committer that runs when the test says so.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "storage/batch.h"
#include "storage/catalog.h"
#include "storage/committer.h"
#include "storage/memory_file_system.h"
#include "storage/store.h"

namespace bitacora::bridge {

// A step that a test's world cannot do without.
template <class T>
[[nodiscard]] T value_of(storage::Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

[[nodiscard]] inline storage::LogSettings with_partitions(std::int32_t count) {
  storage::LogSettings settings;
  settings.partitions = count;
  return settings;
}

class LogWorld {
 public:
  LogWorld() : files(storage::make_memory_file_system()), catalog(value_of(storage::Catalog::open(":memory:"))) {
    store = value_of(storage::Store::open(*files, clock, *catalog, {.directory = "data", .preallocate_bytes = 0}));
    committer = std::make_unique<storage::Committer>(*store, clock, storage::CommitterOptions{.sync_threads = 1});
    committer->add_listener([this](const auto& notice) { notices.push_back(notice); });
  }

  storage::Log& create_log(const std::string& name, std::int32_t partitions) {
    return *value_of(store->create_log(name, with_partitions(partitions)));
  }
  // One record in a batch of its own, committed.
  void append(storage::Partition& partition, std::string_view key, std::string_view value) {
    storage::BatchBuilder builder;
    builder.add({0, clock.now().wall_ms, as_bytes(key), as_bytes(value), {}});
    if (!committer->submit({&partition, builder.take(), 0, 0})) throw std::runtime_error("the committer refuses");
    committer->run_once();
  }

  VirtualClock clock;
  std::unique_ptr<storage::MemoryFileSystem> files;
  std::unique_ptr<storage::Catalog> catalog;
  std::unique_ptr<storage::Store> store;
  std::vector<std::shared_ptr<const storage::CommitNotice>> notices;
  std::unique_ptr<storage::Committer> committer;
};

}  // namespace bitacora::bridge
