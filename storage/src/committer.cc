#include "storage/committer.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "appendable_partition.h"
#include "base/assert.h"
#include "base/failpoint.h"
#include "batch_cleaner.h"
#include "sync_pool.h"

namespace bitacora::storage {
namespace {

// Outlives the committer: notices that are still held count here.
using BytesInFlight = std::atomic<std::size_t>;

// A notice with what its views point into.
struct OwningNotice : CommitNotice {
  OwningNotice() = default;
  OwningNotice(const OwningNotice&) = delete;
  OwningNotice& operator=(const OwningNotice&) = delete;
  ~OwningNotice() { in_flight->fetch_sub(size, std::memory_order_relaxed); }

  std::vector<BatchPtr> storage;
  std::size_t size = 0;
  std::shared_ptr<BytesInFlight> in_flight;
};

// A request while it waits and while it is worked on.
struct Item {
  AppendablePartition* partition = nullptr;
  std::uint32_t origin = 0;
  std::uint64_t id = 0;
  BatchPtr batch;
};
using Items = std::deque<Item>;

// What is done in one partition with what was queued.
struct Run {
  AppendablePartition* partition = nullptr;
  std::vector<std::size_t> items;  // their numbers in the queue, rising
  std::vector<BatchPtr> batches;   // of the same
  std::unique_lock<std::mutex> lock{};
  bool was_written = false;  // or tried: there was room
  bool must_sync = false;    // was written, and is not committed before it is synced
  Result<std::vector<Placement>> placements{};
  Result<> synced{};
};

Result<> check_batch(ByteView bytes, const AppendablePartition& partition) {
  if (bytes.size() > partition.max_batch_bytes()) {
    return fail(Errc::too_large,
                "batch of " + std::to_string(bytes.size()) + " bytes is over the log's max_batch_bytes");
  }
  // The committer seals it; what it does not compute itself must be right.
  if (bytes.size() < batch_header_size || BatchView::claimed_size(bytes) != bytes.size()) {
    return fail(Errc::invalid_argument, "not one whole batch");
  }
  const BatchView batch = BatchView::trusted(bytes);
  const Offset last_delta = batch.last_offset() - batch.base_offset();
  if (batch.record_count() < 1 || last_delta != batch.record_count() - 1) {
    return fail(Errc::invalid_argument, "the batch's counts do not fit each other");
  }
  return partition.cleanup() == Cleanup::compact ? check_compactable(batch) : Result<>();
}

}  // namespace

struct Committer::State {
  State(Clock const& its_clock, CommitterOptions its_options) : clock(its_clock), options(its_options) {}

  std::size_t run_queue();
  [[nodiscard]] Items take_queue();
  [[nodiscard]] static std::vector<Run> group(const Items& items, std::vector<AppendOutcome>& outcomes);
  static void write(Run& run, std::vector<bool>& left_over, Now now);
  void put_back(Items& items, const std::vector<bool>& left_over);
  [[nodiscard]] static std::vector<std::function<void()>> begin_syncs(std::vector<Run>& runs);
  static void retry(Run& run);
  void finish(Run& run, std::vector<AppendOutcome>& outcomes, CommitNotice& notice);
  void tell(std::span<Run> runs, std::vector<std::size_t> numbers, Items& items, std::vector<AppendOutcome>& outcomes);
  void flush_what_is_due();
  [[nodiscard]] std::optional<MonotonicTime> next_flush() const;
  void run_thread();

  const Clock& clock;
  const CommitterOptions options;
  std::vector<CommitListener> listeners;
  std::shared_ptr<BytesInFlight> in_flight = std::make_shared<BytesInFlight>(0);

  std::mutex mutex;
  std::condition_variable wake;
  Items queue;            // mutex
  bool stopping = false;  // mutex
  std::thread thread;

  // Of the committer's thread, or of the one that calls run_once().
  std::unique_ptr<SyncPool> pool = std::make_unique<SyncPool>(1);
  std::vector<AppendablePartition*> unsynced;  // async: have bytes that no sync covered
};

Committer::Committer(Store&, const Clock& clock, CommitterOptions options)
    : state_(std::make_unique<State>(clock, options)) {}

Committer::~Committer() { stop(); }

void Committer::add_listener(CommitListener listener) { state_->listeners.push_back(std::move(listener)); }

Result<> Committer::submit(AppendRequest&& request) {
  BITACORA_ASSERT(request.partition != nullptr);
  const std::size_t size = request.batch.size();
  auto* partition = static_cast<AppendablePartition*>(request.partition);  // every partition of a Store is one
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->stopping) return fail(Errc::closed, "the committer has stopped");
    const std::size_t before = state_->in_flight->load(std::memory_order_relaxed);
    if (before != 0 && before + size > state_->options.max_bytes_in_flight) {
      return fail(Errc::overloaded, "too many bytes are waiting to be committed");
    }
    state_->in_flight->fetch_add(size, std::memory_order_relaxed);
    state_->queue.push_back({partition, request.origin, request.id, std::make_shared<Bytes>(std::move(request.batch))});
  }
  state_->wake.notify_one();
  return {};
}

