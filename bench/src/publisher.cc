#include "publisher.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "ledger.h"

namespace bitacora::bench {
namespace {

// Past this many unsent bytes the socket is left to drain first: QoS 0 has no other brake.
constexpr std::size_t most_unsent = 64 << 10;

}  // namespace

Publisher::Publisher(EventLoop& loop, PublisherSettings settings)
    : Client(loop, settings.client), settings_(std::move(settings)), payload_(settings_.payload, 'x') {}

void Publisher::on_connack(const Connack& connack) {
  const std::uint16_t window = std::min(settings_.window, connack.receive_maximum);
  slots_.resize(window);
  free_ids_.resize(window);
  std::iota(free_ids_.begin(), free_ids_.end(), std::uint16_t{1});
}

void Publisher::start(const Schedule& schedule) {
  schedule_ = schedule;
  started_ = true;
  pump();
  flush();
}

bool Publisher::has_room() const {
  return unsent() < most_unsent && (settings_.qos == 0 || in_flight_ < slots_.size());
}

std::int64_t Publisher::next_due_ns() const {
  if (!is_open() || !schedule_.is_open_loop() || sent_ >= settings_.messages || !has_room()) {
    return std::numeric_limits<std::int64_t>::max();
  }
  return schedule_.due_ns(settings_.index, sent_);
}

void Publisher::pump() {
  if (!started_ || !is_open()) return;
  while (sent_ < settings_.messages && has_room()) {
    const std::int64_t now = now_ns();
    const std::int64_t due = schedule_.is_open_loop() ? schedule_.due_ns(settings_.index, sent_) : now;
    if (due > now) break;
    publish(due);
  }
}

void Publisher::publish(std::int64_t due_ns) {
  write_stamp(payload_, {settings_.run, settings_.index, sent_, due_ns});
  Publish publish{settings_.topics[sent_ % settings_.topics.size()], payload_, settings_.qos, 0};
  if (settings_.qos > 0) {
    publish.id = free_ids_[next_free_ % free_ids_.size()];
    ++next_free_;
    ++in_flight_;
    slots_[publish.id - 1u] = {due_ns, settings_.qos == 1 ? Awaits::puback : Awaits::pubrec};
  }
  put_publish(output(), version(), publish);
  ++sent_;
}

void Publisher::on_answer(const Packet& packet) {
  if (packet.type != Type::puback && packet.type != Type::pubrec && packet.type != Type::pubcomp) return;
  const Ack ack = read_ack(packet, version());
  if (ack.id == 0 || ack.id > slots_.size()) {
    ++unexpected_;
    return;
  }
  Slot& slot = slots_[ack.id - 1u];
  if (packet.type == Type::puback && slot.awaits == Awaits::puback) return finish(ack.id, ack.reason);
  if (packet.type == Type::pubcomp && slot.awaits == Awaits::pubcomp) return finish(ack.id, ack.reason);
  if (packet.type == Type::pubrec && slot.awaits == Awaits::pubrec) {
    if (ack.reason >= 0x80) return finish(ack.id, ack.reason);
    slot.awaits = Awaits::pubcomp;
    put_ack(output(), Type::pubrel, ack.id);
    return;
  }
  ++unexpected_;
}

void Publisher::finish(std::uint16_t id, std::uint8_t reason) {
  Slot& slot = slots_[id - 1u];
  slot.awaits = Awaits::nothing;
  last_acknowledged_ns_ = read_at();
  if (reason >= 0x80) {
    ++refused_;
  } else {
    ++acknowledged_;
    latency_.record(read_at() - slot.due_ns);
  }
  --in_flight_;
  free_ids_[(next_free_ + slots_.size() - in_flight_ - 1) % free_ids_.size()] = id;
}

}  // namespace bitacora::bench
