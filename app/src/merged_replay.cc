#include "merged_replay.h"

#include <algorithm>

namespace bitacora::app {
namespace {

std::optional<Bytes> owned(const std::optional<ByteView>& view) {
  return view ? std::optional<Bytes>(std::in_place, view->begin(), view->end()) : std::nullopt;
}

std::optional<ByteView> viewed(const std::optional<Bytes>& bytes) {
  return bytes ? std::optional<ByteView>(*bytes) : std::nullopt;
}

}  // namespace

MergedReplay::OwnedRecord::OwnedRecord(const storage::RecordView& view)
    : offset(view.offset), timestamp(view.timestamp), key(owned(view.key)), value(owned(view.value)) {
  for (const auto& header : view.headers) headers.emplace_back(header.name, owned(header.value));
}

storage::RecordView MergedReplay::OwnedRecord::view(std::vector<storage::HeaderView>& views) const {
  views.clear();
  for (const auto& [name, text] : headers) views.push_back({name, viewed(text)});
  return {offset, timestamp, viewed(key), viewed(value), views};
}

MergedReplay::MergedReplay(LogSource& source, std::string log, const std::vector<ReplayRange>& ranges,
                           std::string filter)
    : source_(source), log_(std::move(log)), filter_(std::move(filter)) {
  for (const auto& range : ranges) {
    if (range.from >= range.to) continue;
    lanes_.push_back({range, {}});
    total_ += static_cast<std::uint64_t>(range.to - range.from);
  }
}

SourceResult<> MergedReplay::fill(Lane& lane) {
  while (lane.records.empty() && lane.rest.from < lane.rest.to) {
    const RecordSink sink = [&](const storage::RecordView& record) {
      if (record.offset < lane.rest.to) lane.records.emplace_back(record);
    };
    const ReplayRange& rest = lane.rest;
    const auto part = filter_.empty() ? source_.read(log_, rest.partition, rest.from, sink)
                                      : source_.search(log_, rest.partition, rest.from, filter_, sink);
    if (!part) return SourceFailure(part.error());
    if (!part->damage.empty()) damage_.push_back(part->damage);
    // A source that has nothing more below `to` (retention or compaction took it) ends the lane.
    const storage::Offset reached = part->next > lane.rest.from ? std::min(part->next, lane.rest.to) : lane.rest.to;
    passed_ += static_cast<std::uint64_t>(reached - lane.rest.from);
    lane.rest.from = reached;
  }
  return {};
}

SourceResult<std::optional<MergedReplay::Step>> MergedReplay::next() {
  Lane* earliest = nullptr;
  for (Lane& lane : lanes_) {
    if (const auto filled = fill(lane); !filled) return SourceFailure(filled.error());
    if (lane.records.empty()) continue;
    if (earliest == nullptr || lane.records.front().timestamp < earliest->records.front().timestamp) earliest = &lane;
  }
  if (earliest == nullptr) return std::optional<Step>();
  current_ = std::move(earliest->records.front());
  earliest->records.pop_front();
  return Step{earliest->rest.partition, current_->view(current_headers_)};
}

}  // namespace bitacora::app
