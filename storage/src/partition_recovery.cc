#include "partition_recovery.h"

#include <algorithm>

#include "file_names.h"

namespace bitacora::storage {
namespace {

constexpr std::size_t scan_read_ahead = 1 << 20;

// What a walk over the last segment found.
struct TailScan {
  SegmentIndex index;
  std::vector<Damage> damages;
  std::uint64_t position = 0;  // behind the last good batch or the last damage
  Offset offset = 0;
  std::uint64_t proven_position = 0;  // everything before it was durable when some later batch was written
  std::uint64_t marked_position = 0;  // the last batch with a commit mark
  std::optional<Timestamp> first_timestamp;
};

struct FoundFile {
  Offset base = 0;
  std::uint64_t size = 0;
};

class Recovery {
 public:
  Recovery(const StoreContext& context, const std::string& log, std::int32_t number, const CleanPartition* clean)
      : context_(context), clean_(clean) {
    out_.directory = join(context.options.directory, partition_directory(log, number));
    out_.report.log = log;
    out_.report.partition = number;
  }

  Result<RecoveredPartition> run() {
    if (auto done = load_log_start(); !done) return Failed(std::move(done.error()));
    if (auto done = list_segments(); !done) return Failed(std::move(done.error()));
    if (auto done = load_epochs(); !done) return Failed(std::move(done.error()));
    if (files_.empty()) {
      if (auto done = create_first_segment(); !done) return Failed(std::move(done.error()));
      begin_epoch();
    } else if (clean_mark_agrees()) {
      if (auto done = open_clean(); !done) return Failed(std::move(done.error()));
    } else {
      if (auto done = check_chain(); !done) return Failed(std::move(done.error()));
      if (auto done = recover_tail(); !done) return Failed(std::move(done.error()));
      begin_epoch();
    }
    if (auto done = find_max_timestamp(); !done) return Failed(std::move(done.error()));
    settle_log_start();
    if (auto done = write(); !done) return Failed(std::move(done.error()));
    finish_report();
    return std::move(out_);
  }

 private:
  Result<> load_log_start();
  Result<> list_segments();
  Result<> settle_cleaned(const std::string& name);
  Result<> finish_removals();
  Result<> load_epochs();
  Result<> rebuild_epochs();
  Result<> create_first_segment();
  bool clean_mark_agrees() const;
  Result<> open_clean();
  Result<> check_chain();
  Result<> recover_tail();
  Result<TailScan> scan_tail(const File& file, std::uint64_t end_position) const;
  Result<> measure_torn_tail(const File& file, std::uint64_t position);
  void begin_epoch();
  Result<> find_max_timestamp();
  void settle_log_start();
  Result<> write();
  void quarantine(const Segment& segment, const Damage& damage);
  void finish_report();

  [[nodiscard]] std::string stem_of(Offset base) const { return join(out_.directory, segment_stem(base)); }
  [[nodiscard]] SegmentPtr make_segment(Offset base) const {
    return std::make_shared<Segment>(base, stem_of(base), context_.cache.index_interval());
  }
  [[nodiscard]] OpenMode mode() const { return context_.read_only() ? OpenMode::read : OpenMode::read_write; }
  void note(std::string text) { out_.report.notes.push_back(std::move(text)); }

