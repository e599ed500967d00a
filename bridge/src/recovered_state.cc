#include "recovered_state.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "base/failpoint.h"
#include "bridge/cursor.h"
#include "bridge/message.h"
#include "bridge/shard.h"

namespace bitacora::bridge {
namespace {

using Positions = std::map<std::pair<std::string, std::int32_t>, storage::Offset>;

storage::Result<storage::Partition*> internal_partition(storage::Store& store, std::string_view name) {
  storage::Log* log = store.find_log(name);
  if (log == nullptr)
    return storage::fail(storage::Errc::not_found, "the internal log " + std::string(name) + " is missing");
  return &log->partition(0);
}

// Gives every record of a partition from `from` on to `sink`. Damage is passed over, and said.
template <class Sink>
storage::Result<> for_each_record(storage::Partition& partition, storage::Offset from, Sink&& sink) {
  Cursor cursor({{&partition, from}});
  while (true) {
    auto record = cursor.next();
    if (!record) return tl::unexpected<storage::Error>(std::move(record.error()));
    if (*record) {
      sink((*record)->record);
    } else if (const auto gap = cursor.take_gap()) {
      if (gap->cause == Gap::Cause::retention) continue;
      spdlog::error("{}/{}: records {} to before {} are damaged and were passed over at start", partition.log_name(),
                    partition.number(), gap->offsets.begin, gap->offsets.end);
    } else {
      return {};
    }
  }
}

std::vector<storage::Partition*> client_partitions(storage::Store& store) {
  std::vector<storage::Partition*> partitions;
  for (std::uint32_t i = 0; i < store.partition_count(); ++i) {
    storage::Partition& partition = store.partition(storage::PartitionIndex(i));
    if (!partition.is_internal()) partitions.push_back(&partition);
  }
  return partitions;
}

storage::Offset position_in(const Positions& positions, const storage::Partition& partition) {
  const storage::PartitionOffsets bounds = partition.offsets();
  const auto found = positions.find({partition.log_name(), partition.number()});
  if (found == positions.end()) return bounds.log_start;
  return std::min(found->second, bounds.committed);  // a backup of the log may be older than the journal (F14)
}

NamedPositions named_positions(storage::Store& store, const Positions& positions) {
  NamedPositions named;
  for (const storage::Partition* partition : client_partitions(store)) {
    named.push_back({partition->log_name(), partition->number(), position_in(positions, *partition)});
  }
  return named;
}

// A log that lost its end (an `async` one in a power cut, or a backup) gives the same offsets out again: a position
// past its end must not survive this start, or what comes there next would be passed over by a later one. Returns
// whether it changed any.
bool bring_into_logs(storage::Store& store, NamedPositions& positions) {
  bool changed = false;
  for (NamedPosition& position : positions) {
    const storage::Log* log = store.find_log(position.log);
    if (log == nullptr || position.partition >= log->partition_count()) continue;
    const storage::Offset end = log->partition(position.partition).offsets().committed;
    if (position.offset <= end) continue;
    position.offset = end;
    changed = true;
  }
  return changed;
}

// Whether the publish was received or refused nobody knows here: hence the digest. Of an id only the latest counts.
void add_qos2(JournalImage::Session& session, const Qos2Mark& mark, const storage::RecordView& record) {
  Qos2Entry& entry = *session.qos2;
  const auto is_refused = [&] {
    return std::ranges::find(entry.refused, Qos2Entry::Refused{mark.packet_id, mark.sequence}) != entry.refused.end();
  };
  if (mark.sequence < entry.complete_below && !is_refused()) return;
  const auto known = std::ranges::find(entry.received, mark.packet_id, &Qos2Entry::Received::packet_id);
  if (known == entry.received.end()) {
    entry.received.push_back({mark.packet_id, mark.sequence, digest_of(record)});
  } else if (known->sequence < mark.sequence) {
    *known = {mark.packet_id, mark.sequence, digest_of(record)};
  }
}

// Of the Wills of a session those under one topic follow each other in its partition: where this one or a later one was
// published, the journal's was published before or taken back. One with RETAIN was published only if its retained copy
// is stored too.
bool settles_will(const JournalImage::Session& session, const WillMark& mark, const storage::RecordView& record,
                  const std::set<WillMark>& retained) {
  const StoredWill& will = session.will->will;
  if (will.number == 0 || mark.number < will.number) return false;
  if (MessageDecoder::topic_of(record) != will.topic) return false;
  return mark.number > will.number || MessageDecoder::retain_of(record) == mqtt::Retain::no || retained.contains(mark);
}

// What the records behind the marks say and the journal does not yet: QoS 2 publishes that were received, and Wills
// that were published, each named in its record. `retained`: the Wills that have a retained copy.
storage::Result<> add_from_logs(storage::Store& store, JournalImage& image, const Positions& marks,
                                const std::set<WillMark>& retained) {
  std::map<std::uint64_t, JournalImage::Session*> by_epoch;
  for (auto& [client, session] : image.sessions()) {
    if (!session.qos2) session.qos2 = Qos2Entry{client, session.entry.epoch, 0, {}};
    by_epoch[session.entry.epoch] = &session;
  }
  const bool none_kept = std::ranges::all_of(
      image.sessions(), [](const auto& named) { return named.second.entry.expiry_s == 0; });  // here for their Wills
  if (none_kept && marks.empty()) return {};                                                  // an earlier version's
  for (storage::Partition* partition : client_partitions(store)) {
    auto scanned = for_each_record(*partition, position_in(marks, *partition), [&](const storage::RecordView& record) {
      const auto qos2 = MessageDecoder::qos2_of(record);
      const auto will = qos2 ? std::nullopt : MessageDecoder::will_of(record);
      if (!qos2 && !will) return;
      const auto named = by_epoch.find(qos2 ? qos2->session_epoch : will->session_epoch);
      if (named == by_epoch.end()) return;
      JournalImage::Session& session = *named->second;
      if (qos2) return add_qos2(session, *qos2, record);
      if (session.will && settles_will(session, *will, record, retained)) session.will.reset();
    });
    if (!scanned) return scanned;
  }
  for (auto& [client, session] : image.sessions()) {
    session.qos2->refused.clear();  // those that have no record by now will have none
    for (const auto& received : session.qos2->received) {
      session.qos2->complete_below = std::max(session.qos2->complete_below, received.sequence + 1);
    }
  }
  return {};
}

// Where a feed that the journal calls live goes on: at the mark, and not below what it said when it was written.
void make_explicit(storage::Store& store, FeedEntry& feed, const Positions& marks) {
  const NamedPositions settled = std::exchange(feed.positions, named_positions(store, marks));
  feed.live = false;
  const auto settled_in = [&settled](const NamedPosition& position) {
    return std::ranges::find_if(settled, [&](const NamedPosition& other) {
      return other.log == position.log && other.partition == position.partition;
    });
  };
  if (feed.feed.starts_with("$log/") && !settled.empty()) {
    std::erase_if(feed.positions, [&](const NamedPosition& position) { return settled_in(position) == settled.end(); });
  }
  for (NamedPosition& position : feed.positions) {
    if (const auto found = settled_in(position); found != settled.end()) {
      position.offset = std::max(position.offset, found->offset);
    }
  }
}

// A subscription without its feed (the record of the feed was not written yet) starts where the mark is.
void make_explicit(storage::Store& store, JournalImage::Session& session, const Positions& marks) {
  session.feeds.try_emplace("", FeedEntry{session.entry.client_id, "", session.entry.epoch, true, {}});
  for (const auto& [filter, subscription] : session.subscriptions) {
    const bool replay = filter.starts_with("$replay/") || filter.starts_with("$log/");
    if (replay)
      session.feeds.try_emplace(filter, FeedEntry{session.entry.client_id, filter, session.entry.epoch, true, {}});
  }
  for (auto& [name, feed] : session.feeds) {
    if (feed.live) make_explicit(store, feed, marks);
  }
}

// A session that still has its Will is kept until its shard has published it: it ends there [MQTT-3.1.2-8].
bool has_expired(const JournalImage::Session& session, Timestamp now_ms) {
  const SessionEntry& entry = session.entry;
  if (session.will) return false;
  return entry.expiry_s == 0 || (entry.expiry_s != 0xFFFFFFFF && entry.disconnected_at != 0 &&
                                 entry.disconnected_at + std::int64_t{entry.expiry_s} * 1000 <= now_ms);
}

// The journal's new beginning. Its last records are the marks, so that a part of it means no more than the old journal
// did.
class JournalStart {
 public:
  void add(const JournalRecord& record, Timestamp now_ms) {
    storage::RecordView view;
    view.timestamp = now_ms;
    view.key = record.key;
    if (record.value) view.value = *record.value;
    builder_.add(view);
    if (builder_.size() >= batch_bytes) batches_.push_back(builder_.take());
  }

