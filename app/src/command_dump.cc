// bitacora dump PATH [--records]
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "app/command_line.h"
#include "commands.h"
#include "record_text.h"
#include "segment_files.h"
#include "segment_scan.h"
#include "storage/posix_file_system.h"

namespace bitacora::app {
namespace {

enum class Detail : std::uint8_t { batches, records };

void print_records(const storage::BatchView& batch) {
  storage::RecordReader reader(batch);
  while (true) {
    const auto record = reader.next();
    if (!record) {
      fmt::print("      {}\n", record.error().message);
      return;
    }
    if (!*record) return;
    fmt::print("      @{} {} key {} value {}\n", (*record)->offset, format_timestamp((*record)->timestamp),
               (*record)->key ? format_bytes_as_text(*(*record)->key) : "-",
               (*record)->value ? format_bytes_as_text(*(*record)->value) : "-");
    for (const auto& header : (*record)->headers) {
      fmt::print("        {} = {}\n", header.name, header.value ? format_bytes_as_text(*header.value) : "-");
    }
  }
}

void print_batch(const storage::BatchView& batch, std::uint64_t position, Detail detail) {
  fmt::print("  position {} offsets {}..{} records {} bytes {} epoch {} crc {:08x} commit mark {} time {}..{}{}\n",
             position, batch.base_offset(), batch.last_offset(), batch.record_count(), batch.size(),
             batch.leader_epoch(), batch.crc(), batch.has_commit_mark() ? "yes" : "no",
             format_timestamp(batch.base_timestamp()), format_timestamp(batch.max_timestamp()),
             batch.is_control() ? " control" : "");
  if (detail == Detail::records) print_records(batch);
}

storage::Result<SegmentScan> dump_file(storage::FileSystem& files, const std::string& path, Detail detail) {
  const auto file = files.open(path, storage::OpenMode::read);
  if (!file) return storage::Failed(file.error());
  fmt::print("{}\n", path);
  return scan_segment(**file, [detail](const storage::BatchView& batch, std::uint64_t position) {
    print_batch(batch, position, detail);
  });
}

int dump(const std::string& path, Detail detail) {
  const auto paths = segment_files(path);
  if (!paths) {
    fmt::print(stderr, "bitacora dump: {}\n", paths.error().message);
    return exit_failed;
  }
  const auto files = storage::make_posix_file_system();
  int status = exit_ok;
  for (const auto& file : *paths) {
    const auto scan = dump_file(*files, file, detail);
    if (!scan) {
      fmt::print(stderr, "bitacora dump: {}\n", scan.error().message);
      status = exit_failed;
    } else if (!scan->damage.empty()) {
      fmt::print("  position {}: {} bytes that are no batch: {}\n", scan->position, scan->rest(), scan->damage);
      status = exit_failed;
    } else if (scan->rest() > 0) {
      fmt::print("  position {}: {} zeros written ahead\n", scan->position, scan->rest());
    }
  }
  return status;
}

}  // namespace

void add_dump(CLI::App& app, int& status) {
  struct Arguments {
    std::string path;
    bool records = false;
  };
  const auto arguments = std::make_shared<Arguments>();
  auto* command = app.add_subcommand("dump", "Print the batches of segment files as they lie on the disk");
  command->add_option("path", arguments->path, "A .log file, a partition's directory or a data directory")->required();
  command->add_flag("--records", arguments->records, "Print each batch's records too");
  command->callback(
      [arguments, &status] { status = dump(arguments->path, arguments->records ? Detail::records : Detail::batches); });
}

}  // namespace bitacora::app
