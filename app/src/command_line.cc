#include "app/command_line.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

#include "base/failpoint.h"
#include "commands.h"

namespace bitacora::app {
namespace {

#ifdef BITACORA_FAILPOINTS
void add_list_of_failpoints(CLI::App& app) {
  app.add_flag_callback(
      "--list-failpoints",
      [] {
        for (const Failpoint* point : Failpoint::all()) std::printf("%s\n", std::string(point->name()).c_str());
        std::exit(exit_ok);
      },
      "Print the names that BITACORA_FAILPOINT takes");
}
#endif

int parse_and_run(int argc, const char* const* argv) {
  CLI::App app("Bitácora: an MQTT server whose every publish is a record in a log that can be read again.", "bitacora");
  app.set_version_flag("--version", "bitacora " BITACORA_VERSION);
  app.require_subcommand(1);
#ifdef BITACORA_FAILPOINTS
  add_list_of_failpoints(app);
#endif
  app.get_formatter()->column_width(36);
  int status = exit_ok;
  add_serve(app, status);
  add_logs(app, status);
  add_groups(app, status);
  add_replay(app, status);
  add_dump(app, status);
  add_verify(app, status);
  add_config_check(app, status);
  add_import_mosquitto(app, status);
  add_users(app, status);
  add_torture(app, status);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? exit_ok : exit_usage;
  }
  return status;
}

}  // namespace

int run(int argc, const char* const* argv) {
  try {
    return parse_and_run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bitacora: %s\n", error.what());
    return exit_failed;
  }
}

}  // namespace bitacora::app
