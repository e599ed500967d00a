#include "segment_scan.h"

#include <fmt/format.h>

#include <algorithm>

namespace bitacora::app {
namespace {

using storage::BatchView;

constexpr std::size_t zero_check_step = 1 << 20;

// Up to `size` bytes from `position`; fewer where the file ends.
storage::Result<Bytes> read_bytes(const storage::File& file, std::uint64_t position, std::uint64_t size) {
  Bytes bytes(size);
  const auto read = file.read_at(position, bytes);
  if (!read) return storage::Failed(read.error());
  bytes.resize(*read);
  return bytes;
}

storage::Result<bool> only_zeros(const storage::File& file, std::uint64_t from, std::uint64_t to) {
  while (from < to) {
    const auto bytes = read_bytes(file, from, std::min<std::uint64_t>(to - from, zero_check_step));
    if (!bytes) return storage::Failed(bytes.error());
    if (bytes->empty()) return true;
    if (!std::all_of(bytes->begin(), bytes->end(), [](std::byte b) { return b == std::byte{0}; })) return false;
    from += bytes->size();
  }
  return true;
}

// Why the records of a batch whose CRC is right cannot be read, or an empty text.
std::string wrong_records(const BatchView& batch) {
  if (batch.codec() != storage::Codec::none) return {};  // they stand in one compressed blob
  storage::RecordReader reader(batch);
  while (true) {
    const auto record = reader.next();
    if (!record) return record.error().message;
    if (!*record) return {};
  }
}

}  // namespace

storage::Result<SegmentScan> scan_segment(const storage::File& file, const BatchSink& sink) {
  const auto size = file.size();
  if (!size) return storage::Failed(size.error());
  SegmentScan scan{.size = *size};
  while (scan.rest() > 0) {
    const auto front =
        read_bytes(file, scan.position, std::min<std::uint64_t>(scan.rest(), storage::batch_prefix_size));
    if (!front) return storage::Failed(front.error());
    const auto claimed = BatchView::claimed_size(*front);
    if (!claimed || *claimed > scan.rest()) {
      const auto zeros = only_zeros(file, scan.position, scan.size);
      if (!zeros) return storage::Failed(zeros.error());
      if (!*zeros) scan.damage = claimed ? "the file ends inside a batch" : "no batch begins here";
      return scan;
    }
    const auto bytes = read_bytes(file, scan.position, *claimed);
    if (!bytes) return storage::Failed(bytes.error());
    const auto batch = BatchView::check(*bytes);
    if (!batch) {
      scan.damage = batch.error().message;
    } else if (scan.batches > 0 && batch->base_offset() != scan.end) {
      scan.damage = fmt::format("a batch with base offset {}, where {} must follow", batch->base_offset(), scan.end);
    } else {
      scan.damage = wrong_records(*batch);
    }
    if (!scan.damage.empty()) return scan;
    sink(*batch, scan.position);
    if (scan.batches++ == 0) scan.begin = batch->base_offset();
    scan.records += static_cast<std::uint64_t>(batch->record_count());
    scan.end = batch->next_offset();
    scan.position += batch->size();
  }
  return scan;
}

}  // namespace bitacora::app
