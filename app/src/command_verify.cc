// bitacora verify PATH
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>

#include "app/command_line.h"
#include "app/units.h"
#include "commands.h"
#include "data_mount.h"
#include "open_directory.h"
#include "segment_files.h"
#include "segment_scan.h"
#include "storage/posix_file_system.h"

namespace bitacora::app {
namespace {

constexpr std::size_t read_size = 4 << 20;

// What was read and what of it is wrong.
struct Verdict {
  std::uint64_t batches = 0;
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  std::uint64_t problems = 0;

  void problem(const std::string& text) {
    ++problems;
    fmt::print("DAMAGED {}\n", text);
  }
};

int conclude(const std::string& path, const Verdict& verdict) {
  const std::string read = fmt::format("{} records in {} batches, {}", verdict.records, verdict.batches,
                                       format_bytes(static_cast<std::int64_t>(verdict.bytes)));
  if (verdict.problems == 0) {
    fmt::print("{}: in order: {}\n", path, read);
  } else {
    fmt::print("{}: DAMAGED in {} place(s); readable: {}\n", path, verdict.problems, read);
  }
  return verdict.problems == 0 ? exit_ok : exit_failed;
}

int cannot(const storage::Error& error) {
  fmt::print(stderr, "bitacora verify: {}\n", error.message);
  return exit_failed;
}

// A segment is named by the offset that it begins with; nullopt for a file of another name.
std::optional<storage::Offset> base_offset_of_name(const std::string& path) {
  constexpr std::size_t digits = 20;
  const std::string stem = std::filesystem::path(path).stem().string();
  storage::Offset offset = 0;
  const auto [end, error] = std::from_chars(stem.data(), stem.data() + stem.size(), offset);
  const bool whole = error == std::errc() && end == stem.data() + stem.size() && stem.size() == digits;
  return whole ? std::optional(offset) : std::nullopt;
}

int verify_file(const std::string& path) {
  const auto files = storage::make_posix_file_system();
  const auto file = files->open(path, storage::OpenMode::read);
  if (!file) return cannot(file.error());
  const auto scan = scan_segment(**file, [](const storage::BatchView&, std::uint64_t) {});
  if (!scan) return cannot(scan.error());
  Verdict verdict{.batches = scan->batches, .records = scan->records, .bytes = scan->position};
  if (!scan->damage.empty()) {
    verdict.problem(
        fmt::format("{} at position {}: {}; offsets from {} on", path, scan->position, scan->damage, scan->end));
  }
  if (const auto named = base_offset_of_name(path); named && scan->batches > 0 && *named != scan->begin) {
    verdict.problem(fmt::format("{} begins with offset {}, which is not the one of its name", path, scan->begin));
  }
  return conclude(path, verdict);
}

void count(Verdict& verdict, ByteView bytes) {
  verdict.bytes += bytes.size();
  while (const auto size = storage::BatchView::claimed_size(bytes)) {
    ++verdict.batches;
    verdict.records += static_cast<std::uint64_t>(storage::BatchView::trusted(bytes.first(*size)).record_count());
    bytes = bytes.subspan(*size);
  }
}

// Reads everything that the partition still has; the store checks each batch on the way.
void verify_partition(Verdict& verdict, const storage::Partition& partition) {
  const auto bounds = partition.offsets();
  storage::ReadHint hint;
  for (storage::Offset at = bounds.log_start; at < bounds.committed;) {
    const auto read = partition.read(at, read_size, hint);
    if (read) {
      count(verdict, read->bytes);
      if (read->next <= at)
        return verdict.problem(
            fmt::format("{}-{}: offset {} cannot be passed", partition.log_name(), partition.number(), at));
      at = read->next;
      hint = read->hint;
      continue;
    }
    verdict.problem(fmt::format("{}-{}: {}", partition.log_name(), partition.number(), read.error().message));
    if (!read.error().range || read.error().range->end <= at) return;
    at = read.error().range->end;
    hint = {};
  }
}

// What the next start of a server would find and do, short of damage: that is found again by reading.
void print_recovery(const storage::RecoveryReport& report) {
  if (!report.clean_shutdown) fmt::print("not cleanly stopped, or running\n");
  for (const auto& note : report.notes) fmt::print("{}\n", note);
  for (const auto& partition : report.partitions) {
    fmt::print("{}-{}: offsets {}..{}, epoch {}, {} segment(s)\n", partition.log, partition.partition,
               partition.log_start, partition.durable_end, partition.leader_epoch, partition.segments);
    if (partition.cut_bytes > 0) {
      fmt::print("  {} bytes behind offset {} were never acknowledged; the next start cuts them off\n",
                 partition.cut_bytes, partition.durable_end);
    }
    if (partition.memory_lost_before > partition.log_start) {
      fmt::print("  records below offset {} were kept in memory only and are gone\n", partition.memory_lost_before);
    }
    for (const auto& note : partition.notes) fmt::print("  {}\n", note);
  }
}

int verify_directory(const std::string& path) {
  const auto directory = OpenDirectory::open(path);
  if (!directory) return cannot(directory.error());
  const storage::Store& store = (*directory)->store();
  if (const auto doubt = examine_mount(path).doubt) fmt::print("WARNING {} {}\n", path, *doubt);
  print_recovery(store.recovery_report());
  Verdict verdict;
  for (std::uint32_t i = 0; i < store.partition_count(); ++i) {
    verify_partition(verdict, store.partition(storage::PartitionIndex(i)));
  }
  return conclude(path, verdict);
}

}  // namespace

void add_verify(CLI::App& app, int& status) {
  const auto path = std::make_shared<std::string>();
  auto* command = app.add_subcommand("verify", "Read everything and say whether it is in order; nothing is changed");
  command->add_option("path", *path, "A data directory or a .log file")->required();
  command->callback([path, &status] { status = is_directory(*path) ? verify_directory(*path) : verify_file(*path); });
}

}  // namespace bitacora::app
