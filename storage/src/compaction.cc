#include "compaction.h"

#include <algorithm>
#include <limits>

#include "base/assert.h"
#include "batch_walker.h"
#include "file_names.h"

namespace bitacora::storage {
namespace {

constexpr std::size_t read_ahead = 1 << 20;
constexpr std::int64_t max_file_bytes = std::numeric_limits<std::int32_t>::max();  // positions in an index are 31 bits
constexpr Offset max_file_offsets = std::numeric_limits<std::int32_t>::max();

}  // namespace

Compaction::Compaction(FileSystem& fs, const LeaderEpochs& epochs, std::vector<SegmentExtent> segments,
                       CompactionOptions options)
    : fs_(fs),
      epochs_(epochs),
      segments_(std::move(segments)),
      options_(std::move(options)),
      clean_end_(options_.dirty_begin) {}

// Not through the cache: a pass over all segments would push out those that readers use.
Result<std::unique_ptr<File>> Compaction::open(const SegmentExtent& segment) const {
  if (options_.stopping()) return fail(Errc::closed, segment.stem + ": compaction ends with the store");
  return fs_.open(segment.stem + std::string(log_suffix), OpenMode::read);
}

Result<> Compaction::learn() {
  for (const SegmentExtent& segment : segments_) {
    if (segment.end <= options_.dirty_begin) continue;
    const auto file = open(segment);
    if (!file) return Failed(file.error());
    BatchWalker walker(**file, region_of(segment), epochs_, read_ahead);
    while (true) {
      const Result<BatchWalker::Step> step = walker.next();
      if (!step) return Failed(step.error());
      if (*step == BatchWalker::Step::end) break;
      if (*step == BatchWalker::Step::damage || walker.offset() <= clean_end_) continue;
      if (latest_.size_bytes() >= options_.key_bytes) return {};
      learn_keys(walker.batch(), latest_);
      clean_end_ = walker.offset();
    }
    clean_end_ = segment.end;
  }
  return {};
}

Result<std::vector<CompactionGroup>> Compaction::plan() {
  for (const SegmentExtent& segment : segments_) {
    if (segment.base >= clean_end_) break;
    const Result<Survey> found = survey(segment);
    if (!found) return Failed(found.error());
    surveys_.push_back(*found);
  }
  return group();
}

Result<Compaction::Survey> Compaction::survey(const SegmentExtent& segment) {
  Survey survey{.tombstones = tombstones_};
  const auto file = open(segment);
  if (!file) return Failed(file.error());
  BatchWalker walker(**file, region_of(segment), epochs_, read_ahead);
  bool begins_section = true;
  while (true) {
    const Result<BatchWalker::Step> step = walker.next();
    if (!step) return Failed(step.error());
    if (*step == BatchWalker::Step::end) break;
    if (*step == BatchWalker::Step::damage) {
      survey.is_damaged = true;
      tombstones_ = Tombstones::must_stay;
      continue;
    }
    const BatchView& batch = walker.batch();
    const CleanedBatch cleaned = clean_batch(batch, rules(), tombstones_);
    switch (cleaned.verdict) {
      case CleanedBatch::Verdict::opaque: tombstones_ = Tombstones::must_stay; [[fallthrough]];
      case CleanedBatch::Verdict::unchanged: survey.size += batch.size(); break;
      case CleanedBatch::Verdict::rewritten:
        survey.size += cleaned.bytes.size();
        survey.changes = true;
        break;
      case CleanedBatch::Verdict::emptied:
        survey.size += begins_section ? batch_header_size : 0;
        survey.changes |= !begins_section || batch.record_count() > 0;  // a placeholder that must stand is no change
        break;
    }
    begins_section = cleaned.verdict == CleanedBatch::Verdict::opaque;
    const bool may_go = tombstones_ == Tombstones::may_expire;
    if (may_go && cleaned.delete_horizon && (!next_expiry_ || *cleaned.delete_horizon < *next_expiry_)) {
      next_expiry_ = cleaned.delete_horizon;
    }
  }
  if (survey.size > static_cast<std::uint64_t>(max_file_bytes)) survey.changes = false;  // delete horizons need room
  return survey;
}

// Greedy from the oldest: neighbours join as long as they fit into one segment.
std::vector<CompactionGroup> Compaction::group() const {
  std::vector<CompactionGroup> groups;
  CompactionGroup next;
  std::uint64_t size = 0;
  const auto close = [&] {
    const bool is_worth_it = next.count > 1 || (next.count == 1 && surveys_[next.first].changes);
    if (is_worth_it) groups.push_back(next);
    next = {};
    size = 0;
  };
  for (std::size_t i = 0; i < surveys_.size(); ++i) {
    if (surveys_[i].is_damaged || !fits(next, size, i)) close();
    if (surveys_[i].is_damaged) continue;
    if (next.count == 0) next.first = i;
    ++next.count;
    size += surveys_[i].size;
  }
  close();
  return groups;
}

bool Compaction::fits(const CompactionGroup& group, std::uint64_t size, std::size_t next) const {
  return group.count == 0 || (size + surveys_[next].size <= options_.segment_bytes &&
                              segments_[next].end - segments_[group.first].base <= max_file_offsets);
}

Result<CleanedSegment> Compaction::build(const CompactionGroup& group, std::string path) const {
  Result<CleanedSegment> built =
      CleanedSegment::create(fs_, std::move(path), segments_[group.first].base, options_.index_interval);
  if (!built) return built;
  for (std::size_t i = group.first; i < group.first + group.count; ++i) {
    if (auto done = clean(segments_[i], surveys_[i].tombstones, *built); !done) return Failed(std::move(done.error()));
  }
  if (auto done = built->finish(); !done) return Failed(std::move(done.error()));
  return built;
}

Result<> Compaction::clean(const SegmentExtent& segment, Tombstones tombstones, CleanedSegment& into) const {
  const auto file = open(segment);
  if (!file) return Failed(file.error());
  if (auto done = into.begin_section(); !done) return done;
  BatchWalker walker(**file, region_of(segment), epochs_, read_ahead);
  while (true) {
    const Result<BatchWalker::Step> step = walker.next();
    if (!step) return Failed(step.error());
    if (*step == BatchWalker::Step::end) return {};
    if (*step == BatchWalker::Step::damage) {
      return fail(Errc::corrupt,
                  segment.stem + ": compaction met damage that was not there before: " + walker.damage().why);
    }
    CleanedBatch cleaned = clean_batch(walker.batch(), rules(), tombstones);
    Result<> done;
    switch (cleaned.verdict) {
      case CleanedBatch::Verdict::opaque:
        tombstones = Tombstones::must_stay;
        done = into.add_unchanged(walker.batch());
        if (done) done = into.begin_section();
        break;
      case CleanedBatch::Verdict::unchanged: done = into.add_unchanged(walker.batch()); break;
      case CleanedBatch::Verdict::rewritten: done = into.add_rewritten(std::move(cleaned.bytes)); break;
      case CleanedBatch::Verdict::emptied: done = into.add_emptied(walker.batch()); break;
    }
    if (!done) return done;
  }
}

}  // namespace bitacora::storage
