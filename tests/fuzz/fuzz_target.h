// A fuzz target: a function of any bytes that aborts where something that must hold does not.
//
//   FUZZ_TARGET(packet) {          // void(FuzzInput input)
//     ...
//     must(a == b, "a packet encodes to what it was decoded from");
//   }
//
// The same source is linked into two kinds of program: with libFuzzer, one program a target (scripts/fuzz.sh), and into
// fuzz_test, which runs every target over its corpus and over mutants of it (replay_test.cc). docs/fuzzing.md.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace bitacora::fuzz {

// The bytes of one run, taken from the front. Taking more than there is gives what is there, and zeros.
class FuzzInput {
 public:
  explicit FuzzInput(ByteView bytes) noexcept : rest_(bytes) {}

  [[nodiscard]] bool empty() const noexcept { return rest_.empty(); }
  std::uint8_t byte() noexcept {
    const ByteView one = take(1);
    return one.empty() ? 0 : std::to_integer<std::uint8_t>(one[0]);
  }
  std::uint16_t word() noexcept {
    const unsigned high = byte();
    return static_cast<std::uint16_t>(high << 8 | byte());
  }
  ByteView take(std::size_t size) noexcept {
    const ByteView front = rest_.first(std::min(size, rest_.size()));
    rest_ = rest_.subspan(front.size());
    return front;
  }
  ByteView take_rest() noexcept { return take(rest_.size()); }
  std::string_view take_text() noexcept { return as_text(take_rest()); }
  // Up to the next line end, which is taken too.
  std::string_view take_line() noexcept {
    const std::string_view text = as_text(rest_);
    const std::size_t size = std::min(text.find('\n'), text.size());
    (void)take(size + 1);
    return text.substr(0, size);
  }

 private:
  ByteView rest_;
};

inline void must(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "fuzz: this does not hold: %s\n", what);
  std::abort();
}

struct FuzzTarget {
  std::string_view name;
  void (*run)(FuzzInput input);
};
// All that are linked into this program, in no order.
std::vector<FuzzTarget>& fuzz_targets();

struct RegisteredTarget {
  explicit RegisteredTarget(FuzzTarget target) { fuzz_targets().push_back(target); }
};

}  // namespace bitacora::fuzz

// NOLINTNEXTLINE(cppcoreguidelines-macro-usage): the name is needed as a name and as a text
#define FUZZ_TARGET(target)                                                                      \
  static void run_##target(::bitacora::fuzz::FuzzInput input);                                   \
  static const ::bitacora::fuzz::RegisteredTarget registered_##target({#target, &run_##target}); \
  static void run_##target([[maybe_unused]] ::bitacora::fuzz::FuzzInput input)
