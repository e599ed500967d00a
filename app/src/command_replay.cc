// bitacora replay [--data DIR | --url URL] [--log NAME] [--partition N] [--from P] [--to P] [--filter F] [--limit N] …
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <limits>
#include <map>
#include <memory>

#include "app/command_line.h"
#include "commands.h"
#include "merged_replay.h"
#include "mqtt/topic.h"
#include "progress_bar.h"
#include "record_text.h"
#include "source_options.h"

namespace bitacora::app {
namespace {

enum class Format : std::uint8_t { text, json };

struct ReplayArguments {
  SourceOptions source;
  std::string log = "mqtt";
  std::optional<std::int32_t> partition;
  std::string from = "earliest";
  std::string to = "latest";
  std::string filter;
  Format format = Format::text;
  std::uint64_t limit = std::numeric_limits<std::uint64_t>::max();
};

SourceResult<bridge::StartPosition> position_of(const char* option, const std::string& text) {
  const auto position = bridge::parse_start_position(text);
  if (!position) return SourceFailure(fmt::format("{} {}: {}", option, text, position.error()));
  return *position;
}

SourceResult<std::vector<ReplayRange>> ranges_of(LogSource& source, const ReplayArguments& arguments) {
  const auto from = position_of("--from", arguments.from);
  const auto to = position_of("--to", arguments.to);
  const auto partitions = source.partitions(arguments.log);
  for (const std::string* error :
       {from ? nullptr : &from.error(), to ? nullptr : &to.error(), partitions ? nullptr : &partitions.error()}) {
    if (error != nullptr) return SourceFailure(*error);
  }
  const Timestamp now_ms = SystemClock().now().wall_ms;
  std::vector<ReplayRange> ranges;
  for (const PartitionInfo& partition : *partitions) {
    if (arguments.partition && *arguments.partition != partition.number) continue;
    const auto begin = source.resolve(arguments.log, partition, *from, now_ms);
    if (!begin) return SourceFailure(begin.error());
    const auto end = source.resolve(arguments.log, partition, *to, now_ms);
    if (!end) return SourceFailure(end.error());
    ranges.push_back(
        {partition.number, std::max(*begin, partition.offsets.log_start), std::min(*end, partition.offsets.committed)});
  }
  if (!ranges.empty()) return ranges;
  return SourceFailure(fmt::format("log \"{}\" has no partition {}; it has {}, numbered from 0", arguments.log,
                                   arguments.partition.value_or(0), partitions->size()));
}

SourceResult<> print_all(MergedReplay& replay, const ReplayArguments& arguments) {
  ProgressBar bar;
  std::uint64_t printed = 0;
  std::size_t damages = 0;
  while (printed < arguments.limit) {
    const auto step = replay.next();
    for (const auto& damage : replay.take_damage()) {
      fmt::print(stderr, "bitacora replay: passed over: {}\n", damage);
      ++damages;
    }
    if (!step) return SourceFailure(step.error());
    if (!*step) break;
    bar.update(replay.passed(), replay.total());
    const auto& [partition, record] = **step;
    const auto format = arguments.format == Format::json ? format_record_as_json : format_record_as_text;
    fmt::print("{}\n", format(arguments.log, partition, record));
    ++printed;
  }
  if (damages == 0) return {};
  return SourceFailure(
      fmt::format("{} damaged place(s) were passed over, see above; everything else is printed", damages));
}

SourceResult<> replay(const ReplayArguments& arguments) {
  if (!arguments.filter.empty() && !mqtt::is_valid_topic_filter(arguments.filter)) {
    return SourceFailure(fmt::format(
        "--filter {} is no MQTT topic filter; # stands alone in the last level, + alone in one", arguments.filter));
  }
  const auto source = open_source(arguments.source);
  if (!source) return SourceFailure(source.error());
  const auto ranges = ranges_of(**source, arguments);
  if (!ranges) return SourceFailure(ranges.error());
  MergedReplay merged(**source, arguments.log, *ranges, arguments.filter);
  return print_all(merged, arguments);
}

}  // namespace

void add_replay(CLI::App& app, int& status) {
  const auto arguments = std::make_shared<ReplayArguments>();
  auto* command = app.add_subcommand("replay", "Print the records of a log, oldest first");
  add_source_options(*command, arguments->source);
  const std::map<std::string, Format> formats{{"text", Format::text}, {"json", Format::json}};
  const std::string positions = "earliest, latest, an offset, -1h (that long ago), @2026-11-23T08:00:00Z or @<ms>";
  command->add_option("--log", arguments->log, "The log (default: mqtt)");
  command->add_option("--partition", arguments->partition, "Only this partition")->check(CLI::NonNegativeNumber);
  command->add_option("--from", arguments->from, "Where to begin: " + positions + " (default: earliest)");
  command->add_option("--to", arguments->to, "Where to stop in front of: the same (default: latest)");
  command->add_option("--filter", arguments->filter, "Only records whose MQTT topic this filter matches");
  command->add_option("--format", arguments->format, "text or json, one record a line (default: text)")
      ->transform(CLI::CheckedTransformer(formats));
  command->add_option("--limit", arguments->limit, "At most this many records");
  command->callback([arguments, &status] {
    if (const auto done = replay(*arguments); !done) {
      std::fflush(stdout);
      fmt::print(stderr, "bitacora replay: {}\n", done.error());
      status = exit_failed;
    }
  });
}

}  // namespace bitacora::app
