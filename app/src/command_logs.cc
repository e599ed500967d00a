// bitacora logs [--data DIR | --url URL]
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "app/command_line.h"
#include "commands.h"
#include "source_options.h"

namespace bitacora::app {
namespace {

SourceResult<> print_logs(const SourceOptions& options) {
  const auto source = open_source(options);
  if (!source) return SourceFailure(source.error());
  const auto names = (*source)->logs();
  if (!names) return SourceFailure(names.error());
  fmt::print("{:<24} {:>9} {:>12} {:>12} {:>12}\n", "LOG", "PARTITION", "LOG START", "COMMITTED", "RECORDS");
  for (const auto& name : *names) {
    const auto partitions = (*source)->partitions(name);
    if (!partitions) return SourceFailure(partitions.error());
    for (const auto& [number, offsets] : *partitions) {
      fmt::print("{:<24} {:>9} {:>12} {:>12} {:>12}\n", name, number, offsets.log_start, offsets.committed,
                 offsets.committed - offsets.log_start);
    }
  }
  return {};
}

}  // namespace

void add_logs(CLI::App& app, int& status) {
  const auto options = std::make_shared<SourceOptions>();
  auto* command = app.add_subcommand("logs", "List the logs with their partitions and offsets");
  add_source_options(*command, *options);
  command->callback([options, &status] {
    if (const auto done = print_logs(*options); !done) {
      fmt::print(stderr, "bitacora logs: {}\n", done.error());
      status = exit_failed;
    }
  });
}

}  // namespace bitacora::app
