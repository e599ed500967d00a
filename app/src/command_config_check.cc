// bitacora config-check FILE
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "app/command_line.h"
#include "app/config.h"
#include "commands.h"

namespace bitacora::app {
namespace {

enum class Output : std::uint8_t { verdict, whole_configuration };

int config_check(const std::string& file, Output output) {
  const auto config = load_config(file);
  if (!config) {
    for (const auto& mistake : config.error()) fmt::print(stderr, "{}\n", format(mistake));
    fmt::print(stderr, "{}: {} mistake{}\n", file, config.error().size(), config.error().size() == 1 ? "" : "s");
    return exit_failed;
  }
  if (const auto refusal = refusal_of_exposure(*config)) {
    fmt::print(stderr, "{}: {}\n", file, *refusal);
    return exit_failed;
  }
  if (output == Output::whole_configuration) {
    fmt::print("{}", format_config(*config));
  } else {
    fmt::print("{}: in order\n", file);
  }
  return exit_ok;
}

}  // namespace

void add_config_check(CLI::App& app, int& status) {
  struct Arguments {
    std::string file;
    bool print = false;
  };
  const auto arguments = std::make_shared<Arguments>();
  auto* command = app.add_subcommand("config-check", "Name every mistake of a configuration file with its line");
  command->add_option("file", arguments->file, "The configuration file")->required();
  command->add_flag("--print", arguments->print, "Print the whole configuration, defaults and all");
  command->callback([arguments, &status] {
    status = config_check(arguments->file, arguments->print ? Output::whole_configuration : Output::verdict);
  });
}

}  // namespace bitacora::app
