// Every message of a measurement says who sent it, which one it is and when it was due; a receiver's ledger holds these
// against what was sent. So every run also checks: nothing lost, nothing twice, order kept.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bitacora::bench {

// The first bytes of a payload, big-endian: 4 magic, 4 run, 4 publisher, 8 sequence, 8 due.
struct Stamp {
  static constexpr std::size_t size = 28;  // bytes

  std::uint32_t run = 0;        // a number of this run's own: others' messages are not counted
  std::uint32_t publisher = 0;  // from 0
  std::uint64_t sequence = 0;   // from 0, without gaps, for each publisher
  std::int64_t due_ns = 0;      // CLOCK_MONOTONIC: when it was scheduled (open loop) or sent (closed loop)
};

// Overwrites the first Stamp::size bytes of `payload`.
void write_stamp(std::string& payload, const Stamp& stamp);
// nullopt: not one of ours.
[[nodiscard]] std::optional<Stamp> read_stamp(std::string_view payload);

// What a check found. Adding up those of several receivers gives that of the run.
struct Findings {
  std::uint64_t received = 0;      // first copies
  std::uint64_t duplicates = 0;    // further copies
  std::uint64_t out_of_order = 0;  // first copies that came after a later one of their publisher and topic
  std::uint64_t foreign = 0;       // messages of another run or another program
  std::uint64_t lost = 0;          // sent but never received
  Findings& operator+=(const Findings& other);
};

class Ledger {
 public:
  // `topics`: how many topics a publisher takes turns over; order is promised for each of them by itself. A `run` of
  // nullopt accepts the first run it meets.
  Ledger(std::optional<std::uint32_t> run, std::uint32_t topics) : run_(run), topics_(topics) {}

  // Enters one message; false if it is foreign.
  bool enter(const Stamp& stamp);
  void enter_foreign() { ++findings_.foreign; }

  [[nodiscard]] std::uint64_t received() const { return findings_.received; }
  // `sent[p]`: how many publisher p sent.
  [[nodiscard]] Findings close(std::span<const std::uint64_t> sent) const;

 private:
  struct Publisher {
    std::vector<bool> seen;                    // by sequence
    std::vector<std::uint64_t> next_by_topic;  // one past the highest sequence seen
  };

  std::optional<std::uint32_t> run_;
  std::uint32_t topics_;
  std::vector<Publisher> publishers_;
  Findings findings_;
};

}  // namespace bitacora::bench
