// What the server does on the side, on a thread of its own: it looks at the disk's space, applies retention and
// compaction, brings the key indexes forward, and reads what is sealed again in search of damage. What a person should
// know of it goes to the log.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <tuple>

#include "base/clock.h"
#include "storage/store.h"

namespace bitacora::app {

struct UpkeepSettings {
  std::chrono::milliseconds housekeeping_interval{60'000};
  std::chrono::milliseconds scrub_interval{std::chrono::hours(7 * 24)};  // from one pass's beginning to the next one's
  std::uint64_t scrub_bytes_per_second = 0;                              // 0: no scrub
  std::uint64_t key_index_bytes_per_second = 0;                          // 0: no key index is made
};

class Upkeep {
 public:
  // Both outlive it. What the store's recovery report tells counts as told.
  Upkeep(storage::Store& store, const Clock& clock, UpkeepSettings settings);
  ~Upkeep();  // stops
  Upkeep(const Upkeep&) = delete;
  Upkeep& operator=(const Upkeep&) = delete;

  void start();  // the thread, until stop()
  void stop();   // returns when the thread has ended; may be called twice
  // From any thread; from the next turn on.
  void change(UpkeepSettings settings);

  // What is due now, on the caller's thread. For tests: not to be mixed with start().
  void turn();

 private:
  using DamageId = std::tuple<std::string, std::int32_t, storage::Offset, storage::Offset>;

  void run();
  [[nodiscard]] UpkeepSettings settings() const;
  void watch_space();
  void keep_house();
  void index_keys(const UpkeepSettings& settings, MonotonicTime now, std::chrono::nanoseconds since_last_turn);
  void scrub(const UpkeepSettings& settings, MonotonicTime now, std::chrono::nanoseconds since_last_turn);
  void tell_damage();
  static DamageId id_of(const std::string& log, std::int32_t partition, const storage::Quarantine& quarantine);

  storage::Store& store_;
  const Clock& clock_;

  mutable std::mutex mutex_;
  std::condition_variable wakes_;
  UpkeepSettings settings_;  // mutex_
  bool stopping_ = false;    // mutex_
  std::thread thread_;

  // Of whoever calls turn().
  storage::SpaceLevel level_ = storage::SpaceLevel::enough;
  MonotonicTime last_turn_;
  MonotonicTime last_housekeeping_;
  std::optional<MonotonicTime> indexing_failed_;  // when it did last, until it works again
  std::optional<MonotonicTime> pass_began_;       // the scrub's: nullopt before the first
  bool pass_is_under_way_ = false;
  std::set<DamageId> told_;
};

}  // namespace bitacora::app