  storage::Result<> commit(storage::Committer& committer, storage::Partition& partition) {
    if (!builder_.empty()) batches_.push_back(builder_.take());
    struct Outcome {
      std::shared_ptr<const storage::Error> error;
    };
    const auto outcome = std::make_shared<Outcome>();  // the listener stays with the committer for good
    committer.add_listener([outcome](const std::shared_ptr<const storage::CommitNotice>& notice) {
      for (const storage::AppendOutcome& of_batch : notice->outcomes) {
        if (of_batch.origin == origin && of_batch.error) outcome->error = of_batch.error;
      }
    });
    for (Bytes& batch : batches_) {
      auto queued = committer.submit(storage::AppendRequest{&partition, std::move(batch), origin, 0});
      if (!queued) return queued;
      committer.run_once();
      if (outcome->error) return tl::unexpected<storage::Error>(*outcome->error);
    }
    return {};
  }

 private:
  static constexpr std::size_t batch_bytes = 8 << 20;
  static constexpr std::uint32_t origin = 0xFFFFFFFF;
  storage::BatchBuilder builder_;
  std::vector<Bytes> batches_;
};

}  // namespace

storage::Result<> create_internal_logs(storage::Store& store) {
  storage::LogSettings settings;
  settings.partitions = 1;
  settings.cleanup = storage::Cleanup::compact;
  settings.retention_time.reset();
  settings.segment_bytes = 16 << 20;
  for (const std::string_view name : {sessions_log, retained_log}) {
    if (store.find_log(name) != nullptr) continue;
    auto created = store.create_log(std::string(name), settings);
    if (!created) return tl::unexpected<storage::Error>(std::move(created.error()));
  }
  return {};
}

storage::Result<std::shared_ptr<const RecoveredState>> recover_state(storage::Store& store,
                                                                     storage::Committer& committer,
                                                                     std::uint32_t shard_count, Timestamp now_ms) {
  const auto sessions = internal_partition(store, sessions_log);
  if (!sessions) return tl::unexpected<storage::Error>(sessions.error());
  const auto retained = internal_partition(store, retained_log);
  if (!retained) return tl::unexpected<storage::Error>(retained.error());

  JournalImage image;
  std::uint64_t unknown = 0;
  auto read = for_each_record(**sessions, (*sessions)->offsets().log_start, [&](const storage::RecordView& record) {
    if (!image.apply(record)) ++unknown;
  });
  if (!read) return tl::unexpected<storage::Error>(std::move(read.error()));
  if (unknown != 0) spdlog::warn("{}: {} records of a form that this version does not know", sessions_log, unknown);
  image.finish();

  auto state = std::make_shared<RecoveredState>();
  std::set<std::string> with_will;
  for (const auto& [client, session] : image.sessions()) {
    if (session.will) with_will.insert(client);
  }
  std::set<WillMark> retained_wills;
  read = for_each_record(**retained, (*retained)->offsets().log_start, [&](const storage::RecordView& record) {
    state->retained.apply(record);
    if (const auto will = MessageDecoder::will_of(record)) retained_wills.insert(*will);
  });
  if (!read) return tl::unexpected<storage::Error>(std::move(read.error()));
  state->retained.drop_expired(now_ms, state->retained.size());

  const Positions marks = image.lowest_marks();
  auto added = add_from_logs(store, image, marks, retained_wills);
  if (!added) return tl::unexpected<storage::Error>(std::move(added.error()));

  JournalStart start;
  for (const std::string& client : with_will) {
    if (!image.sessions().at(client).will) start.add(will_tombstone(client), now_ms);
  }
  for (const auto& [client, session] : image.sessions()) {
    if (!has_expired(session, now_ms)) continue;
    for (const auto& [filter, entry] : session.subscriptions) start.add(subscription_tombstone(client, filter), now_ms);
    for (const auto& [name, feed] : session.feeds) start.add(feed_tombstone(client, name), now_ms);
    start.add(qos2_tombstone(client), now_ms);
    if (session.in_flight) start.add(in_flight_tombstone(client), now_ms);
    start.add(session_tombstone(client), now_ms);
  }
  std::erase_if(image.sessions(), [&](const auto& named) { return has_expired(named.second, now_ms); });

  if (!image.sessions().empty()) {
    for (auto& [client, session] : image.sessions()) {
      if (session.entry.disconnected_at == 0) session.entry.disconnected_at = now_ms;
      make_explicit(store, session, marks);
      start.add(encode(session.entry), now_ms);
      for (const auto& [name, named] : session.feeds) {
        FeedEntry feed = named;  // restore.h tells of what is past the end
        bring_into_logs(store, feed.positions);
        start.add(encode(feed), now_ms);
      }
      for (auto& [filter, subscription] : session.subscriptions) {
        if (bring_into_logs(store, subscription.start)) start.add(encode(subscription), now_ms);
      }
      start.add(encode(*session.qos2), now_ms);
      state->sessions.push_back(session);
    }
    Positions ends;
    for (const storage::Partition* partition : client_partitions(store)) {
      ends[{partition->log_name(), partition->number()}] = partition->offsets().committed;
    }
    for (std::uint32_t shard = 0; shard < shard_count; ++shard) {
      start.add(encode(MarkEntry{shard, named_positions(store, ends)}), now_ms);
    }
    state->has_marks = true;
  }
  for (const auto& [shard, mark] : image.marks()) {
    if (!state->has_marks || shard >= shard_count) start.add(mark_tombstone(shard), now_ms);
  }
  BITACORA_FAILPOINT("start.sessions_brought_forward");
  auto committed = start.commit(committer, **sessions);
  if (!committed) return tl::unexpected<storage::Error>(std::move(committed.error()));
  BITACORA_FAILPOINT("start.sessions_committed");
  return std::shared_ptr<const RecoveredState>(std::move(state));
}

}  // namespace bitacora::bridge
