// bitacora groups [--data DIR | --url URL] [GROUP]
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "app/command_line.h"
#include "commands.h"
#include "source_options.h"

namespace bitacora::app {
namespace {

struct GroupsArguments {
  SourceOptions source;
  std::string group;  // empty: all
};

SourceResult<> print_groups(const GroupsArguments& arguments) {
  const auto source = open_source(arguments.source);
  if (!source) return SourceFailure(source.error());
  SourceResult<std::vector<std::string>> names = std::vector<std::string>{arguments.group};
  if (arguments.group.empty()) names = (*source)->groups();
  if (!names) return SourceFailure(names.error());
  fmt::print("{:<24} {:<24} {:>9} {:>12} {:>12}\n", "GROUP", "LOG", "PARTITION", "COMMITTED", "LAG");
  for (const auto& name : *names) {
    const auto partitions = (*source)->group(name);
    if (!partitions) return SourceFailure(partitions.error());
    for (const auto& row : *partitions) {
      fmt::print("{:<24} {:<24} {:>9} {:>12} {:>12}\n", name, row.log, row.partition, row.committed,
                 row.lag ? std::to_string(*row.lag) : "gone");
    }
  }
  return {};
}

}  // namespace

void add_groups(CLI::App& app, int& status) {
  const auto arguments = std::make_shared<GroupsArguments>();
  auto* command = app.add_subcommand("groups", "List the groups with their committed offsets and lag");
  add_source_options(*command, arguments->source);
  command->add_option("group", arguments->group, "Only this group");
  command->callback([arguments, &status] {
    if (const auto done = print_groups(*arguments); !done) {
      fmt::print(stderr, "bitacora groups: {}\n", done.error());
      status = exit_failed;
    }
  });
}

}  // namespace bitacora::app
