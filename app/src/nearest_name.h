// "did you mean": the name that a mistyped one was probably meant to be.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace bitacora::app {

// The one of `names` with the fewest letters added, left out, changed or swapped, if those are at most a third of
// `typed`'s (and at least one is allowed). nullopt if none is that near.
[[nodiscard]] std::optional<std::string> nearest_name(std::string_view typed, std::span<const std::string> names);

}  // namespace bitacora::app
