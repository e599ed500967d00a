#include "torture_readings.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <set>

#include "proof/payload.h"
#include "torture_fleet.h"
#include "torture_subscriber.h"

namespace bitacora::app::torture {
namespace {

using Mistake = tl::unexpected<std::string>;
constexpr std::chrono::seconds reading_patience{30};
constexpr int overtaken_by_retention = 5;  // attempts

bool has_mark(const storage::RecordView& record) {
  return std::ranges::any_of(record.headers, [](const auto& header) { return header.name.starts_with("mqtt.dup"); });
}

// Turns `connections` until `is_done`, with patience.
template <class Condition>
bool turn_until(std::vector<Connection*> connections, Condition is_done) {
  const auto deadline = std::chrono::steady_clock::now() + reading_patience;
  while (!is_done()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    take_turn(connections, 100);
  }
  return true;
}

}  // namespace

Result<Duplicates, std::string> Readings::read_logs(LogSource& source) {
  Duplicates all;
  for (const KnownLog& log : known_logs()) {
    const auto partitions = source.partitions(log.facts.log);
    if (!partitions) return Mistake("reading back: " + partitions.error());
    for (const PartitionInfo& partition : *partitions) {
      const auto found = read_partition(source, log.facts.log, partition.number);
      if (!found) return Mistake("reading back: " + found.error());
      all.found += found->found;
      all.marked += found->marked;
    }
  }
  return all;
}

// Retention may take the beginning away while it is being read: then once more from where the log starts now.
SourceResult<Duplicates> Readings::read_partition(LogSource& source, const std::string& log, std::int32_t partition) {
  std::string failure;
  for (int attempt = 0; attempt < overtaken_by_retention; ++attempt) {
    const auto infos = source.partitions(log);
    if (!infos) return SourceFailure(infos.error());
    const storage::Offset begin = infos->at(static_cast<std::size_t>(partition)).offsets.log_start;
    const std::uint32_t reading = next_reading_;
    std::vector<proof::Fact> facts{proof::ReadingBegan{reading, log, partition, begin, begin}};
    Duplicates duplicates;
    std::set<std::pair<std::string, std::uint32_t>> messages;
    storage::Offset next = begin;
    failure.clear();
    while (failure.empty()) {
      const auto part = source.read(log, partition, next, [&](const storage::RecordView& record) {
        const proof::Content content = proof::identify(record.value.value_or(ByteView()));
        const std::string topic(record.key ? as_text(*record.key) : "");
        facts.emplace_back(proof::ReadRecord{reading, record.offset, topic, content});
        if (messages.emplace(content.publisher, content.sequence).second) return;
        ++duplicates.found;
        if (has_mark(record)) ++duplicates.marked;
      });
      if (!part) {
        failure = part.error();
      } else if (!part->damage.empty()) {
        return SourceFailure(part->damage);
      } else if (part->next == next) {
        break;
      } else {
        next = part->next;
      }
    }
    if (!failure.empty()) continue;
    facts.emplace_back(proof::ReadingEnded{reading, next});
    ++next_reading_;
    for (const proof::Fact& fact : facts) tell_(fact);
    return duplicates;
  }
  return SourceFailure(failure);
}

void Readings::read_group(LogSource& source) {
  const auto rows = source.group(group_name);
  if (!rows) return;  // nobody has acknowledged anything yet
  for (const GroupPartition& row : *rows) tell_(proof::GroupRead{group_name, {row.log, row.partition, row.committed}});
}

Status Readings::read_over_mqtt(LogSource& source, std::uint16_t port,
                                const std::vector<std::string>& retained_topics) {
  std::vector<std::unique_ptr<Replay>> replays;
  std::vector<Connection*> connections;
  for (const KnownLog& log : known_logs()) {
    if (!log.is_replayed) continue;
    const auto partitions = source.partitions(log.facts.log);
    if (!partitions) return Mistake(partitions.error());
    for (const PartitionInfo& info : *partitions) {
      if (info.offsets.committed == info.offsets.log_start) continue;
      const std::uint32_t reading = next_reading_++;
      replays.push_back(std::make_unique<Replay>(
          "replay-" + std::to_string(reading),
          Replay::Part{log.facts.log, info.number, info.offsets.log_start, info.offsets.committed}, reading, tell_));
      connections.push_back(replays.back().get());
    }
  }
  RetainedReader retained("retained-" + std::to_string(next_reading_), "keep/#", retained_topics, tell_);
  if (!retained.is_done()) connections.push_back(&retained);
  for (Connection* connection : connections) {
    if (!connection->open(port)) return Mistake("the server takes no connections for a replay");
  }
  const auto are_done = [&] {
    return std::ranges::all_of(replays, [](const auto& replay) { return replay->is_done(); });
  };
  const bool all_came = turn_until(connections, [&] { return are_done() && retained.is_done(); });
  if (!retained.is_done()) retained.give_up();
  for (const Connection* connection : connections) {
    if (!connection->complaint().empty()) return Mistake(connection->complaint());
  }
  return all_came || are_done() ? Status() : Mistake("a replay over MQTT did not come to its end within 30 s");
}

}  // namespace bitacora::app::torture