std::size_t Committer::bytes_in_flight() const noexcept { return state_->in_flight->load(std::memory_order_relaxed); }

std::size_t Committer::max_bytes_in_flight() const noexcept { return state_->options.max_bytes_in_flight; }

std::size_t Committer::run_once() {
  std::size_t done = 0;
  while (const std::size_t in_round = state_->run_queue()) done += in_round;
  state_->flush_what_is_due();
  return done;
}

void Committer::start() {
  BITACORA_ASSERT(!state_->thread.joinable());
  state_->pool = std::make_unique<SyncPool>(state_->options.sync_threads);
  state_->thread = std::thread(&State::run_thread, state_.get());
}

void Committer::stop() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
  }
  state_->wake.notify_one();
  if (state_->thread.joinable()) state_->thread.join();
}

void Committer::State::run_thread() {
  while (true) {
    while (run_queue() != 0) {
    }
    flush_what_is_due();
    std::unique_lock lock(mutex);
    const auto has_work = [this] { return stopping || !queue.empty(); };
    if (const std::optional<MonotonicTime> due = next_flush()) {
      const auto left = std::max(*due - clock.now().monotonic, std::chrono::nanoseconds(0));
      wake.wait_for(lock, left, has_work);
    } else {
      wake.wait(lock, has_work);
    }
    if (stopping && queue.empty()) return;
  }
}

Items Committer::State::take_queue() {
  const std::lock_guard lock(mutex);
  return std::exchange(queue, {});
}

// Everything that is queued now, as far as it fits into one run for each partition, in rounds: what is synced side by
// side is told together, and whoever waits for it goes on while the rest is being synced. The list is taken before the
// first write, and exactly that list is answered. Returns how many requests that were.
std::size_t Committer::State::run_queue() {
  Items items = take_queue();
  if (items.empty()) return 0;
  const Now now = clock.now();
  std::vector<AppendOutcome> outcomes;
  for (const Item& item : items)
    outcomes.push_back({.origin = item.origin, .id = item.id, .partition = item.partition, .error = {}});
  std::vector<bool> left_over(items.size());
  std::vector<Run> runs = group(items, outcomes);
  std::vector<std::size_t> refused;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (outcomes[i].error) refused.push_back(i);
  }
  BITACORA_FAILPOINT("commit.taken");
  for (Run& run : runs) write(run, left_over, now);
  BITACORA_FAILPOINT("commit.written");
  const std::vector<std::function<void()>> syncs = begin_syncs(runs);
#ifndef BITACORA_BREAK_ACK_BEFORE_SYNC  // a defect for the rigs (docs/proof.md): the sync comes when flush() is due
  pool->start(syncs);
#endif
  std::size_t synced = 0;
  for (auto rest = std::span(runs); !rest.empty() || !refused.empty();) {
    const std::size_t enough = synced + std::max(options.sync_threads, 1U);
    std::size_t count = 0;
    for (; count < rest.size() && synced < enough; ++count) synced += rest[count].must_sync ? 1 : 0;
#ifndef BITACORA_BREAK_ACK_BEFORE_SYNC
    pool->wait_for(synced);
#endif
    BITACORA_FAILPOINT("commit.synced");
    tell(rest.first(count), std::exchange(refused, {}), items, outcomes);
    rest = rest.subspan(count);
  }
  put_back(items, left_over);  // not under an append mutex: next_flush() takes those under the queue's
  return items.size() - static_cast<std::size_t>(std::count(left_over.begin(), left_over.end(), true));
}

// By partition, in the order of submission. What is no batch is answered at once and left out.
std::vector<Run> Committer::State::group(const Items& items, std::vector<AppendOutcome>& outcomes) {
  std::vector<Run> runs;
  std::unordered_map<AppendablePartition*, std::size_t> run_of;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const Item& item = items[i];
    if (Result<> good = check_batch(*item.batch, *item.partition); !good) {
      outcomes[i].error = std::make_shared<const Error>(std::move(good.error()));
      continue;
    }
    const auto [place, is_new] = run_of.emplace(item.partition, runs.size());
    if (is_new) runs.push_back({.partition = item.partition, .items = {}, .batches = {}});
    runs[place->second].items.push_back(i);
    runs[place->second].batches.push_back(item.batch);
  }
  // The append mutex of each is held until it is told of: always taken in the same order.
  std::sort(runs.begin(), runs.end(),
            [](const Run& a, const Run& b) { return a.partition->index() < b.partition->index(); });
  return runs;
}

