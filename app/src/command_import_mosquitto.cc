// bitacora import-mosquitto FILE
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "app/command_line.h"
#include "commands.h"
#include "mosquitto_import.h"

namespace bitacora::app {
namespace {

int import(const std::string& file) {
  const auto lines = read_mosquitto_config(file);
  if (!lines) {
    fmt::print(stderr, "{}\n", lines.error());
    return exit_failed;
  }
  const ImportedConfig imported = import_mosquitto(*lines);
  fmt::print("{}", imported.toml);
  for (const std::string& note : imported.notes) fmt::print(stderr, "{}\n", note);
  return exit_ok;
}

}  // namespace

void add_import_mosquitto(CLI::App& app, int& status) {
  const auto file = std::make_shared<std::string>();
  auto* command =
      app.add_subcommand("import-mosquitto", "Write mosquitto.conf as a configuration file; say what has no equal");
  command->add_option("file", *file, "mosquitto's configuration file")->required();
  command->callback([file, &status] { status = import(*file); });
}

}  // namespace bitacora::app
