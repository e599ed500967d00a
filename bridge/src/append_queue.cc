#include "bridge/append_queue.h"

#include <utility>

namespace bitacora::bridge {

void AppendQueue::add(storage::Partition& partition, const storage::RecordView& record, Ticket ticket) {
  const std::uint32_t index = partition.index().value();
  if (index >= open_.size()) open_.resize(index + 1);
  if (!open_[index]) open_[index] = std::make_unique<Open>();
  Open& open = *open_[index];
  if (open.builder.empty()) {
    open.partition = &partition;
    open_order_.push_back(index);
    ++open_count_;
  }
  open.builder.add(record);
  open.tickets.push_back(ticket);
  ++open.added;
  const std::size_t limit = &partition == small_partition_ ? small_batch_bytes_ : max_batch_bytes_;
  if (open.builder.size() >= limit) close(open);
}

void AppendQueue::close(Open& open) {
  closed_.push_back({open.partition, open.builder.take(), std::exchange(open.tickets, {})});
  --open_count_;
}

const AppendQueue::Open* AppendQueue::find(const storage::Partition& partition) const noexcept {
  const std::uint32_t index = partition.index().value();
  return index < open_.size() ? open_[index].get() : nullptr;
}

void AppendQueue::note_fate(const storage::Partition& partition, std::size_t records, Fate fate) {
  Open& open = *open_[partition.index().value()];
  open.settled += records;
  open.has_failed |= fate == Fate::failed;
}

std::uint64_t AppendQueue::added(const storage::Partition& partition) const noexcept {
  const Open* open = find(partition);
  return open == nullptr ? 0 : open->added;
}

std::uint64_t AppendQueue::settled(const storage::Partition& partition) const noexcept {
  const Open* open = find(partition);
  return open == nullptr ? 0 : open->settled;
}

bool AppendQueue::has_failed(const storage::Partition& partition) const noexcept {
  const Open* open = find(partition);
  return open != nullptr && open->has_failed;
}

bool AppendQueue::take_failed(const storage::Partition& partition) {
  return has_failed(partition) && std::exchange(open_[partition.index().value()]->has_failed, false);
}

void AppendQueue::flush(std::vector<Refused>& refused) {
  for (const std::uint32_t index : std::exchange(open_order_, {})) {
    if (!open_[index]->builder.empty()) close(*open_[index]);
  }
  while (!closed_.empty()) {
    Closed& first = closed_.front();
    const std::uint64_t id = next_id_++;
    storage::AppendRequest request{first.partition, std::move(first.batch), origin_, id};
    if (auto queued = committer_.submit(std::move(request)); !queued) {
      first.batch = std::move(request.batch);  // NOLINT(bugprone-use-after-move): a refused request is untouched
      if (queued.error().code == storage::Errc::overloaded) return;
      note_fate(*first.partition, first.tickets.size(), Fate::failed);
      refused.push_back({std::move(first.tickets), first.partition, std::move(queued.error())});
    } else {
      in_flight_.emplace(id, std::move(first.tickets));
    }
    closed_.pop_front();
  }
}

}  // namespace bitacora::bridge
