#include "reception.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "tcp.h"

namespace bitacora::net {

Reception::Reception(EventLoop& loop, const Clock& clock, bridge::BrokerMetrics& metrics,
                     const mqtt::ConnectionLimits& limits, ReceptionOptions options, HandOver hand_over)
    : loop_(loop),
      clock_(clock),
      metrics_(metrics),
      limits_(limits),
      options_(options),
      hand_over_(std::move(hand_over)),
      timer_(loop) {}

void Reception::admit(Arrival arrival) {
  if (guests_.size() >= options_.max_waiting) {
    metrics_.connects_refused.add();
    guests_.erase(guests_.begin());
  }
  auto socket = watch(loop_, std::move(arrival.socket));
  if (!socket) return;
  const auto guest =
      guests_.emplace_hint(guests_.end(), ++last_number_,
                           Guest{std::move(*socket), std::move(arrival.seat), std::move(arrival.peer),
                                 std::move(arrival.bytes), clock_.now().monotonic + limits_.connect_timeout});
  arm_timer();
  read_from(guest);  // a client that speaks first has often spoken by now
}

void Reception::close() {
  guests_.clear();
  timer_.cancel();
}

void Reception::wait_for_bytes(Guests::iterator guest) {
  guest->second.socket.async_wait(readable, [this, number = guest->first](const ErrorCode& error) {
    const auto found = guests_.find(number);
    if (!error && found != guests_.end()) read_from(found);
  });
}

void Reception::read_from(Guests::iterator guest) {
  const tcp::IoResult read = tcp::read_some(guest->second.socket.native_handle(), buffer_);
  switch (read.state) {
    case tcp::IoState::some:
      append(guest->second.bytes, ByteView(buffer_).first(read.size));
      if (const auto shard = shard_of_guest(guest->second)) return hand_over(guest, *shard);
      break;
    case tcp::IoState::would_block: break;
    case tcp::IoState::ended:
    case tcp::IoState::broken: guests_.erase(guest); return;
  }
  wait_for_bytes(guest);
}

std::optional<bridge::ShardIndex> Reception::shard_of_guest(const Guest& guest) const {
  bridge::ClientIdPeek peek = bridge::peek_client_id(guest.bytes, limits_);
  const bool too_much = guest.bytes.size() > limits_.max_connect_packet_size;  // the shard will say so
  if (peek.state == bridge::ClientIdPeek::State::needs_more && !too_much) return std::nullopt;
  if (!peek.client_id.empty()) return bridge::shard_of(peek.client_id, options_.shard_count);
  return bridge::ShardIndex(static_cast<std::uint32_t>(last_number_ % options_.shard_count));  // any will do
}

void Reception::hand_over(Guests::iterator guest, bridge::ShardIndex shard) {
  Guest leaving = std::move(guest->second);
  guests_.erase(guest);
  hand_over_(shard, {Descriptor(leaving.socket.release()), std::move(leaving.seat), std::move(leaving.peer),
                     std::move(leaving.bytes)});
}

void Reception::arm_timer() {
  if (guests_.empty()) return;
  // The one that waits longest; limits that changed since may have given a later one less time: it is found then.
  const MonotonicTime due = guests_.begin()->second.deadline;
  if (armed_for_ && *armed_for_ <= due) return;
  armed_for_ = due;
  timer_.expires_after(due - clock_.now().monotonic);
  timer_.async_wait([this](const ErrorCode& error) {
    if (error) return;
    armed_for_.reset();
    dismiss_late();
  });
}

void Reception::dismiss_late() {
  const MonotonicTime now = clock_.now().monotonic;
  while (!guests_.empty() && guests_.begin()->second.deadline <= now) {
    spdlog::debug("{}: sent no CONNECT in time", guests_.begin()->second.peer);
    metrics_.timeouts.add();
    guests_.erase(guests_.begin());
  }
  arm_timer();
}

}  // namespace bitacora::net
