// Named steps at which a build with BITACORA_FAILPOINTS=ON kills the process, holds it up, or makes the step fail: how
// the rigs reach the moments that a kill at random seldom meets. In every other build the macros are nothing at all,
// and the names are not in the binary (tests/e2e/failpoint_test.py looks for them).
//
//   BITACORA_FAILPOINT=commit.written:3                       SIGKILL at the third pass
//   BITACORA_FAILPOINT=commit.written:3:pause=500             that pass takes 500 ms longer
//   BITACORA_FAILPOINT=commit.sync:2:fail,replace.renamed:1   the second sync fails; then a kill
//   BITACORA_FAILPOINT_COUNTS=FILE                            how often each was passed, written there at the end of
//   main()
//
// A name is `area.step` and stands at one place only; a step is passed when what it names has been done. docs/proof.md
// has the list, `bitacora --list-failpoints` prints it.
#pragma once

#ifdef BITACORA_FAILPOINTS

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace bitacora {

enum class FailpointVerdict : std::uint8_t { go_on, fail };

class Failpoint {
 public:
  // Registers itself; `name` outlives the process.
  explicit Failpoint(std::string_view name);
  Failpoint(const Failpoint&) = delete;
  Failpoint& operator=(const Failpoint&) = delete;

  // Counts a pass, and does what BITACORA_FAILPOINT says of this one. Any thread.
  [[nodiscard]] FailpointVerdict pass();

  [[nodiscard]] std::string_view name() const { return name_; }
  [[nodiscard]] std::uint64_t passes() const { return passes_.load(); }
  // Every one that the program has, by name.
  [[nodiscard]] static std::vector<const Failpoint*> all();

 private:
  std::string_view name_;
  std::atomic<std::uint64_t> passes_{0};
};

// The text of a template argument.
template <std::size_t size>
struct FailpointName {
  char text[size]{};
  // NOLINTNEXTLINE(google-explicit-constructor): "a.b" is to be one
  constexpr FailpointName(const char (&name)[size]) { std::copy_n(name, size, text); }
};

// One for each name in the code, there before main() begins.
template <FailpointName name>
struct FailpointSite {
  static inline Failpoint failpoint{name.text};
};

// Writes BITACORA_FAILPOINT_COUNTS, if that is set: a line `name passes` each.
void write_failpoint_counts();

}  // namespace bitacora

#define BITACORA_FAILPOINT(name) static_cast<void>(::bitacora::FailpointSite<name>::failpoint.pass())
// True where the step is to fail.
#define BITACORA_FAILPOINT_FAILS(name) \
  (::bitacora::FailpointSite<name>::failpoint.pass() == ::bitacora::FailpointVerdict::fail)

#else

#define BITACORA_FAILPOINT(name) static_cast<void>(0)
#define BITACORA_FAILPOINT_FAILS(name) false

#endif
