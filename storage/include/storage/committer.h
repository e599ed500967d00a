// The only writer. It takes everything that is queued, assigns offsets, writes one contiguous run a partition, syncs
// what was touched, advances the committed offsets and tells the listeners: group commit over all partitions.
//
// Invariants of group commit: the list is taken before the write; exactly that list is
// acknowledged after its sync returned; a sync that began before a write ended never acknowledges that write; the
// committed offset moves only after the sync; on an error the whole list of that partition fails, nothing of it becomes
// visible.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "storage/errc.h"
#include "storage/partition.h"
#include "storage/store.h"

namespace bitacora::storage {

// One batch (from BatchBuilder::take) for one partition.
struct AppendRequest {
  Partition* partition = nullptr;
  Bytes batch;
  std::uint32_t origin = 0;  // whose it is: listeners look for their own
  std::uint64_t id = 0;      // chosen by the origin, handed back in the outcome
};

struct AppendOutcome {
  std::uint32_t origin = 0;
  std::uint64_t id = 0;
  Partition* partition = nullptr;
  Offset base_offset = -1;              // of the batch's first record; -1 on failure
  std::int64_t timestamp_shift_ms = 0;  // what was added to the batch's timestamps so that time never runs backwards
  std::shared_ptr<const Error> error;   // null on success
};

// A batch that has become readable.
struct CommittedBatch {
  Partition* partition = nullptr;
  Offset base_offset = 0;
  Offset next_offset = 0;
  ByteView bytes;  // lives as long as the notice
};

// What one round did. Shared by all listeners, immutable. While it lives its bytes count as in flight.
struct CommitNotice {
  std::vector<CommittedBatch> batches;  // per partition in offset order, without gaps
  std::vector<AppendOutcome> outcomes;  // one for each request of the round, in the order of submission per origin
};

// Called on the committer's thread (or in run_once) for every round; must not block. Every listener gets every notice,
// in the same order.
using CommitListener = std::function<void(const std::shared_ptr<const CommitNotice>&)>;

struct CommitterOptions {
  std::size_t max_bytes_in_flight = 64 << 20;  // queued, being written, or held by a notice
  std::uint32_t sync_threads = 2;  // how many files are synced side by side; 1, and run_once(): on the caller's thread
};

class Committer {
 public:
  Committer(Store& store, const Clock& clock, CommitterOptions options);
  ~Committer();  // stops
  Committer(const Committer&) = delete;
  Committer& operator=(const Committer&) = delete;

  // Before start() and before the first run_once().
  void add_listener(CommitListener listener);

  // Queues one request. Thread-safe. Errc::overloaded when the bound of bytes in flight is reached (a single request is
  // always taken when nothing is in flight), Errc::closed after stop(); the request is then untouched. Otherwise
  // exactly one AppendOutcome for it will be in some notice.
  [[nodiscard]] Result<> submit(AppendRequest&& request);
  [[nodiscard]] std::size_t bytes_in_flight() const noexcept;
  [[nodiscard]] std::size_t max_bytes_in_flight() const noexcept;

  // Does everything that is queued, on the caller's thread. Returns how many requests that were. For simulators and
  // tests: not to be mixed with start().
  std::size_t run_once();

  void start();  // the committer's own thread, which runs rounds until stop()
  // Does what is queued, then ends the thread; later submits are refused. May be called twice. Without start() what is
  // still queued is dropped: nobody hears of it.
  void stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace bitacora::storage
