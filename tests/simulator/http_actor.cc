#include "simulator/http_actor.h"

#include <algorithm>
#include <utility>

namespace bitacora::sim {

void HttpActor::produce(const std::string& log, const std::string& topic) { send({log, topic, next_sequence_++}); }

void HttpActor::send(const Sent& sent) {
  witness_.take(proof::Published{name_, sent.sequence, sent.topic, 1});
  const std::string payload = proof::make_payload(name_, sent.sequence, 200);
  bridge::RecordToProduce record{};
  record.key = as_bytes(sent.topic);
  record.value = as_bytes(payload);
  bridge::OffsetService& service = world_.offset_service();
  const auto log = service.find_log(sent.log);
  if (!log) return witness_.complain("no log " + sent.log);
  const auto id = service.produce(**log, std::span(&record, 1), world_.clock().now().wall_ms);
  if (!id) return witness_.complain("produce: " + id.error().message);
  pending_.emplace(*id, sent);
}

void HttpActor::step() {
  for (const bridge::Produced& produced : world_.offset_service().take_produced()) {
    const auto found = pending_.find(produced.id);
    if (found == pending_.end()) continue;
    const Sent sent = found->second;
    pending_.erase(found);
    const bridge::ProducedRecord& answer = produced.records.front();
    if (answer.error) continue;  // refused, and counted by no one here: the log has it or has it not
    witness_.take(proof::Acknowledged{name_, sent.sequence, proof::Answer::produced,
                                      proof::Place{sent.log, answer.partition, answer.offset}});
  }
}

void HttpActor::tell_unheard(const std::vector<bridge::Produced>& answers) {
  for (const bridge::Produced& produced : answers) {
    const auto found = pending_.find(produced.id);
    if (found == pending_.end() || !produced.records.front().error) continue;
    witness_.take(proof::RefusedUnheard{name_, found->second.sequence});
  }
}

void HttpActor::on_server_started() {
  for (const auto& [id, sent] : std::exchange(pending_, {})) send(sent);
}

void HttpActor::commit(storage::Partition& partition, storage::Offset by, Move move) {
  const storage::PartitionOffsets bounds = partition.offsets();
  storage::Offset& at = committed_[{partition.log_name(), partition.number()}];
  const storage::Offset least = move == Move::back ? bounds.log_start : std::max(at, bounds.log_start);
  if (least > bounds.committed) return;
  const storage::Offset wanted = move == Move::back ? least : std::clamp(at + by, least, bounds.committed);
  const proof::Place place{partition.log_name(), partition.number(), wanted};
  if (move == Move::back) witness_.take(proof::GroupReset{name_, place});
  bridge::OffsetService& service = world_.offset_service();
  const storage::GroupOffset offset{.log = place.log, .partition = place.partition, .offset = wanted};
  if (const auto done = service.commit_group(name_, {offset}, world_.clock().now().wall_ms); !done) {
    return witness_.complain("commit_group: " + done.error().message);
  }
  at = wanted;
  witness_.take(proof::GroupCommitted{name_, place});
  const auto positions = service.group_positions(name_);
  if (!positions) return witness_.complain("group_positions: " + positions.error().message);
  for (const bridge::GroupPosition& position : *positions) {
    const storage::GroupOffset& read = position.committed;
    witness_.take(proof::GroupRead{name_, {read.log, read.partition, read.offset}});
  }
}

}  // namespace bitacora::sim
