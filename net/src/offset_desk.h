// Serves what the shards' groups ask of the catalog (bridge/group_offsets.h) on a thread of its own: SQLite waits for
// the disk, a shard does not. Everything asked while the last round ran is served in one.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "bridge/group_offsets.h"
#include "storage/catalog.h"

namespace bitacora::net {

class OffsetDesk {
 public:
  using Deliver = std::function<void(bridge::OffsetAnswer)>;

  // `catalog` outlives the desk. `deliver` is called on the desk's thread, in the order of asking.
  OffsetDesk(storage::Catalog& catalog, Deliver deliver) : catalog_(catalog), deliver_(std::move(deliver)) {}
  ~OffsetDesk();  // stops
  OffsetDesk(const OffsetDesk&) = delete;
  OffsetDesk& operator=(const OffsetDesk&) = delete;

  void start();
  // Serves what was asked so far, then ends the thread. May be called twice.
  void stop();
  // From any thread. After stop() it is dropped: nobody is there who waits.
  void ask(std::vector<bridge::OffsetRequest> requests);

 private:
  void run();

  storage::Catalog& catalog_;
  const Deliver deliver_;
  std::mutex mutex_;  // guards the two below
  std::vector<bridge::OffsetRequest> asked_;
  bool stopping_ = false;
  std::condition_variable wakes_;
  std::thread thread_;
};

}  // namespace bitacora::net
