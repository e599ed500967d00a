#include "bridge/append_queue.h"

#include <algorithm>
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
  const std::size_t limit = &partition == small_partition_ ? small_batch_bytes_ : max_batch_bytes_;
  if (open.builder.size() >= limit) close(open);
}

void AppendQueue::close(Open& open) {
  closed_.push_back({open.partition, open.builder.take(), std::exchange(open.tickets, {})});
  --open_count_;
}

void AppendQueue::note_failed(const storage::Partition& partition) {
  if (!has_failed(partition)) failed_.push_back(&partition);
}

bool AppendQueue::has_failed(const storage::Partition& partition) const noexcept {
  return std::ranges::find(failed_, &partition) != failed_.end();
}

bool AppendQueue::take_failed(const storage::Partition& partition) { return std::erase(failed_, &partition) != 0; }

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
      note_failed(*first.partition);
      refused.push_back({std::move(first.tickets), first.partition, std::move(queued.error())});
    } else {
      in_flight_.emplace(id, std::move(first.tickets));
    }
    closed_.pop_front();
  }
}

}  // namespace bitacora::bridge
