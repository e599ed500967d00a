// bitacora torture --data DIR
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "app/command_line.h"
#include "base/failpoint.h"
#include "commands.h"
#include "torture_chapter.h"
#include "torture_disk.h"

namespace bitacora::app {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using torture::ChapterOutcome;
using torture::Round;

struct TortureArguments {
  std::string data;
  double minutes = 5;
  std::uint64_t kills = 0;       // 0: as many as fit
  std::uint32_t seed = 0;        // 0: a random one
  std::uint32_t first_hits = 0;  // of each failpoint; 0: kills at random moments
  std::string only;              // failpoints whose names begin so
};

// A chapter reads all it has after each kill: it is kept short.
constexpr std::uint64_t rounds_in_chapter = 15;

enum class Reached : std::uint8_t { no, yes };

// What to do to the server next, until there is nothing more to do.
class Plan {
 public:
  explicit Plan(const TortureArguments& arguments)
      : random_(arguments.seed), kills_(arguments.kills), end_(Clock::now() + minutes(arguments.minutes)) {
#ifdef BITACORA_FAILPOINTS
    for (const Failpoint* point : Failpoint::all()) {
      if (point->name().starts_with(arguments.only)) points_.emplace_back(point->name());
    }
    walks_ = arguments.first_hits > 0;
    hits_ = arguments.first_hits;
#endif
  }

  [[nodiscard]] bool is_done() const {
    if (walks_) return points_.empty();
    return Clock::now() >= end_ || (kills_ != 0 && given_ >= kills_);
  }
  Round next() {
    ++given_;
#ifdef BITACORA_FAILPOINTS
    if (walks_) return at_failpoint(points_.front(), hit_);
#endif
    return at_random();
  }
  // What became of the round that next() gave: whether its failpoint was passed as often as that.
  void take(Reached reached) {
    if (!walks_) return;
    misses_ = reached == Reached::yes ? 0 : misses_ + 1;
    if (++hit_ <= hits_ && misses_ < patience) return;
    points_.pop_front();
    hit_ = 1;
    misses_ = 0;
  }

 private:
  static Clock::duration minutes(double count) {
    return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double, std::ratio<60>>(count));
  }

  [[nodiscard]] milliseconds up_to(int limit_ms) {
    return milliseconds(std::uniform_int_distribution(0, limit_ms)(random_));
  }

  // Mostly short: a server that has just begun is where mistakes hide.
  Round at_random() {
    Round round{.load = up_to(std::uniform_int_distribution(0, 3)(random_) == 0 ? 1500 : 400)};
    const int kind = std::uniform_int_distribution(0, 9)(random_);
    if (kind == 0) round.end = Round::End::stop;
    if (kind == 1 || kind == 2) {
      round.end = Round::End::kill_then_kill_the_start;
      round.into_start = up_to(120);
    }
    return round;
  }

#ifdef BITACORA_FAILPOINTS
  // What a point needs for being reached at all.
  static Round at_failpoint(const std::string& name, std::uint32_t hit) {
    Round round{.load = milliseconds(1500), .end = Round::End::stop};
    round.failpoint = name + ":" + std::to_string(hit);
    // A file is replaced when its sync has failed; which log's that is, and so what is replaced how, is up to chance.
    if (name.starts_with("replace."))
      round.failpoint +=
          ",commit.sync:3:fail,commit.sync:9:fail,commit.sync:20:fail,commit.sync:45:fail,commit.sync:90:fail";
    round.begins_with_kill = name.starts_with("recovery.") || name.starts_with("start.sessions");
    round.makes_log = name.starts_with("create.");
    round.tears_tail = name.starts_with("recovery.torn");
    return round;
  }
#endif

  std::mt19937 random_;
  std::uint64_t kills_;
  Clock::time_point end_;
  std::uint64_t given_ = 0;

  // The walk over the failpoints, a pass more each time. A point that was not passed so often, and again was not, will
  // not be passed more often either.
  static constexpr int patience = 2;
  bool walks_ = false;
  std::deque<std::string> points_;  // the first one is at work
  std::uint32_t hits_ = 0;          // of each
  std::uint32_t hit_ = 1;
  int misses_ = 0;  // one after the other
};

