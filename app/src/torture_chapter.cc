#include "torture_chapter.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>

namespace bitacora::app::torture {
namespace {

using Mistake = tl::unexpected<std::string>;
using Clock = std::chrono::steady_clock;

constexpr int turn_ms = 5;
constexpr std::chrono::seconds dying_patience{2};
constexpr std::chrono::seconds join_patience{60};
constexpr std::chrono::seconds drain_patience{60};
constexpr std::chrono::seconds start_patience{60};

}  // namespace

Chapter::Chapter(ChapterTerms terms)
    : terms_(std::move(terms)),
      server_({.program = terms_.program, .directory = terms_.directory, .config = server_config()}) {}

Status Chapter::begin() {
  std::error_code error;
  if (!std::filesystem::create_directories(terms_.directory, error)) {
    return Mistake(fmt::format("{}: {}", terms_.directory, error ? error.message() : "is there already"));
  }
  auto ledger = proof::LedgerWriter::open(terms_.directory + "/ledger");
  if (!ledger) return Mistake(ledger.error());
  ledger_ = std::make_unique<proof::LedgerWriter>(std::move(*ledger));
  const Tell tell_all = [this](const proof::Fact& fact) { tell(fact); };
  fleet_ = std::make_unique<Fleet>(Cast::everyone, tell_all);
  readings_ = std::make_unique<Readings>(tell_all);
  if (auto started = server_.start(); !started) return started;
  return join_fleet() ? Status() : Mistake(outcome_.complaints.front());
}

void Chapter::tell(const proof::Fact& fact) {
  ledger_->append(fact);
  checker_.take(fact);
}

std::int64_t Chapter::now_ms() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began_).count();
}

bool Chapter::complain(std::string what) {
  outcome_.complaints.push_back(std::move(what));
  return false;
}

void Chapter::tell_end(proof::End how) {
  tell(proof::ServerEnded{how, now_ms()});
  tell(proof::FaultEnded{now_ms()});
  (how == proof::End::clean ? outcome_.stops : outcome_.kills) += 1;
}

bool Chapter::join_fleet() {
  const auto deadline = Clock::now() + join_patience;
  if (!fleet_->connect(server_.mqtt_port())) {
    if (server_.ends_within(dying_patience))
      return server_.was_killed();  // at a failpoint: the round goes on to its end
    return complain("the server is ready and takes no connections");
  }
  while (!fleet_->is_ready()) {
    fleet_->turn(turn_ms);
    if (fleet_->has_lost_connection() && server_.ends_within(dying_patience)) return server_.was_killed();
    for (std::string& complaint : fleet_->complaints()) return complain(std::move(complaint));
    if (fleet_->has_lost_connection()) return complain("a client's connection ended before it was answered");
    if (Clock::now() > deadline) return complain("clients were not answered within a minute");
  }
  return true;
}

bool Chapter::run(const Round& round) {
  if (!round.failpoint.empty() && !give_failpoint(round)) return false;
  return run_until_end(round) && start_again(round.into_start, round.end == Round::End::kill_then_kill_the_start);
}

// A process has it from its start.
bool Chapter::give_failpoint(const Round& round) {
  if (round.begins_with_kill) {
    server_.kill();
    if (round.tears_tail) tear_tail();
  } else if (const Status stopped = server_.stop(); !stopped) {
    return complain(stopped.error());
  }
  fleet_->take_the_rest();
  tell_end(round.begins_with_kill ? proof::End::kill : proof::End::clean);
  if (round.makes_log) configure_another_log();
  if (!start_ready(round.failpoint)) return false;
  return !server_.is_running() || join_fleet();
}

void Chapter::configure_another_log() {
  server_.configure(server_config() + fmt::format("\n[[logs]]\nname = \"more-{}\"\npartitions = 2\n", ++more_logs_));
}

