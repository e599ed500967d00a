#include "batch_walker.h"

#include <algorithm>

#include "base/assert.h"
#include "base/endian.h"
#include "batch_layout.h"

namespace bitacora::storage {
namespace {

constexpr std::size_t search_window = 1 << 20;
// Of a record: seven fields of a byte each.
constexpr std::uint64_t smallest_record = 7;
// More than any log has offsets; leaves room to count on from there.
constexpr Offset highest_claim = std::numeric_limits<Offset>::max() / 2;

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
    const OffsetRange offsets{found->base_offset(), found->next_offset()};
    const Result<bool> believed = is_in_its_place(position, found->size(), offsets);
    if (!believed) return Failed(believed.error());
    if (!*believed) continue;
    damage_.size = position - region_.position;
    damage_.offsets.end = offsets.begin;
    region_.position = position;
    region_.offset = offsets.begin;
    return Step::damage;
  }
  damage_.size = region_.end_position - region_.position;
  if (region_.end_offset != SegmentRegion::unknown_end) region_.offset = region_.end_offset;
  damage_.offsets.end = region_.offset;
  region_.position = region_.end_position;
  return Step::damage;
}

Result<bool> BatchWalker::is_in_its_place(std::uint64_t position, std::uint64_t size, OffsetRange offsets) {
  const Result<Word> before = damaged_lead_to(position, offsets.begin);
  if (!before) return Failed(before.error());
  const Result<Word> behind = following_goes_on(position + size, offsets);
  if (!behind) return Failed(behind.error());
  if (*before == Word::yes || *behind == Word::yes) return true;
  if (*before == Word::no || *behind == Word::no) return false;
  // The last batch there is, behind a header that cannot be read: no more offsets than the bytes between can have held.
  const std::uint64_t room = (position - region_.position) / smallest_record;
  return static_cast<std::uint64_t>(offsets.begin - region_.offset) <= room;
}

Result<std::optional<BatchWalker::Claim>> BatchWalker::claim_at(std::uint64_t position) {
  if (position + batch_header_size > region_.end_position) return std::optional<Claim>();
  const Result<ByteView> bytes = view(position, batch_header_size);
  if (!bytes) return Failed(bytes.error());
  const std::optional<std::size_t> size = BatchView::claimed_size(*bytes);
  if (!size || (*bytes)[16] != std::byte{2}) return std::optional<Claim>();
  const BatchView header = BatchView::header_only(*bytes);
  const auto delta = load_be<std::int32_t>(bytes->data() + batch_layout::last_offset_delta_at);
  if (delta < 0 || header.base_offset() < 0 || header.base_offset() > highest_claim) return std::optional<Claim>();
  return std::optional(Claim{*size, header.base_offset(), delta, header.record_count()});
}

Result<BatchWalker::Word> BatchWalker::damaged_lead_to(std::uint64_t position, Offset base) {
  std::uint64_t at = region_.position;
  Offset left = base - region_.offset;  // offsets between there and `base`
  bool is_doubtful = false;             // one flipped bit leaves one of a header's two counts right
  while (at < position) {
    const Result<std::optional<Claim>> claim = claim_at(at);
    if (!claim) return Failed(claim.error());
    if (!*claim) return Word::nothing;
    const bool is_last = at + (*claim)->size == position;
    if (is_last && (*claim)->record_count == left) return Word::yes;
    is_doubtful |= (*claim)->record_count != (*claim)->last_offset_delta + 1;
    left -= (*claim)->last_offset_delta + 1;
    at += (*claim)->size;
  }
  if (at != position) return Word::nothing;
  if (left == 0) return Word::yes;
  return is_doubtful ? Word::nothing : Word::no;
}

Result<BatchWalker::Word> BatchWalker::following_goes_on(std::uint64_t position, OffsetRange offsets) {
  const Offset next = offsets.end;
  if (next == region_.end_offset) return Word::yes;
  const Result<std::optional<Claim>> following = claim_at(position);
  if (!following) return Failed(following.error());
  if (!*following) return Word::nothing;
  if ((*following)->base_offset == next) return Word::yes;
  // One of the two base offsets is wrong: what comes behind them says which.
  const Offset records = (*following)->last_offset_delta + 1;
  const Offset its_next = (*following)->base_offset + records;
  const Result<std::optional<Claim>> third = claim_at(position + (*following)->size);
  if (!third) return Failed(third.error());
  if (*third) {
    if ((*third)->base_offset == next + records) return Word::yes;
    return (*third)->base_offset == its_next ? Word::no : Word::nothing;
  }
  if (its_next == region_.end_offset) return Word::no;
  // The last two there are: the one that takes less for damaged.
  const Offset its_begin = (*following)->base_offset - (next - offsets.begin);
  return its_begin > region_.offset && its_begin < offsets.begin ? Word::no : Word::nothing;
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
  const std::int32_t epoch = batch->leader_epoch();
  if (epochs_.empty() ? epoch < LeaderEpochs::unknown : epoch != epochs_.at(batch->base_offset())) {
    return fail(Errc::corrupt, "leader epoch " + std::to_string(epoch) + " is not the one of its offset");
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
