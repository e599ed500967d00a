// One data directory's life under torture: start, publish, kill, start again, read everything back, some dozens of
// times; then the checker's verdict over all that clients were told.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "proof/checker.h"
#include "proof/ledger.h"
#include "torture_fleet.h"
#include "torture_readings.h"
#include "torture_server.h"

namespace bitacora::app::torture {

// One start of the server and what happens to it.
struct Round {
  std::string failpoint{};              // BITACORA_FAILPOINT of the server; empty: none
  bool begins_with_kill = false;        // with a failpoint: the server before it is killed, not stopped,
  bool makes_log = false;               // the configuration has a log more
  bool tears_tail = false;              // and bytes of no batch are left behind its last ones
  std::chrono::milliseconds load{300};  // publishing, before the end
  enum class End : std::uint8_t {
    kill,
    kill_then_kill_the_start,  // and the one that comes after it is killed while it starts
    stop,
  } end = End::kill;
  std::chrono::milliseconds into_start{0};
};

struct ChapterTerms {
  std::string program{};
  std::string directory{};  // empty; made
};

struct ChapterOutcome {
  proof::Verdict verdict{};
  std::vector<std::string> complaints{};  // beyond the invariants: what no server may do to a client
  Duplicates duplicates{};
  std::uint64_t kills = 0;
  std::uint64_t stops = 0;
  std::vector<std::string> reached{};  // the failpoints that ended a round
  std::vector<std::uint32_t> latencies_us{};
  std::vector<std::uint32_t> restarts_ms{};  // process started until ready
  [[nodiscard]] bool is_good() const { return verdict.kept() && complaints.empty(); }
};

class Chapter {
 public:
  explicit Chapter(ChapterTerms terms);

  // The error is one of the machine (no room, no such program), not of the server under torture.
  [[nodiscard]] Status begin();
  // Ends with the server ready again and everything read back. False: the server broke in a way that leaves nothing to
  // go on with (finish() has it).
  [[nodiscard]] bool run(const Round& round);
  // How many rounds a failpoint has ended so far.
  [[nodiscard]] std::size_t reached() const { return outcome_.reached.size(); }
  // Lets everything be acknowledged and delivered, reads everything once more, stops the server, judges.
  [[nodiscard]] ChapterOutcome finish();

 private:
  [[nodiscard]] bool run_until_end(const Round& round);
  [[nodiscard]] bool start_again(std::chrono::milliseconds killed_after, bool kill_it);
  [[nodiscard]] bool give_failpoint(const Round& round);
  [[nodiscard]] bool start_ready(const std::string& failpoint);
  void tear_tail() const;
  void configure_another_log();
  [[nodiscard]] bool read_back();
  [[nodiscard]] bool join_fleet();
  void tell(const proof::Fact& fact);
  void tell_end(proof::End how);
  [[nodiscard]] std::int64_t now_ms() const;
  [[nodiscard]] bool complain(std::string what);

  ChapterTerms terms_;
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  proof::Checker checker_;
  std::unique_ptr<proof::LedgerWriter> ledger_;
  Server server_;
  std::unique_ptr<Fleet> fleet_;
  std::unique_ptr<Readings> readings_;
  ChapterOutcome outcome_;
  int more_logs_ = 0;
};

}  // namespace bitacora::app::torture