// As a write that a power cut has broken off leaves it. Never acknowledged: the server may cut it, and nothing else.
void Chapter::tear_tail() const {
  std::filesystem::path last;
  for (const auto& entry : std::filesystem::directory_iterator(server_.data() + "/main-0")) {
    if (entry.path().extension() == ".log" && entry.path() > last) last = entry.path();
  }
  std::ofstream(last, std::ios::app | std::ios::binary) << std::string(100, 'T');
}

// Publishes until the round's time is over or a failpoint has killed the server, and ends it.
bool Chapter::run_until_end(const Round& round) {
  const auto deadline = Clock::now() + round.load;
  while (server_.is_running() && Clock::now() < deadline) {
    fleet_->turn(turn_ms);
    if (fleet_->has_lost_connection() && !server_.ends_within(dying_patience)) {
      for (std::string& complaint : fleet_->complaints()) return complain(std::move(complaint));
      return complain("the living server ended a connection");
    }
  }
  const bool ended_itself = !server_.is_running();  // at the failpoint
  if (ended_itself && !server_.was_killed()) {
    return complain(fmt::format("the server ended by itself; its log is {}", server_.log_file()));
  }
  if (ended_itself) {
    outcome_.reached.push_back(round.failpoint);
  } else if (round.end == Round::End::stop) {
    if (const Status stopped = server_.stop(); !stopped) return complain(stopped.error());
    if (server_.was_killed()) outcome_.reached.push_back(round.failpoint);
  } else {
    server_.kill();
  }
  fleet_->take_the_rest();
  tell_end(server_.was_killed() ? proof::End::kill : proof::End::clean);
  for (std::string& complaint : fleet_->complaints()) return complain(std::move(complaint));
  return true;
}

bool Chapter::start_again(std::chrono::milliseconds killed_after, bool kill_it) {
  if (kill_it) {
    if (const Status spawned = server_.spawn(); !spawned) return complain(spawned.error());
    if (const auto ready = server_.await_ready(killed_after); !ready) return complain(ready.error());
    server_.kill();
    tell_end(proof::End::kill);
  }
  return start_ready("") && read_back() && join_fleet();
}

// With a failpoint in the environment the server may be gone again when this returns: that is told, and no breakage.
bool Chapter::start_ready(const std::string& failpoint) {
  const auto began = Clock::now();
  std::vector<std::string> environment;
  if (!failpoint.empty()) environment.push_back("BITACORA_FAILPOINT=" + failpoint);
  if (const Status spawned = server_.spawn(environment); !spawned) return complain(spawned.error());
  const auto ready = server_.await_ready(start_patience);
  if (!ready) return complain(ready.error());
  if (!*ready) {
    return !failpoint.empty() && server_.was_killed() ? true : complain("the server was not ready within a minute");
  }
  tell(proof::ServerReady{now_ms()});
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began);
  if (failpoint.empty()) outcome_.restarts_ms.push_back(static_cast<std::uint32_t>(took.count()));
  return true;
}

bool Chapter::read_back() {
  const auto source = open_http_source(server_.http_url(), {});
  if (!source) return complain(source.error());
  const auto duplicates = readings_->read_logs(**source);
  if (!duplicates) return complain(duplicates.error());
  outcome_.duplicates = *duplicates;
  readings_->read_group(**source);
  const Status replayed = readings_->read_over_mqtt(**source, server_.mqtt_port(), fleet_->retained_topics());
  return replayed ? true : complain(replayed.error());
}

ChapterOutcome Chapter::finish() {
  if (outcome_.complaints.empty()) {
    fleet_->stop_publishing();
    const auto deadline = Clock::now() + drain_patience;
    while (!fleet_->is_drained() && server_.is_running() && Clock::now() < deadline) fleet_->turn(turn_ms);
    if (!fleet_->is_drained()) static_cast<void>(complain("after a minute of quiet: " + fleet_->why_not_drained()));
    static_cast<void>(read_back());
    if (const Status stopped = server_.stop(); !stopped) static_cast<void>(complain(stopped.error()));
  }
  server_.kill();
  outcome_.latencies_us = fleet_->take_latencies();
  outcome_.verdict = checker_.verdict();
  return std::move(outcome_);
}

}  // namespace bitacora::app::torture
