// Seeds of the simulation from the command line.
//
//   bitacora-sim --seed N            one seed; a failure that was printed with its seed is repeated exactly
//   bitacora-sim --seeds A..B        both included; ends at the first that fails
//   --keep-going                     goes on behind it; each that fails is told
//   --steps S                        how long each life is (400)
//   --sabotage NAME                  with a server that does what it must not: sabotage.h
//   --trace                          a line for each step
//   --ledger FILE                    what clients were told, for a checker elsewhere: docs/checker.md
//
// Exit status 0: the promise held in all of them. 1: it did not, each such seed is named. 2: wrong use.
#include <array>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>

#include <unistd.h>

#include "simulator/simulation.h"

namespace bitacora::sim {
namespace {

struct Arguments {
  std::uint64_t first = 1, last = 100;
  int steps = 400;
  Sabotage sabotage = Sabotage::none;
  bool trace = false;
  bool keep_going = false;
  std::string ledger;
};

template <class Number>
bool parse(std::string_view text, Number& into) {
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), into);
  return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
}

std::optional<Arguments> parse_arguments(int count, char** texts) {
  Arguments arguments;
  for (int i = 1; i < count; ++i) {
    const std::string_view name = texts[i];
    if (name == "--trace") {
      arguments.trace = true;
      continue;
    }
    if (name == "--keep-going") {
      arguments.keep_going = true;
      continue;
    }
    if (i + 1 == count) return std::nullopt;
    const std::string_view value = texts[++i];
    bool well = true;
    if (name == "--seed") {
      well = parse(value, arguments.first);
      arguments.last = arguments.first;
    } else if (name == "--seeds") {
      const std::size_t dots = value.find("..");
      well = dots != std::string_view::npos && parse(value.substr(0, dots), arguments.first) &&
             parse(value.substr(dots + 2), arguments.last) && arguments.first <= arguments.last;
    } else if (name == "--steps") {
      well = parse(value, arguments.steps);
    } else if (name == "--ledger") {
      arguments.ledger = value;
    } else if (const auto sabotage = parse_sabotage(value); name == "--sabotage" && sabotage) {
      arguments.sabotage = *sabotage;
    } else {
      well = false;
    }
    if (!well) return std::nullopt;
  }
  return arguments;
}

// An assertion of the server that fails aborts: its seed is told all the same.
std::uint64_t seed_under_way = 0;
extern "C" void tell_seed(int) {
  std::array<char, 64> text{};
  const int size = std::snprintf(text.data(), text.size(), "aborted in seed %llu\n",
                                 static_cast<unsigned long long>(seed_under_way));
  (void)!::write(STDERR_FILENO, text.data(), static_cast<std::size_t>(size));
  std::signal(SIGABRT, SIG_DFL);
}

int run(const Arguments& arguments) {
  std::signal(SIGABRT, tell_seed);
  proof::Totals totals;
  int ends = 0, faults = 0, damages = 0, broken = 0;
  for (std::uint64_t seed = arguments.first; seed <= arguments.last; ++seed) {
    seed_under_way = seed;
    SimulationOptions options;
    options.seed = seed;
    options.steps = arguments.steps;
    options.sabotage = arguments.sabotage;
    if (arguments.trace) options.trace = &std::cout;
    if (!arguments.ledger.empty()) {
      auto ledger = proof::LedgerWriter::open(arguments.ledger);
      if (!ledger) {
        std::cerr << ledger.error() << "\n";
        return 2;
      }
      options.ledger.emplace(std::move(*ledger));
    }
    const SimulationResult result = Simulation(std::move(options)).run();
    const proof::Totals& of_seed = result.verdict.totals;
    totals.published += of_seed.published, totals.acknowledged += of_seed.acknowledged;
    totals.delivered += of_seed.delivered, totals.records_read += of_seed.records_read;
    ends += result.ends, faults += result.faults, damages += result.damages;
    if (arguments.first == arguments.last)
      std::printf("trace %016llx\n", static_cast<unsigned long long>(result.trace));
    if (!result.kept()) {
      std::cout << "seed " << seed << " broke the promise:\n" << to_text(result) << std::flush;
      ++broken;
      if (!arguments.keep_going) return 1;
    }
  }
  std::printf(
      "seeds %llu broken %d published %llu acknowledged %llu delivered %llu read %llu ends %d faults %d damages %d\n",
      static_cast<unsigned long long>(arguments.last - arguments.first + 1), broken,
      static_cast<unsigned long long>(totals.published), static_cast<unsigned long long>(totals.acknowledged),
      static_cast<unsigned long long>(totals.delivered), static_cast<unsigned long long>(totals.records_read), ends,
      faults, damages);
  return broken == 0 ? 0 : 1;
}

}  // namespace
}  // namespace bitacora::sim

int main(int count, char** texts) {
  const auto arguments = bitacora::sim::parse_arguments(count, texts);
  if (!arguments) {
    std::cerr << "bitacora-sim --seed N | --seeds A..B [--steps S] [--sabotage NAME] [--trace] [--keep-going] "
                 "[--ledger FILE]\n";
    return 2;
  }
  return bitacora::sim::run(*arguments);
}