void Committer::State::write(Run& run, std::vector<bool>& left_over, Now now) {
  run.lock = std::unique_lock(run.partition->append_mutex());
  std::vector<std::size_t> sizes;
  for (const BatchPtr& batch : run.batches) sizes.push_back(batch->size());
  const Result<std::size_t> count = run.partition->make_room(sizes, now);
  if (!count) {
    run.placements = Failed(count.error());
    return;
  }
  for (std::size_t i = *count; i < run.items.size(); ++i) left_over[run.items[i]] = true;
  run.items.resize(*count);
  run.batches.resize(*count);
  run.was_written = true;
  run.placements = run.partition->write(run.batches);
}

// Of each run that must be synced, in their order.
std::vector<std::function<void()>> Committer::State::begin_syncs(std::vector<Run>& runs) {
  std::vector<std::function<void()>> calls;
  for (Run& run : runs) {
    run.must_sync = run.placements && run.partition->needs_sync();
    if (run.must_sync) calls.emplace_back([&run] { run.synced = run.partition->sync(); });
  }
  return calls;
}

void Committer::State::retry(Run& run) {
  const bool done = run.placements && run.synced;
  if (done || !run.was_written || !run.partition->can_retry()) return;
  run.placements = run.partition->retry(run.batches);
  run.synced = {};
}

// Success or failure is the whole run's.
void Committer::State::finish(Run& run, std::vector<AppendOutcome>& outcomes, CommitNotice& notice) {
  if (run.placements && run.synced) {
    run.partition->commit(run.batches);
    for (std::size_t i = 0; i < run.items.size(); ++i) {
      const Placement& placement = (*run.placements)[i];
      outcomes[run.items[i]].base_offset = placement.base_offset;
      outcomes[run.items[i]].timestamp_shift_ms = placement.timestamp_shift_ms;
      notice.batches.push_back({run.partition, placement.base_offset, placement.next_offset, *run.batches[i]});
    }
    const bool is_known = std::find(unsynced.begin(), unsynced.end(), run.partition) != unsynced.end();
    if (!is_known && run.partition->flush_due()) unsynced.push_back(run.partition);
  } else {
    run.partition->abandon();
    const auto error = std::make_shared<const Error>(run.placements ? run.synced.error() : run.placements.error());
    for (const std::size_t i : run.items) outcomes[i].error = error;
  }
  run.lock.unlock();
}

// `numbers` are of requests that are in no run.
void Committer::State::tell(std::span<Run> runs, std::vector<std::size_t> numbers, Items& items,
                            std::vector<AppendOutcome>& outcomes) {
  auto notice = std::make_shared<OwningNotice>();
  notice->in_flight = in_flight;
  for (Run& run : runs) {
    retry(run);
    finish(run, outcomes, *notice);
    numbers.insert(numbers.end(), run.items.begin(), run.items.end());
  }
  std::sort(numbers.begin(), numbers.end());
  for (const std::size_t number : numbers) {
    notice->size += items[number].batch->size();
    notice->storage.push_back(std::move(items[number].batch));
    notice->outcomes.push_back(std::move(outcomes[number]));
  }
  const std::shared_ptr<const CommitNotice> shared = std::move(notice);
  BITACORA_FAILPOINT("commit.finished");
  for (const CommitListener& listener : listeners) listener(shared);
  BITACORA_FAILPOINT("commit.told");
}

void Committer::State::put_back(Items& items, const std::vector<bool>& left_over) {
  const std::lock_guard lock(mutex);
  for (std::size_t i = items.size(); i > 0; --i) {
    if (left_over[i - 1]) queue.push_front(std::move(items[i - 1]));
  }
}

void Committer::State::flush_what_is_due() {
  const Now now = clock.now();
  std::vector<std::function<void()>> calls;
  for (AppendablePartition* partition : unsynced) {
    calls.emplace_back([partition, now] {
      const std::lock_guard lock(partition->append_mutex());
      const std::optional<MonotonicTime> due = partition->flush_due();
      // A failure is the partition's own state by now: it is offline or has gone on in a new file.
      if (due && *due <= now.monotonic) static_cast<void>(partition->flush(now));
    });
  }
  if (!calls.empty()) pool->run(calls);
  std::erase_if(unsynced, [](AppendablePartition* partition) {
    const std::lock_guard lock(partition->append_mutex());
    return !partition->flush_due();
  });
}

std::optional<MonotonicTime> Committer::State::next_flush() const {
  std::optional<MonotonicTime> next;
  for (AppendablePartition* partition : unsynced) {
    const std::lock_guard lock(partition->append_mutex());
    const std::optional<MonotonicTime> due = partition->flush_due();
    if (due && (!next || *due < *next)) next = due;
  }
  return next;
}

}  // namespace bitacora::storage
