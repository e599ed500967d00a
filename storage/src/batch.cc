#include "storage/batch.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/assert.h"
#include "base/crc32c.h"
#include "base/endian.h"
#include "base/varint.h"
#include "batch_layout.h"

namespace bitacora::storage {

using namespace batch_layout;

namespace {

Failed malformed(const char* what) { return fail(Errc::corrupt, std::string("batch: ") + what); }

std::size_t nullable_size(const std::optional<ByteView>& bytes) noexcept {
  return bytes ? varint_size(static_cast<std::int64_t>(bytes->size())) + bytes->size() : varint_size(-1);
}

void append_nullable(Bytes& to, const std::optional<ByteView>& bytes) {
  append_varint(to, bytes ? static_cast<std::int64_t>(bytes->size()) : -1);
  if (bytes) append(to, *bytes);
}

std::size_t headers_size(std::span<const HeaderView> headers) noexcept {
  std::size_t size = varint_size(static_cast<std::int64_t>(headers.size()));
  for (const HeaderView& header : headers) {
    size += nullable_size(as_bytes(header.name)) + nullable_size(header.value);
  }
  return size;
}

// Takes `length` bytes off the front. False if they are not there.
bool take_bytes(ByteView& from, std::int64_t length, ByteView& into) noexcept {
  if (length < 0 || static_cast<std::uint64_t>(length) > from.size()) return false;
  into = from.first(static_cast<std::size_t>(length));
  from = from.subspan(static_cast<std::size_t>(length));
  return true;
}

// Length varint, then bytes; -1 is null. False if the bytes are not there.
bool take_nullable(ByteView& from, std::optional<ByteView>& into) noexcept {
  const std::optional<std::int64_t> length = take_varint(from);
  if (!length) return false;
  if (*length == -1) {
    into.reset();
    return true;
  }
  ByteView bytes;
  if (!take_bytes(from, *length, bytes)) return false;
  into = bytes;
  return true;
}

bool take_headers(ByteView& from, std::vector<HeaderView>& into) {
  into.clear();
  const std::optional<std::int64_t> count = take_varint(from);
  // A header has at least its two lengths: a count that the bytes left cannot hold must not make us allocate.
  if (!count || *count < 0 || static_cast<std::uint64_t>(*count) > from.size() / 2) return false;
  for (std::int64_t i = 0; i < *count; ++i) {
    std::optional<ByteView> name;
    std::optional<ByteView> value;
    if (!take_nullable(from, name) || !name || !take_nullable(from, value)) return false;
    into.push_back({as_text(*name), value});
  }
  return true;
}

}  // namespace

void batch_layout::append_record(Bytes& to, const RecordView& record, std::int64_t timestamp_delta,
                                 std::int64_t offset_delta) {
  const std::size_t length = 1 + varint_size(timestamp_delta) + varint_size(offset_delta) + nullable_size(record.key) +
                             nullable_size(record.value) + headers_size(record.headers);
  append_varint(to, static_cast<std::int64_t>(length));
  const std::size_t begin = to.size();
  to.push_back(std::byte{0});  // attributes: none are defined
  append_varint(to, timestamp_delta);
  append_varint(to, offset_delta);
  append_nullable(to, record.key);
  append_nullable(to, record.value);
  append_varint(to, static_cast<std::int64_t>(record.headers.size()));
  for (const HeaderView& header : record.headers) {
    append_nullable(to, as_bytes(header.name));
    append_nullable(to, header.value);
  }
  BITACORA_ASSERT(to.size() - begin == length);
}

void BatchBuilder::add(const RecordView& record) {
  if (empty()) {
    bytes_.assign(batch_header_size, std::byte{0});
    base_timestamp_ = max_timestamp_ = record.timestamp;
  }
  max_timestamp_ = std::max(max_timestamp_, record.timestamp);
  const std::int64_t timestamp_delta = wrapping_subtract(record.timestamp, base_timestamp_);
  append_record(bytes_, record, timestamp_delta, record_count_);
  ++record_count_;
}

Bytes BatchBuilder::take() {
  BITACORA_ASSERT(!empty());
  std::byte* header = bytes_.data();
  store_be(header + batch_length_at, static_cast<std::int32_t>(bytes_.size() - batch_prefix_size));
  store_be(header + magic_at, magic);
  store_be(header + last_offset_delta_at, record_count_ - 1);
  store_be(header + base_timestamp_at, base_timestamp_);
  store_be(header + max_timestamp_at, max_timestamp_);
  store_be(header + producer_id_at, std::int64_t{-1});
  store_be(header + producer_epoch_at, std::int16_t{-1});
  store_be(header + base_sequence_at, std::int32_t{-1});
  store_be(header + record_count_at, record_count_);
  record_count_ = 0;
  return std::exchange(bytes_, {});
}

void seal_batch(std::span<std::byte> batch, Offset base_offset, std::int32_t leader_epoch, CommitMark mark,
                std::int64_t timestamp_shift_ms) {
  BITACORA_ASSERT(BatchView::claimed_size(batch) == batch.size());
  std::byte* header = batch.data();
  store_be(header + base_offset_at, base_offset);
  store_be(header + leader_epoch_at, leader_epoch);
  const auto attributes = static_cast<std::uint16_t>(load_be<std::uint16_t>(header + attributes_at) & ~commit_mark_bit);
  store_be(header + attributes_at,
           static_cast<std::uint16_t>(mark == CommitMark::present ? attributes | commit_mark_bit : attributes));
  for (const std::size_t at : {base_timestamp_at, max_timestamp_at}) {
    store_be(header + at, wrapping_add(load_be<std::int64_t>(header + at), timestamp_shift_ms));
  }
  store_be(header + crc_at, crc32c(batch.subspan(attributes_at)));
}

std::optional<std::size_t> BatchView::claimed_size(ByteView bytes) noexcept {
  if (bytes.size() < batch_prefix_size) return std::nullopt;
  const auto length = load_be<std::int32_t>(bytes.data() + batch_length_at);
  if (length < static_cast<std::int32_t>(batch_header_size - batch_prefix_size)) return std::nullopt;
  return batch_prefix_size + static_cast<std::size_t>(length);
}

Result<BatchView> BatchView::check(ByteView bytes) {
  const std::optional<std::size_t> size = claimed_size(bytes);
  if (!size) return malformed("no batch header");
  if (*size > bytes.size()) return malformed("cut short");
  const BatchView batch(bytes.first(*size));
  if (load_be<std::int8_t>(bytes.data() + magic_at) != magic) return malformed("magic is not 2");
  const auto attributes = static_cast<std::uint16_t>(batch.attributes());
  if ((attributes & ~known_bits) != 0) return malformed("unknown attributes");
  if ((attributes & codec_mask) > static_cast<std::uint16_t>(Codec::zstd)) return malformed("unknown codec");
  const auto last_offset_delta = load_be<std::int32_t>(bytes.data() + last_offset_delta_at);
  if (last_offset_delta < 0 || batch.record_count() < 0 || batch.record_count() - 1 > last_offset_delta) {
    return malformed("counts do not fit each other");
  }
  if (batch.base_offset() < 0 || batch.base_offset() > std::numeric_limits<Offset>::max() - last_offset_delta - 1) {
    return malformed("offset out of range");
  }
  if (crc32c(batch.bytes_.subspan(attributes_at)) != batch.crc()) return malformed("CRC does not match");
  return batch;
}

BatchView BatchView::trusted(ByteView bytes) noexcept {
  const std::optional<std::size_t> size = claimed_size(bytes);
  BITACORA_ASSERT(size && *size <= bytes.size());
  return BatchView(bytes.first(*size));
}

Offset BatchView::base_offset() const noexcept { return load_be<std::int64_t>(bytes_.data() + base_offset_at); }
Offset BatchView::last_offset() const noexcept {
  return wrapping_add(base_offset(), load_be<std::int32_t>(bytes_.data() + last_offset_delta_at));
}
std::int32_t BatchView::leader_epoch() const noexcept { return load_be<std::int32_t>(bytes_.data() + leader_epoch_at); }
std::uint32_t BatchView::crc() const noexcept { return load_be<std::uint32_t>(bytes_.data() + crc_at); }
std::int16_t BatchView::attributes() const noexcept { return load_be<std::int16_t>(bytes_.data() + attributes_at); }
Codec BatchView::codec() const noexcept { return static_cast<Codec>(attributes() & codec_mask); }
bool BatchView::is_control() const noexcept { return (attributes() & control_bit) != 0; }
bool BatchView::has_commit_mark() const noexcept { return (attributes() & commit_mark_bit) != 0; }
Timestamp BatchView::base_timestamp() const noexcept {
  return load_be<std::int64_t>(bytes_.data() + base_timestamp_at);
}
Timestamp BatchView::max_timestamp() const noexcept { return load_be<std::int64_t>(bytes_.data() + max_timestamp_at); }
std::int32_t BatchView::record_count() const noexcept { return load_be<std::int32_t>(bytes_.data() + record_count_at); }

RecordReader::RecordReader(BatchView batch)
    : batch_(batch), rest_(batch.bytes().subspan(batch_header_size)), left_(batch.record_count()) {}

Result<std::optional<RecordView>> RecordReader::next() {
  if (left_ == 0) {
    if (!rest_.empty() && batch_.codec() == Codec::none) return malformed("bytes behind the last record");
    return std::optional<RecordView>();
  }
  if (batch_.codec() != Codec::none)
    return fail(Errc::unsupported_format, "batch: compressed records are not supported");
  const std::optional<std::int64_t> length = take_varint(rest_);
  ByteView body;
  if (!length || !take_bytes(rest_, *length, body) || body.empty()) return malformed("record cut short");
  body = body.subspan(1);  // attributes: none are defined
  const std::optional<std::int64_t> timestamp_delta = take_varint(body);
  const std::optional<std::int64_t> offset_delta = timestamp_delta ? take_varint(body) : std::nullopt;
  RecordView record;
  if (!offset_delta || !take_nullable(body, record.key) || !take_nullable(body, record.value) ||
      !take_headers(body, headers_) || !body.empty()) {
    return malformed("record malformed");
  }
  if (*offset_delta < 0 || *offset_delta > batch_.last_offset() - batch_.base_offset()) {
    return malformed("record's offset is outside its batch");
  }
  const bool append_time = (static_cast<std::uint16_t>(batch_.attributes()) & append_time_bit) != 0;
  record.offset = batch_.base_offset() + *offset_delta;
  record.timestamp = append_time ? batch_.max_timestamp() : wrapping_add(batch_.base_timestamp(), *timestamp_delta);
  record.headers = headers_;
  --left_;
  return std::optional<RecordView>(record);
}

Result<> check_records(BatchView batch) {
  RecordReader reader(batch);
  Offset next = batch.base_offset();
  while (true) {
    Result<std::optional<RecordView>> record = reader.next();
    if (!record) return Failed(std::move(record.error()));
    if (!*record) return {};
    if ((*record)->offset < next) return malformed("offsets of records do not rise");
    next = (*record)->offset + 1;
  }
}

}  // namespace bitacora::storage
