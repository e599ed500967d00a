#include "batch_walker.h"

#include <algorithm>

#include "base/assert.h"
#include "base/endian.h"

namespace bitacora::storage {
namespace {

constexpr std::size_t search_window = 1 << 20;

// Whether it is worth computing a CRC over what stands at the front of `bytes`: cheap, and false for nearly everything
// that is not a batch.
bool looks_like_batch(ByteView bytes, std::uint64_t left, Offset lowest, Offset highest) {
  const std::optional<std::size_t> size = BatchView::claimed_size(bytes);
  if (!size || *size > left || bytes[16] != std::byte{2}) return false;
  const auto base_offset = load_be<Offset>(bytes.data());
  return base_offset >= lowest && base_offset <= highest;
}

}  // namespace

BatchWalker::BatchWalker(const File& file, SegmentRegion region, const LeaderEpochs& epochs, std::size_t read_ahead)
    : file_(file),
      region_(region),
      epochs_(epochs),
      read_ahead_(std::max<std::size_t>(read_ahead, 4096)),
      batch_(BatchView::none()) {
  BITACORA_ASSERT(region.offset <= region.end_offset);
}

Result<BatchWalker::Step> BatchWalker::next() {
  if (region_.offset == region_.end_offset) return Step::end;
  if (region_.position < region_.end_position) {
    Result<BatchView> batch = batch_at(region_.position, region_.offset, region_.offset);
    if (batch) {
      batch_ = *batch;
      batch_position_ = region_.position;
      region_.position += batch->size();
      region_.offset = batch->next_offset();
      return Step::batch;
    }
    if (batch.error().code != Errc::corrupt) return Failed(std::move(batch.error()));
    const Result<bool> zeros = only_zeros_from(region_.position);
    if (!zeros) return Failed(zeros.error());
    if (!*zeros) return step_over_damage(std::move(batch.error().message));
  }
  if (region_.end_offset == SegmentRegion::unknown_end) return Step::end;
  damage_ = {{region_.offset, region_.end_offset},
             region_.position,
             region_.end_position - region_.position,
             "the segment ends too early"};
  region_.position = region_.end_position;
  region_.offset = region_.end_offset;
  return Step::damage;
}

Result<BatchWalker::Step> BatchWalker::step_over_damage(std::string why) {
  damage_ = {{region_.offset, region_.offset}, region_.position, 0, std::move(why)};
  const Offset highest =
      region_.end_offset == SegmentRegion::unknown_end ? SegmentRegion::unknown_end - 1 : region_.end_offset - 1;
  std::uint64_t position = region_.position + 1;
  for (; position + batch_header_size <= region_.end_position; ++position) {
    const Result<ByteView> bytes = view(position, batch_header_size);
    if (!bytes) return Failed(bytes.error());
    if (!looks_like_batch(*bytes, region_.end_position - position, region_.offset + 1, highest)) continue;
    const Result<BatchView> found = batch_at(position, region_.offset + 1, highest);
    if (!found && found.error().code != Errc::corrupt) return Failed(found.error());
    if (!found) continue;
    damage_.size = position - region_.position;
    damage_.offsets.end = found->base_offset();
    region_.position = position;
    region_.offset = found->base_offset();
    return Step::damage;
  }
  damage_.size = region_.end_position - region_.position;
  if (region_.end_offset != SegmentRegion::unknown_end) region_.offset = region_.end_offset;
  damage_.offsets.end = region_.offset;
  region_.position = region_.end_position;
  return Step::damage;
}

Result<BatchView> BatchWalker::batch_at(std::uint64_t position, Offset lowest, Offset highest) {
  const std::uint64_t left = region_.end_position - position;
  Result<ByteView> bytes = view(position, batch_header_size);
  if (!bytes) return Failed(bytes.error());
  const std::optional<std::size_t> size = BatchView::claimed_size(*bytes);
  if (!size) return fail(Errc::corrupt, "no batch header");
  if (*size > left) return fail(Errc::corrupt, "the batch is cut short");
  bytes = view(position, *size);
  if (!bytes) return Failed(bytes.error());
  Result<BatchView> batch = BatchView::check(*bytes);
  if (!batch) return batch;
  if (batch->base_offset() < lowest || batch->base_offset() > highest) {
    return fail(Errc::corrupt,
                "base offset " + std::to_string(batch->base_offset()) + " does not continue the batch before");
  }
  if (batch->next_offset() > region_.end_offset) return fail(Errc::corrupt, "the batch reaches into the next segment");
  if (!epochs_.empty() && batch->leader_epoch() != epochs_.at(batch->base_offset())) {
    return fail(Errc::corrupt,
                "leader epoch " + std::to_string(batch->leader_epoch()) + " is not the one of its offset");
  }
  return batch;
}

Result<bool> BatchWalker::only_zeros_from(std::uint64_t position) {
  while (position < region_.end_position) {
    const Result<ByteView> bytes = view(position, search_window);
    if (!bytes) return Failed(bytes.error());
    if (std::any_of(bytes->begin(), bytes->end(), [](std::byte byte) { return byte != std::byte{0}; })) return false;
    position += bytes->size();
  }
  return true;
}

Result<ByteView> BatchWalker::view(std::uint64_t position, std::size_t size) {
  const std::uint64_t left = region_.end_position - position;
  const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(size, left));
  const bool at_hand =
      position >= window_position_ && position + wanted <= window_position_ + window_.size() && !window_.empty();
  if (!at_hand) {
    window_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(std::max(size, read_ahead_), left)));
    window_position_ = position;
    const Result<std::size_t> count = file_.read_at(position, window_);
    if (!count) return Failed(count.error());
    // A file that is shorter than it was said to be reads as if cut there.
    std::fill(window_.begin() + static_cast<std::ptrdiff_t>(*count), window_.end(), std::byte{0});
  }
  return ByteView(window_).subspan(static_cast<std::size_t>(position - window_position_));
}

}  // namespace bitacora::storage
