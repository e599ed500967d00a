#include "batch_cleaner.h"

#include <algorithm>
#include <limits>
#include <string>

#include "base/assert.h"
#include "base/endian.h"
#include "batch_layout.h"

namespace bitacora::storage {

using namespace batch_layout;

namespace {

bool has_bit(const BatchView& batch, std::uint16_t bit) {
  return (static_cast<std::uint16_t>(batch.attributes()) & bit) != 0;
}

void set_bit(std::span<std::byte> batch, std::uint16_t bit) {
  std::byte* at = batch.data() + attributes_at;
  store_be(at, static_cast<std::uint16_t>(load_be<std::uint16_t>(at) | bit));
}

bool is_opaque(const BatchView& batch) {
  return batch.codec() != Codec::none || batch.is_control() || !check_records(batch);
}

std::optional<Timestamp> delete_horizon(const BatchView& batch) {
  return has_bit(batch, delete_horizon_bit) ? std::optional(batch.base_timestamp()) : std::nullopt;
}

// Calls `visit(const RecordView&)` for each record of a batch that is not opaque.
template <class Visit>
void for_each_record(const BatchView& batch, Visit&& visit) {
  RecordReader reader(batch);
  while (true) {
    const Result<std::optional<RecordView>> record = reader.next();
    BITACORA_ASSERT(record);
    if (!*record) return;
    visit(**record);
  }
}

// Decides over the records of one batch.
class Judge {
 public:
  Judge(const BatchView& batch, const CleaningRules& rules, Tombstones tombstones)
      : latest_(rules.latest), tombstones_(tombstones), horizon_(delete_horizon(batch)) {
    expired_ = tombstones == Tombstones::may_expire && horizon_ && *horizon_ <= rules.expired;
  }

  [[nodiscard]] bool keeps(const RecordView& record) const {
    if (!record.key) return true;  // nothing supersedes it
    const std::optional<Offset> latest = latest_.find(*record.key);
    if (latest && *latest > record.offset) return false;
    return record.value || !expired_;
  }
  // A tombstone that this pass is the first to cover: what it supersedes is gone when the pass is through.
  [[nodiscard]] bool needs_horizon(const RecordView& record) const {
    return tombstones_ == Tombstones::may_expire && record.key && !record.value && !horizon_ &&
           latest_.find(*record.key) == record.offset;
  }

 private:
  const LatestOffsets& latest_;
  const Tombstones tombstones_;
  const std::optional<Timestamp> horizon_;
  bool expired_ = false;
};

}  // namespace

CleanedBatch clean_batch(const BatchView& batch, const CleaningRules& rules, Tombstones tombstones) {
  using Verdict = CleanedBatch::Verdict;
  if (is_opaque(batch)) return {.verdict = Verdict::opaque};
  const Judge judge(batch, rules, tombstones);
  std::int32_t kept = 0;
  bool keeps_tombstones = false;
  bool needs_horizon = false;
  for_each_record(batch, [&](const RecordView& record) {
    if (!judge.keeps(record)) return;
    ++kept;
    keeps_tombstones |= !record.value;
    needs_horizon |= judge.needs_horizon(record);
  });
  if (kept == 0) return {.verdict = Verdict::emptied};
  const std::optional<Timestamp> horizon = needs_horizon ? rules.new_horizon : delete_horizon(batch);
  CleanedBatch cleaned{.delete_horizon = keeps_tombstones ? horizon : std::nullopt};
  if (kept == batch.record_count() && !needs_horizon) return cleaned;

  cleaned.verdict = Verdict::rewritten;
  Bytes& bytes = cleaned.bytes;
  append(bytes, batch.bytes().first(batch_header_size));
  const Timestamp base_timestamp = needs_horizon ? rules.new_horizon : batch.base_timestamp();
  for_each_record(batch, [&](const RecordView& record) {
    if (!judge.keeps(record)) return;
    append_record(bytes, record, wrapping_subtract(record.timestamp, base_timestamp),
                  record.offset - batch.base_offset());
  });
  if (needs_horizon) set_bit(bytes, delete_horizon_bit);
  store_be(bytes.data() + batch_length_at, static_cast<std::int32_t>(bytes.size() - batch_prefix_size));
  store_be(bytes.data() + base_timestamp_at, base_timestamp);
  store_be(bytes.data() + record_count_at, kept);
  return cleaned;
}

Bytes make_placeholder(const BatchView& batch) {
  const ByteView header = batch.bytes().first(batch_header_size);
  Bytes bytes(header.begin(), header.end());
  constexpr std::uint16_t lost_with_the_records = codec_mask | delete_horizon_bit;
  const auto attributes = static_cast<std::uint16_t>(batch.attributes());
  store_be(bytes.data() + attributes_at, static_cast<std::uint16_t>(attributes & ~lost_with_the_records));
  store_be(bytes.data() + batch_length_at, static_cast<std::int32_t>(bytes.size() - batch_prefix_size));
  store_be(bytes.data() + base_timestamp_at, batch.max_timestamp());
  store_be(bytes.data() + record_count_at, std::int32_t{0});
  return bytes;
}

void extend_over(std::span<std::byte> batch, const BatchView& taken) {
  const BatchView before = BatchView::trusted(batch);
  BITACORA_ASSERT(before.next_offset() == taken.base_offset());
  const Offset last_delta = taken.last_offset() - before.base_offset();
  BITACORA_ASSERT(last_delta <= std::numeric_limits<std::int32_t>::max());
  // With append time the newest time is the time of every record: it must not change under them.
  if (!has_bit(before, append_time_bit)) {
    store_be(batch.data() + max_timestamp_at, std::max(before.max_timestamp(), taken.max_timestamp()));
  }
  store_be(batch.data() + last_offset_delta_at, static_cast<std::int32_t>(last_delta));
}

void learn_keys(const BatchView& batch, LatestOffsets& latest) {
  if (is_opaque(batch)) return;
  for_each_record(batch, [&](const RecordView& record) {
    if (record.key) latest.add(*record.key, record.offset);
  });
}

Result<> check_compactable(const BatchView& batch) {
  const auto refuse = [](std::string why) { return fail(Errc::invalid_argument, "a compacted log " + std::move(why)); };
  if (batch.codec() != Codec::none) return refuse("takes no compressed batch: send it uncompressed");
  if (batch.is_control() || has_bit(batch, delete_horizon_bit)) {
    return refuse("takes no control batch and no delete horizon from a writer");
  }
  if (const Result<> whole = check_records(batch); !whole)
    return refuse("must read its records: " + whole.error().message);
  bool has_keys = true;
  for_each_record(batch, [&](const RecordView& record) { has_keys &= record.key.has_value(); });
  return has_keys ? Result<>() : Result<>(refuse("needs a key for each record: give it one"));
}

}  // namespace bitacora::storage