// All chapters together.
struct Sum {
  std::uint64_t chapters = 0;
  std::uint64_t kills = 0;
  std::uint64_t stops = 0;
  proof::Totals totals;
  std::array<std::uint64_t, proof::invariant_names.size()> breaches{};
  torture::Duplicates duplicates;
  std::vector<std::uint32_t> latencies_us;
  std::vector<std::uint32_t> restarts_ms;
  std::vector<std::string> reached;
  std::uint64_t complaints = 0;

  void add(ChapterOutcome&& outcome) {
    ++chapters;
    kills += outcome.kills;
    stops += outcome.stops;
    totals.published += outcome.verdict.totals.published;
    totals.acknowledged += outcome.verdict.totals.acknowledged;
    totals.records_read += outcome.verdict.totals.records_read;
    totals.delivered += outcome.verdict.totals.delivered;
    for (std::size_t i = 0; i < breaches.size(); ++i) breaches[i] += outcome.verdict.counts[i];
    duplicates.found += outcome.duplicates.found;
    duplicates.marked += outcome.duplicates.marked;
    latencies_us.insert(latencies_us.end(), outcome.latencies_us.begin(), outcome.latencies_us.end());
    restarts_ms.insert(restarts_ms.end(), outcome.restarts_ms.begin(), outcome.restarts_ms.end());
    reached.insert(reached.end(), outcome.reached.begin(), outcome.reached.end());
    complaints += outcome.complaints.size();
  }
  [[nodiscard]] std::uint64_t broke(proof::Invariant invariant) const {
    return breaches[static_cast<std::size_t>(invariant)];
  }
  [[nodiscard]] bool is_good() const {
    return complaints == 0 && std::ranges::all_of(breaches, [](std::uint64_t count) { return count == 0; });
  }
};

std::uint32_t percentile(std::vector<std::uint32_t>& values, std::size_t percent) {
  if (values.empty()) return 0;
  const auto place =
      values.begin() + static_cast<std::ptrdiff_t>(std::min(values.size() - 1, values.size() * percent / 100));
  std::nth_element(values.begin(), place, values.end());
  return *place;
}

void print_findings(const ChapterOutcome& outcome, const std::string& directory) {
  fmt::print("\nBROKEN, everything is kept in {}:\n{}", directory, proof::to_text(outcome.verdict));
  for (const std::string& complaint : outcome.complaints) fmt::print("the server: {}\n", complaint);
}

void print(Sum& sum, const std::vector<std::string>& disk) {
  using proof::Invariant;
  std::uint64_t others = sum.complaints;
  for (std::size_t i = 0; i < sum.breaches.size(); ++i) others += sum.breaches[i];
  others -= sum.broke(Invariant::I1) + sum.broke(Invariant::I2) + sum.broke(Invariant::I4);
  fmt::print("kills           {} kill -9, {} clean stops, {} data directories\n", sum.kills, sum.stops, sum.chapters);
  fmt::print("acknowledged    {} messages at QoS 1 and 2\n", sum.totals.acknowledged);
  fmt::print("recovered       {}\n",
             sum.totals.acknowledged - std::min(sum.totals.acknowledged, sum.broke(Invariant::I1)));
  fmt::print("lost            {}\n", sum.broke(Invariant::I1));
  fmt::print("renumbered      {}\n", sum.broke(Invariant::I2));
  fmt::print("invented        {}\n", sum.broke(Invariant::I4));
  fmt::print("other breaches  {}\n", others);
  fmt::print("duplicates      {} at QoS 1, sent again by their publishers after a kill; {} marked; QoS 2: {}\n",
             sum.duplicates.found, sum.duplicates.marked, sum.broke(Invariant::I6));
  fmt::print("read back       {} records, {} deliveries\n", sum.totals.records_read, sum.totals.delivered);
  fmt::print("ack latency     p50 {:.2f} ms, p99 {:.2f} ms\n", percentile(sum.latencies_us, 50) / 1000.0,
             percentile(sum.latencies_us, 99) / 1000.0);
  fmt::print("restart         median {} ms, longest {} ms\n", percentile(sum.restarts_ms, 50),
             percentile(sum.restarts_ms, 100));
  for (const std::string& line : disk) fmt::print("this disk       {}\n", line);
}

