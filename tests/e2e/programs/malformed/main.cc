// Throws malformed inputs at a running server, each over a connection of its own, while a well-behaved client measures
// what it notices of that:
//
//   malformed_inputs --port 1883 --server-pid 4711 --inputs 1000000 --seed 1
//
// First every prefix of every packet, then the mutator's inputs twice: the second time finds a server that has seen
// them all, so what its memory grows by then is a leak. Prints a line for each part and, as the last one, JSON. Exit
// status 1 says that the server kept a connection open that it should have closed, or failed the well-behaved client.
#include <fmt/format.h>
#include <sys/socket.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <fstream>
#include <functional>
#include <iostream>

#include "inputs.h"
#include "net/wire.h"
#include "probe.h"

namespace bitacora::e2e {
namespace {

using std::chrono::steady_clock;

struct Settings {
  std::uint16_t port = 1883;
  int server_pid = 0;
  std::uint64_t inputs = 10'000;
  std::uint64_t seed = 1;
  std::uint32_t connections = 8;
  double quiet_s = 2;
};

// Resident memory in bytes, 0 where it cannot be told.
std::uint64_t memory_of(int pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::stoull(line.substr(6)) << 10;
  }
  return 0;
}

struct Part {
  std::string name;
  std::uint64_t inputs = 0;
  double seconds = 0;
  Latencies probe{};
  std::uint64_t memory = 0;  // behind it
};

class Storm {
 public:
  explicit Storm(const Settings& settings) : settings_(settings), probe_(settings.port) {}

  // Gives input `i` of `count` to one of the connections, until all are sent.
  void run(const std::string& name, std::uint64_t count, const std::function<Bytes(std::uint64_t)>& input) {
    const auto start = steady_clock::now();
    std::atomic<std::uint64_t> next = 0;
    std::vector<std::exception_ptr> failures(settings_.connections);
    std::vector<std::jthread> threads;
    for (std::uint32_t i = 0; i < settings_.connections; ++i) {
      threads.emplace_back([&, &failure = failures[i]] {
        try {
          for (std::uint64_t n = next++; n < count; n = next++) throw_at_server(input(n));
        } catch (...) {
          failure = std::current_exception();
          next = count;
        }
      });
    }
    threads.clear();  // joins
    for (const auto& failure : failures) {
      if (failure) std::rethrow_exception(failure);
    }
    note(name, count, start);
  }

  void rest(const std::string& name) {
    const auto start = steady_clock::now();
    std::this_thread::sleep_for(std::chrono::duration<double>(settings_.quiet_s));
    note(name, 0, start);
  }

  [[nodiscard]] std::string json() const {
    std::string parts;
    for (const Part& part : parts_) {
      parts += fmt::format(
          R"({}{{"part":"{}","inputs":{},"seconds":{:.3f},"probes":{},"p50_us":{},"p99_us":{},"max_us":{},"memory":{}}})",
          parts.empty() ? "" : ",", part.name, part.inputs, part.seconds, part.probe.count, part.probe.p50.count(),
          part.probe.p99.count(), part.probe.max.count(), part.memory);
    }
    return fmt::format(R"({{"seed":{},"parts":[{}]}})", settings_.seed, parts);
  }

 private:
  // Sends all of it, says that no more comes, and waits until the server has closed. A server that hangs on makes this
  // throw.
  void throw_at_server(const Bytes& input) const {
    const auto wire = net::connect_tcp(settings_.port);
    try {
      wire->send(input);
      ::shutdown(wire->socket(), SHUT_WR);
    } catch (const std::system_error&) {  // it closed at the first bytes, before it had the last
    }
    try {
      while (!wire->receive().empty()) {
      }
    } catch (const std::exception& error) {
      throw std::runtime_error(fmt::format("{} behind the input {}", error.what(), to_hex(input)));
    }
  }

  void note(const std::string& name, std::uint64_t inputs, steady_clock::time_point start) {
    const std::chrono::duration<double> took = steady_clock::now() - start;
    parts_.push_back({name, inputs, took.count(), probe_.take(), memory_of(settings_.server_pid)});
    const Part& part = parts_.back();
    fmt::print(
        "{:<10} {:>8} inputs in {:>8.2f} s; {:>6} probes: p50 {:>6} us, p99 {:>6} us, max {:>6} us; {:>7.1f} MiB\n",
        part.name, part.inputs, part.seconds, part.probe.count, part.probe.p50.count(), part.probe.p99.count(),
        part.probe.max.count(), static_cast<double>(part.memory) / (1 << 20));
    std::fflush(stdout);
  }

  Settings settings_;
  Probe probe_;
  std::vector<Part> parts_;
};

// Input `n` has a seed of its own, so that it does not matter which connection sends it.
Bytes mutated(std::uint64_t seed, std::uint64_t n) {
  thread_local Mutator mutator(0);
  mutator.seed(seed * 0x9e3779b97f4a7c15U + n);
  return mutator.next();
}

void run(const Settings& settings) {
  fmt::print("seed {}, {} connections\n", settings.seed, settings.connections);
  Storm storm(settings);
  storm.rest("quiet");
  const std::vector<Bytes> prefixes = every_prefix();
  storm.run("prefixes", prefixes.size(), [&](std::uint64_t n) { return prefixes[n]; });
  for (const char* const name : {"mutated", "again"}) {
    storm.run(name, settings.inputs / 2, [&](std::uint64_t n) { return mutated(settings.seed, n); });
    storm.rest("rest");
  }
  fmt::print("{}\n", storm.json());
}

}  // namespace
}  // namespace bitacora::e2e

int main(int argc, char** argv) {
  using namespace bitacora::e2e;
  CLI::App app{"Throws malformed inputs at a running MQTT server and measures what others notice of it"};
  Settings settings;
  app.add_option("--port", settings.port, "The server's port on 127.0.0.1")->required();
  app.add_option("--server-pid", settings.server_pid, "Process whose memory is noted");
  app.add_option("--inputs", settings.inputs, "Mutated inputs, in two equal halves")->capture_default_str();
  app.add_option("--seed", settings.seed, "What the mutator starts from")->capture_default_str();
  app.add_option("--connections", settings.connections, "Side by side")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--quiet", settings.quiet_s, "Seconds of rest before and behind each storm")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    run(settings);
    return 0;
  } catch (const std::exception& error) {
    fmt::print("failed: {}\n", error.what());
    return 1;
  }
}
