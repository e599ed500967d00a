// What a store does on the side: retention and compaction, and looking for damage.
#include "storage/ballast.h"
#include "store_impl.h"

namespace bitacora::storage {

Result<std::uint64_t> StoreImpl::run_housekeeping() {
  if (context_.read_only()) return std::uint64_t{0};
  Result<std::uint64_t> freed = keep_house();
  if (!freed && freed.error().code == Errc::no_space) {
    // Retention writes a few bytes before it gives many back.
    const Result<bool> released = release_ballast(context_.fs, options_.directory);
    if (released && *released) freed = keep_house();
  }
  restore_ballast_if_roomy();
  return freed;
}

std::unique_ptr<CompactionHold> StoreImpl::hold_compaction(std::vector<Offset> from) {
  return std::make_unique<CompactionHold>(compaction_holds_, std::move(from));
}

Result<std::uint64_t> StoreImpl::keep_house() {
  const Now now = context_.clock.now();
  std::uint64_t freed = 0;
  std::optional<Error> failed;
  for (AppendablePartition* partition : all_partitions()) {
    Result<std::uint64_t> done = partition->run_housekeeping(now);
    if (done) freed += *done;
    // The other partitions still get their turn; and a lack of room is what the caller can do something about.
    if (!done && (!failed || done.error().code == Errc::no_space)) failed = std::move(done.error());
  }
  if (failed) return Failed(std::move(*failed));
  return freed;
}

std::vector<KnownDamage> StoreImpl::known_damage() const {
  std::vector<KnownDamage> known;
  for (AppendablePartition* partition : all_partitions()) {
    for (Quarantine& quarantine : partition->quarantined()) {
      known.push_back({partition->log_name(), partition->number(), std::move(quarantine)});
    }
  }
  return known;
}

Result<ScrubResult> StoreImpl::scrub(std::uint64_t max_bytes) {
  const std::lock_guard scrubbing(scrubbing_);
  ScrubResult result;
  const Result<> done = scrub_some(max_bytes, result);
  {
    const std::lock_guard lock(totals_mutex_);
    scrub_totals_.bytes += result.bytes;
    if (result.pass_ended) ++scrub_totals_.passes;
    if (!done) ++scrub_totals_.read_errors;
  }
  if (!done) return Failed(done.error());
  return result;
}

Result<> StoreImpl::scrub_some(std::uint64_t max_bytes, ScrubResult& into) {
  const std::vector<AppendablePartition*> partitions = all_partitions();
  while (into.bytes < max_bytes) {
    if (scrubbed_partition_ >= partitions.size()) {
      scrubbed_partition_ = 0;
      into.pass_ended = true;
      return {};
    }
    const Result<std::optional<ScrubStep>> step =
        partitions[scrubbed_partition_]->scrub(scrub_position_, max_bytes - into.bytes);
    if (!step) return Failed(step.error());
    if (!*step) {
      ++scrubbed_partition_;
      scrub_position_ = {};
      continue;
    }
    into.bytes += (*step)->bytes;
    into.damages += (*step)->damages;
  }
  return {};
}

// A section of each partition in turn, so that none waits for a busy one.
Result<std::uint64_t> StoreImpl::index_keys(std::uint64_t max_bytes) {
  if (context_.read_only()) return std::uint64_t{0};
  std::vector<AppendablePartition*> behind = all_partitions();
  std::erase_if(behind, [](const AppendablePartition* partition) { return partition->is_internal(); });
  std::uint64_t bytes = 0;
  std::optional<Error> failed;
  while (!behind.empty() && bytes < max_bytes) {
    std::erase_if(behind, [&](AppendablePartition* partition) {
      const Result<std::optional<std::uint64_t>> step = partition->index_keys();
      if (!step) failed = step.error();
      if (step && *step) bytes += **step;
      return !step || !*step;
    });
  }
  if (failed && bytes == 0) return Failed(std::move(*failed));
  return bytes;
}

ScrubTotals StoreImpl::scrub_totals() const {
  const std::lock_guard lock(totals_mutex_);
  return scrub_totals_;
}

}  // namespace bitacora::storage
