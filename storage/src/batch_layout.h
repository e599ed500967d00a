// Where the fields of a batch's header stand, and how one record is written: docs/storage-format.md, "Batch". For the
// code that makes batches; everybody else asks a BatchView.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "storage/batch.h"

namespace bitacora::storage::batch_layout {

inline constexpr std::size_t base_offset_at = 0;
inline constexpr std::size_t batch_length_at = 8;
inline constexpr std::size_t leader_epoch_at = 12;
inline constexpr std::size_t magic_at = 16;
inline constexpr std::size_t crc_at = 17;
inline constexpr std::size_t attributes_at = 21;
inline constexpr std::size_t last_offset_delta_at = 23;
inline constexpr std::size_t base_timestamp_at = 27;
inline constexpr std::size_t max_timestamp_at = 35;
inline constexpr std::size_t producer_id_at = 43;
inline constexpr std::size_t producer_epoch_at = 51;
inline constexpr std::size_t base_sequence_at = 53;
inline constexpr std::size_t record_count_at = 57;

inline constexpr std::int8_t magic = 2;
inline constexpr std::uint16_t codec_mask = 0x0007;
inline constexpr std::uint16_t append_time_bit = 0x0008;
inline constexpr std::uint16_t control_bit = 0x0020;
inline constexpr std::uint16_t delete_horizon_bit = 0x0040;
inline constexpr std::uint16_t commit_mark_bit = 0x4000;
inline constexpr std::uint16_t known_bits = 0x007f | commit_mark_bit;

// Time differences as the wire has them: hostile ones wrap instead of being undefined.
constexpr std::int64_t wrapping_add(std::int64_t a, std::int64_t b) noexcept {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}
constexpr std::int64_t wrapping_subtract(std::int64_t a, std::int64_t b) noexcept {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}

// Appends one record; its offset and time in `record` are not looked at, the deltas are.
void append_record(Bytes& to, const RecordView& record, std::int64_t timestamp_delta, std::int64_t offset_delta);

}  // namespace bitacora::storage::batch_layout
