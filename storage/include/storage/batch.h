// Kafka's RecordBatch v2, byte for byte: built, looked at, checked. A batch is the unit that is written, checksummed
// and fetched. Grammar and a worked example: docs/storage-format.md. Source: KIP-98, KIP-101, Kafka's
// DefaultRecordBatch.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "storage/errc.h"
#include "storage/offset.h"

namespace bitacora::storage {

inline constexpr std::size_t batch_header_size = 61;
// Bytes before the part that batchLength counts: baseOffset and batchLength themselves.
inline constexpr std::size_t batch_prefix_size = 12;

enum class Codec : std::uint8_t { none = 0, gzip = 1, snappy = 2, lz4 = 3, zstd = 4 };

struct HeaderView {
  std::string_view name;
  std::optional<ByteView> value;  // nullopt: Kafka's null
};

// One record as its writer gives it and as a reader sees it. A view: it lives as long as the bytes it points into.
struct RecordView {
  Offset offset = 0;        // not looked at when building
  Timestamp timestamp = 0;  // ms since the epoch
  std::optional<ByteView> key;
  std::optional<ByteView> value;  // nullopt is a tombstone in a compacted log
  std::span<const HeaderView> headers;
};

// Gathers records into one uncompressed batch. baseOffset, partitionLeaderEpoch, the commit mark and the CRC are left
// at zero: the committer fills them in (`seal_batch`) when it assigns offsets, and nothing else does.
class BatchBuilder {
 public:
  // `record.timestamp` may be before an earlier record's. Copies everything.
  void add(const RecordView& record);
  [[nodiscard]] bool empty() const noexcept { return record_count_ == 0; }
  [[nodiscard]] std::int32_t record_count() const noexcept { return record_count_; }
  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size(); }  // bytes so far; 0 when empty
  // The finished batch; the builder is empty again. Not to be called when empty().
  [[nodiscard]] Bytes take();

 private:
  Bytes bytes_;
  std::int32_t record_count_ = 0;
  Timestamp base_timestamp_ = 0;
  Timestamp max_timestamp_ = 0;
};

enum class CommitMark { absent, present };

// Writes baseOffset, partitionLeaderEpoch and the commit mark (bit 14 of attributes: this batch is the first of its
// commit in its partition, so all below it was durable when it was written), adds `timestamp_shift_ms` to all its
// timestamps, then computes the CRC. `batch` is one whole batch.
void seal_batch(std::span<std::byte> batch, Offset base_offset, std::int32_t leader_epoch, CommitMark mark,
                std::int64_t timestamp_shift_ms);

// A look at one batch's header and records. Lives as long as the bytes.
class BatchView {
 public:
  // The size in bytes that the batch at the front of `bytes` claims, or nullopt if fewer than 12 bytes are there or the
  // claim is below a header's. Nothing else is checked.
  [[nodiscard]] static std::optional<std::size_t> claimed_size(ByteView bytes) noexcept;
  // The batch at the front of `bytes`, checked: whole, magic 2, CRC, counts, no unknown attribute. Errc::corrupt says
  // which. Records are not looked at (check_records does); base offset and leader epoch are outside the CRC, so the
  // caller compares them with what must stand there.
  [[nodiscard]] static Result<BatchView> check(ByteView bytes);
  // The same without any check: for bytes that were checked before.
  [[nodiscard]] static BatchView trusted(ByteView bytes) noexcept;

  // Of a batch of which only the header's 61 bytes are there: what is in the header may be asked, unchecked.
  [[nodiscard]] static BatchView header_only(ByteView bytes) noexcept {
    return BatchView(bytes.first(batch_header_size));
  }
  // No batch at all: only to be assigned to.
  [[nodiscard]] static BatchView none() noexcept { return BatchView({}); }

  [[nodiscard]] ByteView bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size(); }
  [[nodiscard]] Offset base_offset() const noexcept;
  [[nodiscard]] Offset last_offset() const noexcept;  // base offset + lastOffsetDelta
  [[nodiscard]] Offset next_offset() const noexcept { return last_offset() + 1; }
  [[nodiscard]] std::int32_t leader_epoch() const noexcept;
  [[nodiscard]] std::uint32_t crc() const noexcept;
  [[nodiscard]] std::int16_t attributes() const noexcept;
  [[nodiscard]] Codec codec() const noexcept;
  [[nodiscard]] bool is_control() const noexcept;
  [[nodiscard]] bool has_commit_mark() const noexcept;
  [[nodiscard]] Timestamp base_timestamp() const noexcept;
  [[nodiscard]] Timestamp max_timestamp() const noexcept;
  [[nodiscard]] std::int32_t record_count() const noexcept;

 private:
  explicit BatchView(ByteView bytes) noexcept : bytes_(bytes) {}
  ByteView bytes_;
};

// Walks the records of one batch. The view it gives lives until the next call.
//   RecordReader reader(batch);
//   while (auto record = reader.next()) if (*record) use(**record); else return;   // see Result
class RecordReader {
 public:
  explicit RecordReader(BatchView batch);
  // The next record; nullopt behind the last. Errc::corrupt if the bytes are not records, Errc::unsupported_format for
  // a compressed batch (no codec is built in yet; nothing that this version writes is compressed).
  [[nodiscard]] Result<std::optional<RecordView>> next();

 private:
  BatchView batch_;
  ByteView rest_;
  std::int32_t left_ = 0;
  std::vector<HeaderView> headers_;
};

// For a batch that somebody else built: are its records whole, rising and as many as it says? Errc::corrupt,
// Errc::unsupported_format for a compressed one.
[[nodiscard]] Result<> check_records(BatchView batch);

}  // namespace bitacora::storage
