#include "record_fetcher.h"

namespace bitacora::bridge {

bool RecordFetcher::read_batch(const storage::Partition& partition, storage::Offset offset) {
  release();
  auto read = partition.read(offset, 1);
  failed_ =
      !read && read.error().code != storage::Errc::offset_out_of_range && read.error().code != storage::Errc::corrupt;
  if (!read || read->bytes.empty()) return false;
  bytes_ = std::move(read->bytes);
  const storage::BatchView batch = storage::BatchView::trusted(bytes_);
  partition_ = &partition;
  begin_ = batch.base_offset();
  end_ = batch.next_offset();
  return offset >= begin_ && offset < end_;
}

const storage::RecordView* RecordFetcher::fetch(const storage::Partition& partition, storage::Offset offset) {
  failed_ = false;
  const bool in_batch = partition_ == &partition && offset >= begin_ && offset < end_;
  if (!in_batch && !read_batch(partition, offset)) return nullptr;
  if (at_record_ && record_.offset == offset) return &record_;
  if (!reader_ || !at_record_ || record_.offset > offset) reader_.emplace(storage::BatchView::trusted(bytes_));
  while (true) {
    auto next = reader_->next();
    at_record_ = next.has_value() && next->has_value();
    if (!at_record_) return nullptr;
    record_ = **next;
    if (record_.offset >= offset) return record_.offset == offset ? &record_ : nullptr;
  }
}

void RecordFetcher::release() {
  partition_ = nullptr;
  reader_.reset();
  at_record_ = false;
  bytes_ = Bytes();
}

}  // namespace bitacora::bridge
