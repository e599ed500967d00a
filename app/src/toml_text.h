// Pieces of TOML as text.
#pragma once

#include <string>
#include <string_view>

namespace bitacora::app {

// A TOML basic string, with its quotes.
[[nodiscard]] std::string toml_string(std::string_view text);

}  // namespace bitacora::app