#ifdef BITACORA_FAILPOINTS
// Which points were never reached: a rig that does not say so proves less than it seems to.
void print_reached(const Sum& sum, const std::string& only) {
  std::size_t points = 0;
  std::string missed;
  for (const Failpoint* point : Failpoint::all()) {
    if (!point->name().starts_with(only)) continue;
    ++points;
    const std::string prefix = std::string(point->name()) + ":";
    const bool reached =
        std::ranges::any_of(sum.reached, [&](const std::string& one) { return one.starts_with(prefix); });
    if (!reached) missed += " " + std::string(point->name());
  }
  fmt::print("failpoints      {} points, {} kills at them; never reached:{}\n", points, sum.reached.size(),
             missed.empty() ? " none" : missed);
}
#endif

torture::Status torture_it(TortureArguments& arguments, const std::string& program, Sum& sum) {
  Plan plan(arguments);
  for (std::uint64_t number = 1; !plan.is_done() && sum.is_good(); ++number) {
    const std::string directory = fmt::format("{}/chapter-{}", arguments.data, number);
    torture::Chapter chapter({.program = program, .directory = directory});
    if (auto begun = chapter.begin(); !begun) return begun;
    for (std::uint64_t round = 0; round < rounds_in_chapter && !plan.is_done(); ++round) {
      const std::size_t reached = chapter.reached();
      const bool goes_on = chapter.run(plan.next());
      plan.take(chapter.reached() > reached ? Reached::yes : Reached::no);
      if (!goes_on) break;
    }
    ChapterOutcome outcome = chapter.finish();
    const bool is_good = outcome.is_good();
    if (!is_good) print_findings(outcome, directory);
    sum.add(std::move(outcome));
    if (is_good) std::filesystem::remove_all(directory);
    fmt::print(stderr, "{} kills, {} acknowledged, {}\n", sum.kills, sum.totals.acknowledged,
               is_good ? "all kept" : "BROKEN");
  }
  return {};
}

int run(TortureArguments arguments) {
  if (arguments.seed == 0) arguments.seed = std::random_device()();
  fmt::print("bitacora torture: seed {}\n", arguments.seed);
  std::fflush(stdout);
  std::error_code error;
  std::filesystem::create_directories(arguments.data, error);
  if (error || !std::filesystem::is_empty(arguments.data, error)) {
    fmt::print(stderr, "bitacora torture: {} must be a directory of its own, and empty\n", arguments.data);
    return exit_failed;
  }
  const auto disk = torture::examine_disk(arguments.data);
  if (!disk) {
    fmt::print(stderr, "bitacora torture: {}\n", disk.error());
    return exit_failed;
  }
  Sum sum;
  const std::string program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (auto done = torture_it(arguments, program, sum); !done) {
    fmt::print(stderr, "bitacora torture: {}\n", done.error());
    return exit_failed;
  }
  print(sum, torture::explain(*disk));
#ifdef BITACORA_FAILPOINTS
  if (arguments.first_hits > 0) print_reached(sum, arguments.only);
#endif
  fmt::print("verdict         {}\n", sum.is_good()
                                         ? "KEPT: nothing acknowledged was lost, changed or renumbered"
                                         : "BROKEN: see above, and report it with the directory that was kept");
  return sum.is_good() ? exit_ok : exit_failed;
}

}  // namespace

void add_torture(CLI::App& app, int& status) {
  const auto arguments = std::make_shared<TortureArguments>();
  auto* command = app.add_subcommand(
      "torture",
      "Kill a server of this build under load, again and again, and say whether it kept what it acknowledged");
  command->add_option("--data", arguments->data, "An empty directory on the disk to try; what is good is removed again")
      ->required();
  command->add_option("--minutes", arguments->minutes, "How long (default: 5)")->check(CLI::PositiveNumber);
  command->add_option("--kills", arguments->kills, "Stop after so many rounds, if that is earlier");
  command->add_option("--seed", arguments->seed, "When it is killed; the machine's own timing is not repeated");
#ifdef BITACORA_FAILPOINTS
  command->add_option("--failpoints", arguments->first_hits,
                      "At each failpoint's first N passes, in place of at random");
  command->add_option("--only", arguments->only, "Failpoints whose names begin so");
#endif
  command->callback([arguments, &status] { status = run(*arguments); });
}

}  // namespace bitacora::app
