// A partition in memory that a test appends to, damages and lets retention overtake. Whole batches as the real one
// keeps them, but no file, no index, no thread.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "storage/batch.h"
#include "storage/partition.h"

namespace bitacora::bridge {

struct FakeRecord {
  std::string_view key;
  std::string_view value;
  Timestamp timestamp = 1'700'000'000'000;
};

class FakePartition final : public storage::Partition {
 public:
  explicit FakePartition(std::string log = "mqtt", std::int32_t number = 0, std::uint32_t index = 0)
      : log_(std::move(log)), number_(number), index_(index) {}

  // One batch of these records, readable at once.
  void append(std::initializer_list<FakeRecord> records) {
    storage::BatchBuilder builder;
    for (const FakeRecord& record : records) {
      builder.add({0, record.timestamp, as_bytes(record.key), as_bytes(record.value), {}});
    }
    append_batch(builder.take());
  }
  void append_batch(Bytes batch) {
    storage::seal_batch(batch, offsets_.log_end, 0, storage::CommitMark::present, 0);
    offsets_.log_end = storage::BatchView::trusted(batch).next_offset();
    offsets_.committed = offsets_.log_end;
    batches_.push_back(std::move(batch));
  }
  // Offsets that compaction took with the whole batches they were in.
  void leave_hole(storage::Offset count) { offsets_.log_end = offsets_.committed = offsets_.log_end + count; }
  // The last batch becomes a control batch (bit 5 of attributes), as a Kafka transaction's end would be.
  void make_last_control() {
    std::byte& attributes = batches_.back()[22];
    attributes |= std::byte{0x20};
  }
  // The last batch claims to be compressed with zstd, which no reader here knows.
  void make_last_compressed() { batches_.back()[22] |= std::byte{4}; }
  void remove_before(storage::Offset log_start) { offsets_.log_start = log_start; }
  void set_committed(storage::Offset committed) { offsets_.committed = committed; }
  void damage(storage::OffsetRange range) { damaged_ = range; }
  void fail_with(std::optional<storage::Errc> code) { failure_ = code; }
  [[nodiscard]] int reads() const { return reads_; }
  // From now on it has a key index: a search answers for so many offsets at a time, batch by batch.
  void index_keys(storage::Offset answer_size) { answer_size_ = answer_size; }

  [[nodiscard]] const std::string& log_name() const noexcept override { return log_; }
  [[nodiscard]] std::int32_t number() const noexcept override { return number_; }
  [[nodiscard]] storage::PartitionIndex index() const noexcept override { return storage::PartitionIndex(index_); }
  [[nodiscard]] storage::PartitionOffsets offsets() const override { return offsets_; }
  [[nodiscard]] std::int32_t leader_epoch() const override { return 0; }
  [[nodiscard]] std::uint64_t size_bytes() const override { return 0; }
  [[nodiscard]] std::int32_t segment_count() const override { return 1; }
  [[nodiscard]] bool offline() const override { return false; }

  [[nodiscard]] storage::Result<storage::ReadResult> read(storage::Offset offset, std::size_t max_bytes,
                                                          storage::ReadHint) const override {
    ++reads_;
    if (failure_) return storage::fail(*failure_, "as the test wants it");
    if (offset < offsets_.log_start || offset > offsets_.committed) {
      return storage::fail(storage::Errc::offset_out_of_range, "outside");
    }
    storage::ReadResult result;
    result.next = offset;
    for (const Bytes& bytes : batches_) {
      const auto batch = storage::BatchView::trusted(bytes);
      if (batch.next_offset() <= offset || batch.next_offset() > offsets_.committed) continue;
      if (damaged_ && batch.base_offset() < damaged_->end && batch.next_offset() > damaged_->begin) {
        if (!result.bytes.empty()) return result;
        return storage::Failed(storage::Error{storage::Errc::corrupt, "damaged", 0, damaged_});
      }
      if (!result.bytes.empty() && result.bytes.size() + bytes.size() > max_bytes) return result;
      bitacora::append(result.bytes, bytes);
      result.next = batch.next_offset();
    }
    return result;
  }

  [[nodiscard]] storage::Result<storage::KeySearch> find_keys(storage::Offset from,
                                                              const storage::KeyFilter& filter) const override {
    if (answer_size_ == 0) return Partition::find_keys(from, filter);
    if (from < offsets_.log_start || from >= offsets_.committed) {
      return storage::fail(storage::Errc::offset_out_of_range, "outside");
    }
    storage::KeySearch search{.ranges = {}, .until = std::min(from + answer_size_, offsets_.committed)};
    for (const Bytes& bytes : batches_) {
      const auto batch = storage::BatchView::trusted(bytes);
      if (batch.next_offset() <= from || batch.base_offset() >= search.until) continue;
      bool wanted = false;
      storage::RecordReader reader(batch);
      for (auto record = reader.next(); record && *record; record = reader.next()) {
        wanted = wanted || ((*record)->key && filter.matches(as_text(*(*record)->key)));
      }
      if (wanted) search.ranges.push_back({{batch.base_offset(), batch.next_offset()}, bytes.size()});
    }
    return search;
  }

  [[nodiscard]] storage::Result<std::optional<storage::OffsetAtTime>> find_time(Timestamp timestamp) const override {
    if (failure_) return storage::fail(*failure_, "as the test wants it");
    for (const Bytes& bytes : batches_) {
      storage::RecordReader reader(storage::BatchView::trusted(bytes));
      for (auto record = reader.next(); record && *record; record = reader.next()) {
        if ((*record)->offset < offsets_.log_start || (*record)->timestamp < timestamp) continue;
        return storage::OffsetAtTime{(*record)->offset, (*record)->timestamp};
      }
    }
    return std::nullopt;
  }

  [[nodiscard]] storage::Result<storage::Offset> delete_records_before(storage::Offset before) override {
    offsets_.log_start = std::max(offsets_.log_start, before);
    return offsets_.log_start;
  }

 private:
  std::string log_;
  std::int32_t number_;
  std::uint32_t index_;
  storage::PartitionOffsets offsets_;
  std::vector<Bytes> batches_;
  std::optional<storage::OffsetRange> damaged_;
  std::optional<storage::Errc> failure_;
  mutable int reads_ = 0;
  storage::Offset answer_size_ = 0;
};

}  // namespace bitacora::bridge
