// Any bytes as the last segment of a partition, the one that a start has to read: it keeps all that is whole from the
// front on and changes nothing of it, accounts for every byte, and the next start finds what this one left.
//
//   1 byte   bit 0: the CRCs of all batches are mended; bit 1: there is a leader-epoch-checkpoint; bit 2: a power cut
//            follows, not a kill
//   2 bytes each: base offset of the segment; size of the checkpoint, which follows; the rest is the .log
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "file_names.h"
#include "fuzz/batch_bytes.h"
#include "fuzz/fuzz_target.h"
#include "partition_recovery.h"
#include "storage/memory_file_system.h"

namespace bitacora::storage {
namespace {

using fuzz::must;

Catalog& shared_catalog() {  // nothing is kept in it: no log start is ever recorded
  static const std::unique_ptr<Catalog> catalog = *Catalog::open(":memory:");
  return *catalog;
}

// A partition's directory with one segment, and what recovery is given beside it.
class Place {
 public:
  Place(FileSystem& fs, Offset base, ByteView log, const Bytes* checkpoint) : fs_(fs), log_path_(path_of(base)) {
    must(fs.create_directories(directory).has_value(), "directories can be made");
    put(log_path_, log);
    if (checkpoint != nullptr) put(join(directory, epochs_file), *checkpoint);
    must(fs.sync_directory(directory).has_value() && fs.sync_directory("data").has_value(), "names can be kept");
  }

  RecoveredPartition recover() {
    SpaceWatch space(fs_, options_);
    SegmentCache cache(fs_, 4, options_.index_interval_bytes, SegmentCache::Access::read_write);
    const StoreContext context{fs_, clock_, shared_catalog(), cache, space, options_, holds_};
    auto recovered = recover_partition(context, "x", 0, nullptr);
    must(recovered.has_value(), "a partition opens whatever lies in it");
    return std::move(*recovered);
  }
  // Bytes of the segment up to where its batches end.
  Bytes kept(const RecoveredPartition& recovered) {
    Bytes bytes = *read_file(fs_, log_path_);
    must(bytes.size() >= recovered.segments.back()->size, "a segment is as long as its batches");
    bytes.resize(recovered.segments.back()->size);
    return bytes;
  }

 private:
  static constexpr const char* directory = "data/x-0";

  static std::string path_of(Offset base) { return join(directory, segment_stem(base) + std::string(log_suffix)); }
  void put(const std::string& path, ByteView bytes) {
    const auto file = fs_.open(path, OpenMode::create);
    must(file && (*file)->write_at(0, bytes) && (*file)->sync(), "a file can be made");
  }
  static StoreOptions options_for() {
    StoreOptions options;
    options.directory = "data";
    return options;
  }

  FileSystem& fs_;
  std::string log_path_;
  VirtualClock clock_{};
  StoreOptions options_ = options_for();
  CompactionHolds holds_;
};

struct Prefix {
  std::size_t size = 0;
  Offset end = 0;
};

// What a reader that knows nothing but the format believes: batches from the front on, each beginning where the one
// before it ends, of a leader epoch that never falls and is the one that `epochs` names, if it names any.
Prefix whole_from_the_front(ByteView log, Offset base, const LeaderEpochs& epochs) {
  Prefix prefix{0, base};
  for (std::int32_t latest = 0;;) {
    const auto batch = BatchView::check(log.subspan(prefix.size));
    if (!batch || batch->base_offset() != prefix.end || batch->leader_epoch() < latest) return prefix;
    if (!epochs.empty() && batch->leader_epoch() != epochs.at(prefix.end)) return prefix;
    latest = batch->leader_epoch();
    prefix = {prefix.size + batch->size(), batch->next_offset()};
  }
}

// As a reader walks it: batches and damage lie one behind the other, from the segment's front to its end, their offsets
// as well, and damage is where the start told that it is.
void check_account(const RecoveredPartition& recovered) {
  const Segment& segment = *recovered.segments.back();
  must(recovered.end == segment.end && segment.end >= segment.base, "the log ends with its last segment");
  must(recovered.report.quarantined.size() == segment.damages.size(), "all damage is in the report");
  std::uint64_t position = 0;
  Offset offset = segment.base;
  std::size_t damages = 0;
  BatchWalker walker(*segment.file, region_of(extent_of(segment)), recovered.epochs, 4096);
  for (;;) {
    const auto step = walker.next();
    must(step.has_value(), "what is in memory can be read");
    if (*step == BatchWalker::Step::end) break;
    if (*step == BatchWalker::Step::damage) {
      must(walker.damage().position == position, "damage begins where what is before it ends");
      must(damages < segment.damages.size() && segment.damages[damages].offsets == walker.damage().offsets,
           "damage is told");
      ++damages;
    } else {
      must(walker.batch_position() == position && walker.batch().base_offset() == offset, "batches leave no gap");
    }
    must(walker.offset() > offset, "a walk gets on");
    position = walker.position();
    offset = walker.offset();
  }
  must(offset == segment.end, "a segment ends behind its last batch or damage");
}

}  // namespace

FUZZ_TARGET(segment) {
  const std::uint8_t flags = input.byte();
  const Offset base = input.word();
  const ByteView piece = input.take(input.word());
  const Bytes checkpoint(piece.begin(), piece.end());
  const ByteView rest = input.take_rest();
  Bytes log(rest.begin(), rest.end());
  if ((flags & 1) != 0) fuzz::mend_batches(log);

  const auto disk = make_memory_file_system();
  Place place(*disk, base, log, (flags & 2) != 0 ? &checkpoint : nullptr);
  const LeaderEpochs epochs =
      (flags & 2) != 0 ? LeaderEpochs::parse(as_text(checkpoint)).value_or(LeaderEpochs()) : LeaderEpochs();
  const Prefix whole = whole_from_the_front(log, base, epochs);

  const RecoveredPartition first = place.recover();
  must(first.end >= whole.end && first.segments.back()->size >= whole.size, "what is whole from the front on is kept");
  const Bytes kept = place.kept(first);
  must(std::equal(kept.begin(), kept.end(), log.begin()), "what is kept is not changed");
  check_account(first);

  if ((flags & 4) != 0) {
    disk->crash(1);
  } else {
    disk->kill();
  }
  const RecoveredPartition second = place.recover();
  const Bytes still_kept = place.kept(second);
  const std::size_t in_both = std::min(kept.size(), still_kept.size());
  must(std::equal(kept.begin(), kept.begin() + static_cast<std::ptrdiff_t>(in_both), still_kept.begin()),
       "a second start changes nothing");
  check_account(second);
  const auto& damages = first.segments.back()->damages;
  if (damages.empty()) {
    must(second.report.cut_bytes == 0, "nothing is cut twice");
    must(second.end == first.end && still_kept == kept, "a start after a start ends where that ended");
  } else {
    // Behind damage more may be believed than before, where a leader epoch had been forged to be the next one, and what
    // is damaged behind that is cut as any torn tail.
    must(second.end >= first.end && in_both >= damages.front().position, "what came before damage stays");
  }
}

}  // namespace bitacora::storage
