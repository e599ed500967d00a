// A well-behaved client beside the storm: how long its messages take, and that each arrives.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace bitacora::e2e {

struct Latencies {
  std::size_t count = 0;
  std::chrono::microseconds p50{};
  std::chrono::microseconds p99{};
  std::chrono::microseconds max{};
};

// Publishes at QoS 1 to itself at a fixed rate, on a thread of its own. Latency counts from when a message was due to
// when it was received, so a server that stalls is not asked less.
class Probe {
 public:
  static constexpr std::chrono::milliseconds interval{5};

  explicit Probe(std::uint16_t port);
  ~Probe();
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;

  // What was measured since the last call. Throws what went wrong, if something did: a message that did not come, a
  // refusal, a lost connection.
  [[nodiscard]] Latencies take();

 private:
  void run(std::uint16_t port);
  void measure(std::uint16_t port);

  std::atomic<bool> is_over_ = false;
  std::mutex mutex_;  // of the two that follow
  std::vector<std::chrono::microseconds> measured_;
  std::exception_ptr failure_;
  std::thread thread_;
};

}  // namespace bitacora::e2e
