#include "recovery_writes.h"

#include <algorithm>

#include "base/failpoint.h"
#include "file_names.h"

namespace bitacora::storage {
namespace {

constexpr std::size_t copy_chunk = 1 << 20;

Result<> copy_range(const File& from, const RecoveryWrites::Range& range, File& to) {
  Bytes chunk;
  for (std::uint64_t at = range.position; at < range.end; at += chunk.size()) {
    chunk.resize(static_cast<std::size_t>(std::min<std::uint64_t>(copy_chunk, range.end - at)));
    const Result<std::size_t> count = from.read_at(at, chunk);
    if (!count) return Failed(count.error());
    chunk.resize(*count);
    if (chunk.empty()) break;
    if (auto done = to.write_at(at - range.position, chunk); !done) return done;
  }
  return to.sync();
}

// Returns the copy's path. A copy that could not be finished is removed.
Result<std::string> keep_torn_tail(const RecoveryTarget& target, const RecoveryWrites::Range& tail) {
  for (int n = 1;; ++n) {
    const std::string path =
        target.active_stem + std::string(log_suffix) + std::string(torn_suffix) + std::to_string(n);
    const auto copy = target.fs.open(path, OpenMode::create_new);
    if (!copy && copy.error().code == Errc::already_exists) continue;
    if (!copy) return Failed(copy.error());
    if (auto done = copy_range(*target.active, tail, **copy); !done) {
      static_cast<void>(target.fs.remove(path));
      return Failed(std::move(done.error()));
    }
    if (auto done = target.fs.sync_directory(target.directory); !done) return Failed(std::move(done.error()));
    return path;
  }
}

Result<> cut(File& file, std::uint64_t position) {
  if (auto done = file.truncate(position); !done) return done;
  return file.sync();
}

// In place: asks for no room, but from a file system that copies on write.
Result<> rewrite(File& file, const RecoveryWrites::Range& range) {
  Bytes chunk;
  for (std::uint64_t at = range.position; at < range.end; at += chunk.size()) {
    chunk.resize(static_cast<std::size_t>(std::min<std::uint64_t>(copy_chunk, range.end - at)));
    const Result<std::size_t> count = file.read_at(at, chunk);
    if (!count) return Failed(count.error());
    if (*count == 0) break;
    chunk.resize(*count);
    if (auto done = file.write_at(at, chunk); !done) return done;
  }
  return file.sync();
}

}  // namespace

Result<std::string> carry_out(RecoveryWrites& writes, const RecoveryTarget& target) {
  std::string copy;
  if (writes.rewrite) {
    if (auto done = rewrite(*target.active, *writes.rewrite); !done) return Failed(std::move(done.error()));
    BITACORA_FAILPOINT("recovery.rewritten");
    writes.rewrite.reset();
  }
  if (writes.torn_tail) {
    Result<std::string> kept = keep_torn_tail(target, *writes.torn_tail);
    if (!kept) return kept;
    copy = std::move(*kept);
    BITACORA_FAILPOINT("recovery.torn_tail_kept");
    if (auto done = cut(*target.active, writes.torn_tail->position); !done) return Failed(std::move(done.error()));
    BITACORA_FAILPOINT("recovery.torn_tail_cut");
    writes.torn_tail.reset();
  }
  if (writes.leader_epochs) {
    // Syncs the directory too, and so the name of a first segment.
    const std::string path = join(target.directory, epochs_file);
    if (auto done = write_file_durably(target.fs, path, as_bytes(target.epochs.format())); !done) {
      return Failed(std::move(done.error()));
    }
    BITACORA_FAILPOINT("recovery.epoch_begun");
    writes.leader_epochs = false;
  }
  if (writes.log_start) {
    if (auto done = target.catalog.put_log_start(target.log, target.partition, *writes.log_start); !done) {
      return Failed(std::move(done.error()));
    }
    writes.log_start.reset();
  }
  return copy;
}

}  // namespace bitacora::storage
