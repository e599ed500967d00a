// The command line: `bitacora serve|logs|groups|dump|verify|replay|config-check`.
#pragma once

namespace bitacora::app {

// Exit statuses, the same for every subcommand.
inline constexpr int exit_ok = 0;
inline constexpr int exit_failed = 1;  // it could not be done, or what was checked is not in order; stderr says why
inline constexpr int exit_usage = 2;   // the command line itself was wrong

// Parses the command line, runs the subcommand, returns the process's exit status. Throws nothing.
[[nodiscard]] int run(int argc, const char* const* argv);

}  // namespace bitacora::app
