#include "reception.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "address_claim.h"
#include "base/assert.h"
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

void Reception::admit(Newcomer newcomer) {
  const ListenerRules& rules = *newcomer.terms->rules;
  const bool is_proxied = rules.proxy_protocol == ProxyProtocol::required;
  if (!is_proxied && newcomer.peer) {
    const auto why =
        claim_for_address(newcomer.seat, *newcomer.terms, newcomer.peer->address, metrics_, clock_.now().monotonic);
    if (why) return log_refusal(newcomer.origin.peer, *why);
  }
  if (guests_.size() >= options_.max_waiting) {
    metrics_.connects_refused.add();
    erase(guests_.begin());
  }
  auto socket = watch(loop_, std::move(newcomer.socket));
  if (!socket) return;
  auto stream = newcomer.terms->open_stream(limits_.max_packet_size);
  const auto stage = is_proxied          ? Guest::Stage::proxy_header
                     : stream != nullptr ? Guest::Stage::handshake
                                         : Guest::Stage::connect;
  const std::chrono::nanoseconds patience =
      stage == Guest::Stage::connect ? limits_.connect_timeout : rules.handshake_timeout;
  const auto guest =
      guests_.emplace_hint(guests_.end(), ++last_number_,
                           Guest{std::move(*socket), std::move(newcomer.seat), std::move(newcomer.origin),
                                 std::move(newcomer.terms), std::move(stream), MonotonicTime(), stage});
  set_deadline(guest, patience);
  if (is_proxied && newcomer.peer && !guest->second.terms->trusts(newcomer.peer->address)) {
    metrics_.proxy_headers_refused.add();
    return refuse(guest, "it is not among the listener's trusted_proxies");
  }
  read_from(guest);  // a client that speaks first has often spoken by now
}

void Reception::close() {
  guests_.clear();
  deadlines_.clear();
  timer_.cancel();
}

void Reception::wait_for_bytes(Guests::iterator guest) {
  guest->second.socket.async_wait(readable, [this, number = guest->first](const ErrorCode& error) {
    const auto found = guests_.find(number);
    if (!error && found != guests_.end()) read_from(found);
  });
}

// Who does not take our answers is not read: nothing piles up for him.
void Reception::wait_for_room(Guests::iterator guest) {
  guest->second.socket.async_wait(writable, [this, number = guest->first](const ErrorCode& error) {
    const auto found = guests_.find(number);
    if (!error && found != guests_.end()) go_on(found);
  });
}

void Reception::read_from(Guests::iterator guest) {
  const tcp::IoResult read = tcp::read_some(guest->second.socket.native_handle(), buffer_);
  switch (read.state) {
    case tcp::IoState::some: return take(guest, ByteView(buffer_).first(read.size));
    case tcp::IoState::would_block: return wait_for_bytes(guest);
    case tcp::IoState::ended:
    case tcp::IoState::broken: return erase(guest);
  }
}

void Reception::take(Guests::iterator guest, ByteView wire) {
  if (guest->second.stage == Guest::Stage::proxy_header) return take_proxy_header(guest, wire);
  if (guest->second.stream != nullptr) return take_stream(guest, wire);
  append(guest->second.bytes, wire);
  if (const auto shard = shard_of_guest(guest->second)) return hand_over(guest, *shard);
  wait_for_bytes(guest);
}

void Reception::take_proxy_header(Guests::iterator guest, ByteView wire) {
  Guest& waiting = guest->second;
  append(waiting.bytes, wire);
  auto header = parse_proxy_header(waiting.bytes);
  if (!header) {
    metrics_.proxy_headers_refused.add();
    return refuse(guest, header.error());
  }
  if (!*header) return wait_for_bytes(guest);
  const ListenerRules& rules = *waiting.terms->rules;
  if ((*header)->client) {
    waiting.origin.peer = format(*(*header)->client);
    const auto why =
        claim_for_address(waiting.seat, *waiting.terms, (*header)->client->address, metrics_, clock_.now().monotonic);
    if (why) return refuse(guest, *why);
  }
  if (rules.certificate_user == CertificateUser::common_name && !is_secure(rules.transport)) {
    waiting.origin.certificate_user = std::move((*header)->common_name);
  }
  const Bytes before = std::exchange(waiting.bytes, {});
  const ByteView rest = ByteView(before).subspan((*header)->size);
  if (waiting.stream != nullptr) {
    waiting.stage = Guest::Stage::handshake;  // within the same time
  } else {
    waiting.stage = Guest::Stage::connect;
    set_deadline(guest, limits_.connect_timeout);
  }
  if (rest.empty()) return wait_for_bytes(guest);
  take(guest, rest);
}

