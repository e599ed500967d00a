// Walks the batches of one segment file, checking each as recovery and every read must: whole, CRC, its base offset
// continues the one before, its leader epoch is the one of its offset. Where a batch fails, it searches on for the next
// good one and reports what lies between as damage. A base offset behind damage continues nothing, and no CRC covers
// it: it counts where a neighbour says the same.
//
//   BatchWalker walker(file, region, epochs);
//   while (true) switch (*walker.next()) { case Step::batch: use(walker.batch()); ... case Step::end: return; }
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "leader_epochs.h"
#include "storage/batch.h"
#include "storage/errc.h"
#include "storage/file_system.h"
#include "storage/offset.h"

namespace bitacora::storage {

struct Damage {
  OffsetRange offsets;         // what cannot be read; end == begin where the end is not known
  std::uint64_t position = 0;  // in the segment's file
  std::uint64_t size = 0;
  std::string why;
};

// A part of a segment file: from `position`, where the batch with base offset `offset` stands, up to `end_position`. If
// `end_offset` is known the batches must reach it; otherwise they end where the bytes do or only zeros follow.
struct SegmentRegion {
  static constexpr Offset unknown_end = std::numeric_limits<Offset>::max();
  std::uint64_t position = 0;
  Offset offset = 0;
  std::uint64_t end_position = 0;
  Offset end_offset = unknown_end;
};

class BatchWalker {
 public:
  enum class Step { batch, damage, end };

  // `file` and `epochs` outlive the walker; `epochs` may be empty, then none is checked. Reads at least `read_ahead`
  // bytes at a time where there are that many.
  BatchWalker(const File& file, SegmentRegion region, const LeaderEpochs& epochs, std::size_t read_ahead);

  // Fails only where the file cannot be read.
  [[nodiscard]] Result<Step> next();

  // After Step::batch: the batch, valid until the next call, and where it stands.
  [[nodiscard]] const BatchView& batch() const noexcept { return batch_; }
  [[nodiscard]] std::uint64_t batch_position() const noexcept { return batch_position_; }
  // After Step::damage.
  [[nodiscard]] const Damage& damage() const noexcept { return damage_; }
  // Behind the last step: where it goes on.
  [[nodiscard]] std::uint64_t position() const noexcept { return region_.position; }
  [[nodiscard]] Offset offset() const noexcept { return region_.offset; }

 private:
  // At least min(size, what is left) bytes from `position`, more if they are at hand.
  [[nodiscard]] Result<ByteView> view(std::uint64_t position, std::size_t size);
  // The good batch at `position` whose base offset is in [lowest, highest]; otherwise Errc::corrupt says why not.
  [[nodiscard]] Result<BatchView> batch_at(std::uint64_t position, Offset lowest, Offset highest);
  [[nodiscard]] Result<bool> only_zeros_from(std::uint64_t position);
  [[nodiscard]] Result<Step> step_over_damage(std::string why);

  // What a header claims that nothing has checked yet.
  struct Claim {
    std::uint64_t size = 0;
    Offset base_offset = 0;
    Offset last_offset_delta = 0;
    Offset record_count = 0;
  };
  // What the neighbours of a batch say of its base offset; nothing: none can be read.
  enum class Word { yes, no, nothing };
  [[nodiscard]] Result<std::optional<Claim>> claim_at(std::uint64_t position);
  // Of the batch at `position` behind the damage that begins at position(): what stands there, as far as its headers
  // can be read, leads to `base` or elsewhere.
  [[nodiscard]] Result<Word> damaged_lead_to(std::uint64_t position, Offset base);
  // What stands at `position`, behind that batch, goes on at `next` or elsewhere; where it says otherwise, the one
  // behind it decides, or nobody.
  [[nodiscard]] Result<Word> following_goes_on(std::uint64_t position, OffsetRange offsets);
  [[nodiscard]] Result<bool> is_in_its_place(std::uint64_t position, std::uint64_t size, OffsetRange offsets);

  const File& file_;
  SegmentRegion region_;
  const LeaderEpochs& epochs_;
  std::size_t read_ahead_;
  Bytes window_;
  std::uint64_t window_position_ = 0;
  BatchView batch_;
  std::uint64_t batch_position_ = 0;
  Damage damage_;
};

}  // namespace bitacora::storage
