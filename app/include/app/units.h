// Durations and sizes as people write them in the configuration and on the command line: "7d", "1h30m", "500ms",
// "128MiB".
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bitacora::app {

// One or more of <whole number><unit>, units d, h, m, s, ms, each at most once and from large to small: "1h30m". At
// most about 292 million years; nullopt for anything else, a bare number and a negative one included.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

// The shortest text that parse_duration reads back: "1h30m", "0s". `duration` is not negative.
[[nodiscard]] std::string format_duration(std::chrono::milliseconds duration);

// <whole number>[B|KiB|MiB|GiB|TiB] in bytes. nullopt for anything else; KB and MB are refused, since half of their
// readers would be wrong about them.
[[nodiscard]] std::optional<std::int64_t> parse_bytes(std::string_view text);

// In the largest unit that divides it: "128MiB", "65535B". `bytes` is not negative.
[[nodiscard]] std::string format_bytes(std::int64_t bytes);

}  // namespace bitacora::app
