#include "mqtt/server_connection.h"

#include <algorithm>
#include <utility>

#include "connection_state.h"

namespace bitacora::mqtt {

ServerConnection::State::State(const ConnectionLimits& connection_limits, Now now)
    : limits(connection_limits), started(now.monotonic), last_input(now.monotonic) {}

std::optional<MonotonicTime> ServerConnection::State::next_deadline() const noexcept {
  if (reading_paused) return std::nullopt;
  switch (phase) {
    case Phase::connect:
    case Phase::authenticating: return started + limits.connect_timeout;
    case Phase::connack:
    case Phase::closed: return std::nullopt;
    case Phase::open: break;
  }
  std::optional<MonotonicTime> deadline;
  // [MQTT-3.1.2-22]
  if (client.keep_alive_s != 0) deadline = last_input + client.keep_alive_s * std::chrono::milliseconds(1500);
  if (partial_since) {
    const MonotonicTime whole_by = *partial_since + limits.packet_timeout;
    deadline = std::min(deadline.value_or(whole_by), whole_by);
  }
  return deadline;
}

void ServerConnection::State::on_time(Now now) {
  const auto deadline = next_deadline();
  if (!deadline || now.monotonic < *deadline) return;
  ClosedEvent event{CloseCause::timeout, ReasonCode::keep_alive_timeout, "nothing came for 1.5 x keep-alive", {}};
  if (phase == Phase::connect) {
    event.message = "no CONNECT in time";
  } else if (phase == Phase::authenticating) {
    event.reason = ReasonCode::not_authorized;
    event.message = "no AUTH in time";
  } else if (partial_since && now.monotonic >= *partial_since + limits.packet_timeout) {
    event.reason = ReasonCode::implementation_specific_error;
    event.message = "a packet did not get whole in time";
  }
  finish(std::move(event));
}

void ServerConnection::State::release_spare() noexcept {
  reader.release_spare();
  output.release_spare();
  answers.release_spare();
}

ServerConnection::ServerConnection(const ConnectionLimits& limits, Now now)
    : state_(std::make_unique<State>(limits, now)) {}
ServerConnection::~ServerConnection() = default;
ServerConnection::ServerConnection(ServerConnection&&) noexcept = default;
ServerConnection& ServerConnection::operator=(ServerConnection&&) noexcept = default;

void ServerConnection::on_bytes(ByteView bytes, Now now) {
  if (closed() || bytes.empty()) return;
  state_->last_input = now.monotonic;
  state_->reader.feed(bytes);
}

void ServerConnection::on_transport_closed() {
  state_->finish({CloseCause::transport_closed, ReasonCode::success, {}, {}});
}

void ServerConnection::on_time(Now now) { state_->on_time(now); }

void ServerConnection::on_reading_paused() { state_->reading_paused = true; }

void ServerConnection::on_reading_resumed(Now now) {
  state_->reading_paused = false;
  state_->last_input = now.monotonic;
  if (state_->partial_since) state_->partial_since = now.monotonic;
}

void ServerConnection::close(ReasonCode reason, std::string message, const Properties& properties) {
  state_->finish({CloseCause::server, reason, std::move(message), {}}, properties);
}

std::optional<Event> ServerConnection::poll_event() { return state_->poll_event(); }

void ServerConnection::connack(AnswerSlot slot, const Connack& packet, Now now) { state_->connack(slot, packet, now); }

void ServerConnection::answer(AnswerSlot slot, const Packet& packet) { state_->answer(slot, packet); }

bool ServerConnection::submit(const Packet& packet) { return state_->submit(packet); }

ByteView ServerConnection::output() const noexcept { return state_->output.unread(); }

void ServerConnection::consume_output(std::size_t size) noexcept { state_->output.consume(size); }

bool ServerConnection::closed() const noexcept { return state_->phase == State::Phase::closed; }

std::optional<MonotonicTime> ServerConnection::next_deadline() const noexcept { return state_->next_deadline(); }

ProtocolVersion ServerConnection::version() const noexcept { return state_->client.version; }

std::uint16_t ServerConnection::client_receive_maximum() const noexcept { return state_->client.receive_maximum; }

std::uint32_t ServerConnection::client_maximum_packet_size() const noexcept {
  return state_->client.maximum_packet_size;
}

PacketCounts ServerConnection::take_packet_counts() noexcept { return std::exchange(state_->counts, {}); }

std::uint16_t ServerConnection::unanswered() const noexcept {
  return static_cast<std::uint16_t>(std::max(state_->unanswered, 0));
}

}  // namespace bitacora::mqtt
