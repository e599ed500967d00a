#include "cleaned_segment.h"

#include <utility>

#include "batch_cleaner.h"

namespace bitacora::storage {
namespace {

constexpr std::size_t write_size = 1 << 20;

}  // namespace

Result<CleanedSegment> CleanedSegment::create(FileSystem& fs, std::string path, Offset base,
                                              std::int64_t index_interval) {
  // Made anew: an earlier attempt's file may be one that a failed sync has spoilt.
  if (auto done = fs.remove(path); !done && done.error().code != Errc::not_found)
    return Failed(std::move(done.error()));
  auto file = fs.open(path, OpenMode::create_new);
  if (!file) return Failed(std::move(file.error()));
  return CleanedSegment(std::move(path), std::move(*file), SegmentIndex(base, index_interval));
}

Result<> CleanedSegment::begin_section() { return release_last(); }

Result<> CleanedSegment::add_unchanged(const BatchView& batch) {
  return put(Bytes(batch.bytes().begin(), batch.bytes().end()), true);
}

Result<> CleanedSegment::add_rewritten(Bytes bytes) { return put(std::move(bytes), false); }

Result<> CleanedSegment::add_emptied(const BatchView& batch) {
  if (last_.empty()) return put(make_placeholder(batch), false);
  extend_over(last_, batch);
  last_is_sealed_ = false;
  return {};
}

Result<> CleanedSegment::finish() {
  if (auto done = release_last(); !done) return done;
  if (auto done = write_buffer(); !done) return done;
  return file_->sync();
}

Result<> CleanedSegment::put(Bytes bytes, bool is_sealed) {
  if (auto done = release_last(); !done) return done;
  last_ = std::move(bytes);
  last_is_sealed_ = is_sealed;
  return {};
}

// The last batch is as it will be. What was changed is sealed with the commit mark: by the time this file has its name
// everything in it, and below it, is durable.
Result<> CleanedSegment::release_last() {
  if (last_.empty()) return {};
  Bytes bytes = std::exchange(last_, {});
  const BatchView batch = BatchView::trusted(bytes);
  if (!last_is_sealed_) seal_batch(bytes, batch.base_offset(), batch.leader_epoch(), CommitMark::present, 0);
  index_.add(batch, size_);
  append(buffer_, bytes);
  size_ += bytes.size();
  return buffer_.size() < write_size ? Result<>() : write_buffer();
}

Result<> CleanedSegment::write_buffer() {
  if (buffer_.empty()) return {};
  const Bytes bytes = std::exchange(buffer_, {});
  return file_->write_at(size_ - bytes.size(), bytes);
}

}  // namespace bitacora::storage