void Reception::take_stream(Guests::iterator guest, ByteView wire) {
  Guest& waiting = guest->second;
  const std::size_t opened_before = waiting.stream->opened();
  const Layer::State state = waiting.stream->receive(wire, waiting.bytes);
  count_handshakes(waiting, opened_before, state);
  if (state == Layer::State::failed) {
    (void)flush(waiting);  // as far as it goes: an alert, a refusal
    return refuse(guest, waiting.stream->failure());
  }
  if (waiting.stream->stands() && waiting.stage == Guest::Stage::handshake) {
    waiting.stage = Guest::Stage::connect;
    if (auto user = waiting.stream->user()) waiting.origin.certificate_user = std::move(user);
    set_deadline(guest, limits_.connect_timeout);
  }
  if (state == Layer::State::ended) return take_last(guest);
  go_on(guest);
}

// A client that says everything at once and leaves has said it all the same.
void Reception::take_last(Guests::iterator guest) {
  Guest& leaving = guest->second;
  const bool stands = leaving.stage == Guest::Stage::connect;
  if (const auto shard = stands ? shard_of_guest(leaving) : std::nullopt) {
    return hand_over(guest, *shard, PeerHas::ended);
  }
  leaving.stream->finish();
  (void)flush(leaving);
  erase(guest);
}

// Its answers are written before more is read.
void Reception::go_on(Guests::iterator guest) {
  if (!flush(guest->second)) return erase(guest);
  if (!guest->second.stream->unsent().empty()) return wait_for_room(guest);
  const bool stands = guest->second.stage == Guest::Stage::connect;
  if (const auto shard = stands ? shard_of_guest(guest->second) : std::nullopt) return hand_over(guest, *shard);
  wait_for_bytes(guest);
}

bool Reception::flush(Guest& guest) {
  const ByteView unsent = guest.stream->unsent();
  if (unsent.empty()) return true;
  const tcp::IoResult written = tcp::write_some(guest.socket.native_handle(), unsent);
  if (written.state == tcp::IoState::broken) return false;
  guest.stream->consume(written.size);
  return true;
}

void Reception::count_handshakes(const Guest& guest, std::size_t opened_before, Layer::State state) {
  const auto is_tls = [&guest](std::size_t layer) { return layer == 0 && guest.terms->tls != nullptr; };
  const std::size_t opened = guest.stream->opened();
  for (std::size_t i = opened_before; i < opened; ++i) {
    (is_tls(i) ? metrics_.tls_handshakes : metrics_.websocket_handshakes).add();
  }
  if (state != Layer::State::failed) return;
  if (guest.stream->stands()) {
    metrics_.protocol_errors.add();
  } else {
    (is_tls(opened) ? metrics_.tls_handshakes_failed : metrics_.websocket_handshakes_failed).add();
  }
}

void Reception::refuse(Guests::iterator guest, std::string_view why) {
  log_refusal(guest->second.origin.peer, why);
  erase(guest);
}

void Reception::log_refusal(std::string_view peer, std::string_view why) {
  if (const auto count = refusal_log_.count(clock_.now().monotonic)) {
    spdlog::info("{} is refused: {} ({} refused before CONNECT since the last message)", peer, why, *count);
  }
}

std::optional<bridge::ShardIndex> Reception::shard_of_guest(const Guest& guest) const {
  bridge::ClientIdPeek peek = bridge::peek_client_id(guest.bytes, limits_);
  const bool too_much = guest.bytes.size() > limits_.max_connect_packet_size;  // the shard will say so
  if (peek.state == bridge::ClientIdPeek::State::needs_more && !too_much) return std::nullopt;
  if (!peek.client_id.empty()) return bridge::shard_of(peek.client_id, options_.shard_count);
  return bridge::ShardIndex(static_cast<std::uint32_t>(last_number_ % options_.shard_count));  // any will do
}

void Reception::hand_over(Guests::iterator guest, bridge::ShardIndex shard, PeerHas peer_has) {
  Guest leaving = std::move(guest->second);
  deadlines_.erase({leaving.deadline, guest->first});
  guests_.erase(guest);
  hand_over_(shard, {Descriptor(leaving.socket.release()), std::move(leaving.seat), std::move(leaving.origin),
                     std::move(leaving.stream), std::move(leaving.bytes), peer_has == PeerHas::ended});
}

void Reception::erase(Guests::iterator guest) {
  deadlines_.erase({guest->second.deadline, guest->first});
  guests_.erase(guest);
}

// --- time ---

void Reception::set_deadline(Guests::iterator guest, std::chrono::nanoseconds from_now) {
  deadlines_.erase({guest->second.deadline, guest->first});
  guest->second.deadline = clock_.now().monotonic + from_now;
  deadlines_.insert({guest->second.deadline, guest->first});
  arm_timer();
}

void Reception::arm_timer() {
  if (deadlines_.empty()) return;
  const MonotonicTime due = deadlines_.begin()->first;
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
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const auto late = guests_.find(deadlines_.begin()->second);
    BITACORA_ASSERT(late != guests_.end());
    const bool stands = late->second.stage == Guest::Stage::connect;
    spdlog::debug("{}: {} in time", late->second.origin.peer, stands ? "sent no CONNECT" : "made no handshake");
    (stands ? metrics_.timeouts : metrics_.handshake_timeouts).add();
    erase(late);
  }
  arm_timer();
}

}  // namespace bitacora::net
