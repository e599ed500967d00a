// What of mosquitto 2.0's options has no equal here, and why: one table, so that the import can say it line by line.
#pragma once

#include <optional>
#include <string_view>

namespace bitacora::app {

// Why the option is left out; nullopt for options that have an equal and for those that mosquitto 2.0 does not know.
[[nodiscard]] std::optional<std::string_view> why_without_equal(std::string_view option);

}  // namespace bitacora::app