  const StoreContext& context_;
  const CleanPartition* clean_;
  std::vector<FoundFile> files_;
  Offset recorded_log_start_ = 0;
  RecoveredPartition out_;
};

Result<> Recovery::load_log_start() {
  const Result<std::optional<Offset>> start = context_.catalog.log_start(out_.report.log, out_.report.partition);
  if (!start) return Failed(start.error());
  recorded_log_start_ = start->value_or(0);
  return {};
}

Result<> Recovery::list_segments() {
  const auto entries = context_.fs.list(out_.directory);
  if (!entries) {
    if (entries.error().code == Errc::not_found && context_.read_only()) return {};
    return Failed(entries.error());
  }
  std::vector<std::string> cleaned;
  for (const DirectoryEntry& entry : *entries) {
    if (entry.is_directory) continue;
    if (const std::optional<Offset> base = parse_segment_name(entry.name, log_suffix)) {
      const auto file = context_.fs.open(join(out_.directory, entry.name), OpenMode::read);
      if (!file) return Failed(file.error());
      const auto size = (*file)->size();
      if (!size) return Failed(size.error());
      files_.push_back({*base, *size});
    } else if (entry.name.ends_with(std::string(log_suffix) + std::string(cleaned_suffix)) && !context_.read_only()) {
      cleaned.push_back(entry.name);
    } else if (entry.name.ends_with(std::string(log_suffix) + std::string(unfinished_suffix)) &&
               !context_.read_only()) {
      if (auto removed = context_.fs.remove(join(out_.directory, entry.name)); !removed) return removed;
      note("removed " + entry.name +
           ": a segment that was being built when the process ended; none of it was acknowledged");
    }
  }
  for (const std::string& name : cleaned) {
    if (auto done = settle_cleaned(name); !done) return done;
  }
  std::sort(files_.begin(), files_.end(), [](const FoundFile& a, const FoundFile& b) { return a.base < b.base; });
  return finish_removals();
}

// What compaction made and had not put in place. Its first old segment is there, unless a file system without a journal
// lost that name in the middle of the rename (bugs-found.md): then this is the only copy and the rename is finished.
Result<> Recovery::settle_cleaned(const std::string& name) {
  const std::string path = join(out_.directory, name);
  const std::string final_name = name.substr(0, name.size() - cleaned_suffix.size());
  const std::optional<Offset> base = parse_segment_name(final_name, log_suffix);
  const bool is_only_copy =
      base && std::none_of(files_.begin(), files_.end(), [&](const FoundFile& file) { return file.base == *base; });
  if (!is_only_copy) {
    if (auto removed = context_.fs.remove(path); !removed) return removed;
    note("removed " + name + ": compaction had not finished it; the segments it was made of are there");
    return {};
  }
  const auto file = context_.fs.open(path, OpenMode::read);
  if (!file) return Failed(file.error());
  const auto size = (*file)->size();
  if (!size) return Failed(size.error());
  if (auto renamed = context_.fs.rename(path, join(out_.directory, final_name)); !renamed) return renamed;
  files_.push_back({*base, *size});
  note("renamed " + name + ": the segment whose place compaction was giving it has lost its name");
  return context_.fs.sync_directory(out_.directory);
}

// A removal makes the new log start durable first; here it is brought to its end.
Result<> Recovery::finish_removals() {
  std::size_t gone = 0;
  while (gone + 1 < files_.size() && files_[gone + 1].base <= recorded_log_start_) ++gone;
  if (gone == 0) return {};
  for (std::size_t i = 0; i < gone && !context_.read_only(); ++i) {
    for (const std::string_view suffix : segment_suffixes) {
      const auto removed = context_.fs.remove(stem_of(files_[i].base) + std::string(suffix));
      if (!removed && removed.error().code != Errc::not_found) return removed;
    }
  }
  files_.erase(files_.begin(), files_.begin() + static_cast<std::ptrdiff_t>(gone));
  if (context_.read_only()) return {};
  note("finished the removal of " + std::to_string(gone) + " segments below the log start offset");
  return context_.fs.sync_directory(out_.directory);
}

Result<> Recovery::load_epochs() {
  const Result<Bytes> text = read_file(context_.fs, join(out_.directory, epochs_file));
  if (!text && text.error().code != Errc::not_found) return Failed(text.error());
  if (text) {
    if (std::optional<LeaderEpochs> epochs = LeaderEpochs::parse(as_text(*text)); epochs && !epochs->empty()) {
      out_.epochs = std::move(*epochs);
      return {};
    }
  }
  if (files_.empty()) return {};
  note(text ? "leader-epoch-checkpoint was unreadable and is made anew from the batches"
            : "leader-epoch-checkpoint was missing and is made anew from the batches");
  clean_ = nullptr;
  return rebuild_epochs();
}

Result<> Recovery::rebuild_epochs() {
  const LeaderEpochs unchecked;
  for (std::size_t i = 0; i < files_.size(); ++i) {
    const auto file = context_.fs.open(stem_of(files_[i].base) + std::string(log_suffix), OpenMode::read);
    if (!file) return Failed(file.error());
    SegmentRegion region{.position = 0, .offset = files_[i].base, .end_position = files_[i].size};
    if (i + 1 < files_.size()) region.end_offset = files_[i + 1].base;
    BatchWalker walker(**file, region, unchecked, scan_read_ahead);
    while (true) {
      const Result<BatchWalker::Step> step = walker.next();
      if (!step) return Failed(step.error());
      if (*step == BatchWalker::Step::end) break;
      if (*step != BatchWalker::Step::batch || walker.batch().leader_epoch() <= out_.epochs.latest()) continue;
      out_.epochs.begin(walker.batch().leader_epoch(), walker.batch().base_offset());
    }
    out_.report.scanned_bytes += files_[i].size;
  }
  return {};
}

Result<> Recovery::create_first_segment() {
  out_.log_start = out_.end = recorded_log_start_;
  if (context_.read_only()) return {};
  note("no segment was found: the partition begins empty at offset " + std::to_string(out_.end));
  SegmentPtr segment = make_segment(out_.end);
  auto file = context_.fs.open(segment->stem + std::string(log_suffix), OpenMode::create);
  if (!file && file.error().code != Errc::no_space) return Failed(std::move(file.error()));
  out_.must_roll = !file;
  if (file) segment->file = std::move(*file);
  out_.segments.push_back(std::move(segment));
  return {};
}

bool Recovery::clean_mark_agrees() const {
  return clean_ != nullptr && clean_->segments == files_.size() && clean_->active_base == files_.back().base &&
         clean_->active_size == files_.back().size;
}

Result<> Recovery::open_clean() {
  for (std::size_t i = 0; i < files_.size(); ++i) {
    SegmentPtr segment = make_segment(files_[i].base);
    segment->size = files_[i].size;
    segment->end = i + 1 < files_.size() ? files_[i + 1].base : clean_->end;
    out_.segments.push_back(std::move(segment));
  }
  Segment& active = *out_.segments.back();
  const auto opened = context_.cache.open(extent_of(active), out_.epochs);
  if (!opened) return Failed(opened.error());
  if ((*opened)->index_was_rebuilt) ++out_.report.indexes_rebuilt;
  active.index = (*opened)->index;
  context_.cache.drop(active.stem);
  auto file = context_.fs.open(active.stem + std::string(log_suffix), mode());
  if (!file) return Failed(std::move(file.error()));
  active.file = std::move(*file);
  Bytes header(batch_header_size);
  const Result<std::size_t> count = active.file->read_at(0, header);
  if (!count) return Failed(count.error());
  if (*count == header.size()) out_.first_timestamp = BatchView::header_only(header).base_timestamp();
  out_.file_size = active.size;
  out_.end = clean_->end;
  out_.max_timestamp = clean_->max_timestamp;
  return {};
}

// Each sealed segment must end where the next begins. Only its end, from the last index entry on, is looked at.
Result<> Recovery::check_chain() {
  for (std::size_t i = 0; i + 1 < files_.size(); ++i) {
    SegmentPtr segment = make_segment(files_[i].base);
    segment->size = files_[i].size;
    segment->end = files_[i + 1].base;
    const auto opened = context_.cache.open(extent_of(*segment), out_.epochs);
    if (!opened) return Failed(opened.error());
    if ((*opened)->index_was_rebuilt) ++out_.report.indexes_rebuilt;
    SegmentRegion region = region_of(extent_of(*segment));
    if (const std::optional<OffsetIndexEntry> last = (*opened)->index.last_entry()) {
      if (const auto base = batch_base_at(*(*opened)->file, *last, segment->size)) {
        region.position = last->position;
        region.offset = *base;
      }
    }
    out_.report.scanned_bytes += region.end_position - region.position;
    BatchWalker walker(*(*opened)->file, region, out_.epochs, scan_read_ahead);
    while (true) {
      const Result<BatchWalker::Step> step = walker.next();
      if (!step) return Failed(step.error());
      if (*step == BatchWalker::Step::end) break;
      if (*step != BatchWalker::Step::damage) continue;
      quarantine(*segment, walker.damage());
      segment->damages.push_back(walker.damage());
    }
    out_.segments.push_back(std::move(segment));
  }
  return {};
}

Result<TailScan> Recovery::scan_tail(const File& file, std::uint64_t end_position) const {
  const Offset base = files_.back().base;
  const Offset proven_end = std::max(out_.epochs.latest_start(), clean_ != nullptr ? clean_->end : 0);
  TailScan scan{.index = SegmentIndex(base, context_.cache.index_interval()), .damages = {}, .first_timestamp = {}};
  BatchWalker walker(file, {.position = 0, .offset = base, .end_position = end_position}, out_.epochs, scan_read_ahead);
  while (true) {
    const Result<BatchWalker::Step> step = walker.next();
    if (!step) return Failed(step.error());
    if (*step == BatchWalker::Step::end) break;
    if (*step == BatchWalker::Step::damage) {
      scan.damages.push_back(walker.damage());
      if (walker.damage().offsets.begin < proven_end) scan.proven_position = walker.position();
    } else {
      const BatchView& batch = walker.batch();
      scan.index.add(batch, walker.batch_position());
      if (!scan.first_timestamp) scan.first_timestamp = batch.base_timestamp();
      if (batch.has_commit_mark()) scan.marked_position = walker.batch_position();
      if (batch.has_commit_mark() || batch.base_offset() < proven_end) scan.proven_position = walker.batch_position();
    }
    scan.position = walker.position();
    scan.offset = walker.offset();
  }
#ifdef BITACORA_BREAK_TRUNCATE_AT_FIRST_BAD  // a defect for the rigs (docs/proof.md)
  scan.proven_position = 0;
  return scan;
#endif
  if (scan.position == 0) scan.offset = base;
  if (scan.offset < proven_end) {
    // The end of what was durable is missing altogether.
    if (scan.damages.empty() || scan.damages.back().position + scan.damages.back().size != scan.position) {
      scan.damages.push_back({{scan.offset, proven_end}, scan.position, 0, "the segment ends too early"});
    }
    scan.damages.back().offsets.end = proven_end;
    scan.proven_position = scan.position + 1;
    scan.offset = proven_end;
  }
  return scan;
}

Result<> Recovery::recover_tail() {
  SegmentPtr segment = make_segment(files_.back().base);
  auto file = context_.fs.open(segment->stem + std::string(log_suffix), mode());
  if (!file) return Failed(std::move(file.error()));
  segment->file = std::move(*file);
  out_.file_size = files_.back().size;
  out_.report.scanned_bytes += out_.file_size;
  Result<TailScan> scan = scan_tail(*segment->file, out_.file_size);
  if (!scan) return Failed(std::move(scan.error()));
  const auto torn = std::find_if(scan->damages.begin(), scan->damages.end(),
                                 [&](const Damage& damage) { return damage.position >= scan->proven_position; });
  if (torn != scan->damages.end()) {
    const std::uint64_t cut = torn->position;
    if (auto done = measure_torn_tail(*segment->file, cut); !done) return done;
    scan = scan_tail(*segment->file, cut);
    if (!scan) return Failed(std::move(scan.error()));
  }
  for (const Damage& damage : scan->damages) quarantine(*segment, damage);
  const bool ends_in_damage = !scan->damages.empty() && scan->damages.back().offsets.end == scan->offset;
  // An empty segment behind another one may be what a roll left whose sync of the directory failed: then its name is
  // seen and not durable, and no later sync makes it so. It gets its name anew before anything is written to it.
  const bool may_lack_its_name = scan->position == 0 && files_.size() > 1;
  out_.must_roll = ends_in_damage || may_lack_its_name;
  // After a failed sync the page cache may show bytes that the disk never got: written again they will be.
  out_.writes.rewrite = {scan->marked_position, scan->position};
  segment->damages = std::move(scan->damages);
  segment->index = std::move(scan->index);
  segment->end = out_.end = scan->offset;
  segment->size = scan->position;
  out_.first_timestamp = scan->first_timestamp;
  out_.segments.push_back(std::move(segment));
  return {};
}

Result<> Recovery::measure_torn_tail(const File& file, std::uint64_t position) {
  // Zeros behind the last byte that is not zero were written ahead and say nothing.
  Bytes tail(static_cast<std::size_t>(out_.file_size - position));
  const Result<std::size_t> count = file.read_at(position, tail);
  if (!count) return Failed(count.error());
  tail.resize(*count);
  while (!tail.empty() && tail.back() == std::byte{0}) tail.pop_back();
  out_.report.cut_bytes = tail.size();
  out_.writes.torn_tail = {position, position + tail.size()};
  return {};
}

void Recovery::begin_epoch() {
  if (context_.read_only()) return;
  out_.epochs.forget_before(out_.segments.front()->base);
  // No log has so many starts: damage in the checkpoint or a header made the number, and there is none behind it.
  if (out_.epochs.latest() == LeaderEpochs::highest) return;
  out_.epochs.begin(out_.epochs.latest() + 1, out_.end);
  out_.writes.leader_epochs = true;
}

Result<> Recovery::find_max_timestamp() {
  if (out_.max_timestamp) return {};
  for (std::size_t i = out_.segments.size(); i > 0 && !out_.max_timestamp; --i) {
    const Segment& segment = *out_.segments[i - 1];
    if (segment.file || segment.end == segment.base) {  // without a file it is one that could not be made
      out_.max_timestamp = segment.index.max_timestamp();
      continue;
    }
    const auto opened = context_.cache.open(extent_of(segment), out_.epochs);
    if (!opened) return Failed(opened.error());
    out_.max_timestamp = (*opened)->index.max_timestamp();
  }
  return {};
}

void Recovery::settle_log_start() {
  if (out_.segments.empty()) return;
  out_.log_start = std::min(std::max(out_.segments.front()->base, recorded_log_start_), out_.end);
  if (recorded_log_start_ <= out_.end) return;
  note("the catalog's log start offset " + std::to_string(recorded_log_start_) + " is past the end of the log " +
       std::to_string(out_.end) + ": the catalog is newer than the log");
  // Or it would hide, at some later start, what is appended from now on.
  out_.writes.log_start = out_.log_start;
}

// What was decided. A full disk keeps what is durable from nobody: the rest is left to the partition.
Result<> Recovery::write() {
  if (context_.read_only()) out_.writes = {};
  if (out_.writes.empty()) return {};
  const std::optional<RecoveryWrites::Range> torn_tail = out_.writes.torn_tail;
  Segment& active = *out_.segments.back();
  Result<std::string> copy = carry_out(out_.writes, {.fs = context_.fs,
                                                     .catalog = context_.catalog,
                                                     .log = out_.report.log,
                                                     .partition = out_.report.partition,
                                                     .directory = out_.directory,
                                                     .active_stem = active.stem,
                                                     .active = active.file.get(),
                                                     .epochs = out_.epochs});
  if (!copy && out_.writes.rewrite) {
    copy.error().message += ", as " + out_.directory + " was to be written again from its last commit mark on: " +
                            "without that a power cut could take what its readers see";
    return Failed(std::move(copy.error()));
  }
  if (!copy && copy.error().code != Errc::no_space) return Failed(std::move(copy.error()));
  if (copy) out_.report.cut_copy = std::move(*copy);
  if (torn_tail && !out_.writes.torn_tail) out_.file_size = torn_tail->position;
  if (!out_.writes.empty()) note("the disk is full: it can be read; appends are refused until there is room");
  return {};
}

void Recovery::quarantine(const Segment& segment, const Damage& damage) {
  const std::string name = segment_stem(segment.base) + std::string(log_suffix);
  out_.report.quarantined.push_back({damage.offsets, name, damage.position, damage.size, damage.why});
}

void Recovery::finish_report() {
  out_.report.log_start = out_.log_start;
  out_.report.durable_end = out_.end;
  out_.report.leader_epoch = std::max(out_.epochs.latest(), 0);
  out_.report.segments = static_cast<std::int32_t>(out_.segments.size());
}

}  // namespace

Result<RecoveredPartition> recover_partition(const StoreContext& context, const std::string& log, std::int32_t number,
                                             const CleanPartition* clean) {
  return Recovery(context, log, number, clean).run();
}

}  // namespace bitacora::storage
