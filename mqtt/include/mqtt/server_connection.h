// The server's end of one MQTT connection as a state machine without I/O: bytes and time go in, events and bytes come
// out.
//
//   connection.on_bytes(view, now);
//   while (auto event = connection.poll_event()) { ... connection.answer(slot, packet) ... }
//   socket.write(connection.output()); connection.consume_output(n);
//   when now >= connection.next_deadline(): connection.on_time(now)
//
// It owns what lives as long as the network connection: framing, limits, protocol order, keep-alive, topic aliases both
// ways, the inbound receive maximum, and the order of acknowledgements. It owns nothing that outlives it: packet ids of
// what the server sends, subscriptions and QoS 2 sets are the session's (bridge/).
//
// Which events may follow which call:
//   on_bytes   -> any event
//   on_time    -> closed only (keep-alive, CONNECT timeout, a packet that does not get finished)
//   connack    -> any event: what came early; or closed only, after an error
//   answer     -> closed only (an answer that cannot be given: see there)
//   submit     -> none
//   close      -> closed
// `connect` is the first event if there is any but closed; nothing follows `closed`. After `connect` no further event
// comes until connack() was called: bytes that came early wait [MQTT-3.1.4-6]; only an exchange of AUTH that the owner
// began with submit() comes in between. Bytes behind a protocol error are never looked at.
//
// Acknowledgements keep the order of what they answer [MQTT-4.6.0-2] [MQTT-4.6.0-3] [MQTT-4.6.0-4], whatever the order
// in which the log finishes: each inbound packet that needs an answer carries an AnswerSlot; answer(slot, packet) may
// come in any order, the bytes leave in slot order. PINGRESP waits for nothing.
//
// Calls that give output do nothing once the connection is closed: an answer may come late.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/strong.h"
#include "mqtt/codec.h"
#include "mqtt/packet.h"

namespace bitacora::mqtt {

// All of them configuration; defaults from reliability.md §3.2.
struct ConnectionLimits {
  std::uint32_t max_packet_size = 1 << 20;  // bytes; announced to 5.0 clients; over it: 0x95
  std::uint32_t max_connect_packet_size = 64 << 10;
  std::chrono::milliseconds connect_timeout{10'000};  // from the connection's start to a whole CONNECT
  std::chrono::milliseconds packet_timeout{30'000};   // from the first byte of a packet to its last
  std::uint16_t max_keep_alive_s = 600;  // 5.0 clients that ask for more or for none get Server Keep Alive; 0: no limit
  std::uint16_t receive_maximum = 1024;  // unanswered QoS 1 and 2 publishes from a 5.0 client; over it: 0x93
  std::uint16_t topic_alias_maximum = 32;      // inbound
  std::uint16_t topic_alias_maximum_out = 32;  // at most this many towards the client, and never over its own maximum
  std::size_t max_client_id = 256;             // bytes
  std::size_t max_topic_levels = 32;           // of a topic name or filter; 0x90, 0x8F
  CodecLimits codec = {};
};

using AnswerSlot = Strong<struct AnswerSlotTag, std::uint64_t>;

enum class CloseCause : std::uint8_t {
  peer_disconnected,            // DISCONNECT 0x00 (3.x: any): the Will is discarded
  peer_disconnected_with_will,  // DISCONNECT 0x04 or an error code
  transport_closed,             // end of file or an error of the socket
  timeout,                      // keep-alive, CONNECT or packet timeout
  protocol_error,               // what the peer sent
  server,                       // refused, taken over, shut down
};

struct ConnectEvent {
  Connect packet;
  AnswerSlot slot;
};
// Topic aliases are resolved: packet.topic is always the full name and packet.properties.topic_alias is empty. `slot`
// is meaningful for QoS 1 (PUBACK) and 2 (PUBREC).
struct PublishEvent {
  Publish packet;
  AnswerSlot slot;
};
struct PubrelEvent {
  Pubrel packet;
  AnswerSlot slot;  // for PUBCOMP
};
struct SubscribeEvent {
  Subscribe packet;
  AnswerSlot slot;
};
struct UnsubscribeEvent {
  Unsubscribe packet;
  AnswerSlot slot;
};
struct AuthEvent {
  Auth packet;
};
// PUBACK, PUBREC, PUBCOMP of what the server published: no answer slot, the session decides. (AUTH: the method is the
// one of CONNECT, else no event comes.)
struct AckEvent {
  PacketType type;  // puback, pubrec or pubcomp
  Ack packet;
};
// Which of ConnectionLimits the client went over.
enum class ExceededLimit : std::uint8_t {
  packet_size,
  packet_fields,  // CodecLimits
  early_bytes,    // sent ahead of CONNACK, or packets that wait for an answer
  client_id,
  topic_levels,
  receive_maximum,
  topic_alias,
};
struct ClosedEvent {
  CloseCause cause = CloseCause::transport_closed;
  ReasonCode reason = ReasonCode::success;
  std::string message;                                   // for the log; empty for an ordinary end
  std::optional<std::uint32_t> session_expiry_interval;  // of the client's DISCONNECT, if it carried one
  std::optional<ExceededLimit> limit = std::nullopt;     // protocol_error: the limit that it was about
};

// Views inside an event live until the next call of poll_event, on_bytes or close.
using Event = std::variant<ConnectEvent, PublishEvent, PubrelEvent, SubscribeEvent, UnsubscribeEvent, AuthEvent,
                           AckEvent, ClosedEvent>;

struct PacketCounts {
  std::uint32_t received = 0;
  std::uint32_t sent = 0;
};

class ServerConnection {
 public:
  ServerConnection(const ConnectionLimits& limits, Now now);
  ~ServerConnection();
  ServerConnection(ServerConnection&&) noexcept;
  ServerConnection& operator=(ServerConnection&&) noexcept;

  // --- input ---
  // Does not copy: `bytes` stays as it is until poll_event has returned nullopt, which keeps what is left of an
  // unfinished packet. So every on_bytes is followed by poll_event until nullopt (asserted).
  void on_bytes(ByteView bytes, Now now);
  void on_transport_closed();  // end of file or a socket error
  void on_time(Now now);
  // The owner has stopped reading the socket (back-pressure), and reads again: what the client cannot be heard saying
  // is not held against it, so no deadline runs in between.
  void on_reading_paused();
  void on_reading_resumed(Now now);
  // No more events than closed; sends DISCONNECT with `reason` first where the version and the state allow it. (Before
  // CONNACK: CONNACK with the reason for 5.0, the return code for 3.1.1.) `properties` may carry a server reference.
  void close(ReasonCode reason, std::string message = {}, const Properties& properties = {});

  // --- events ---
  [[nodiscard]] std::optional<Event> poll_event();

  // --- output ---
  // The answer to ConnectEvent. For 5.0, what follows from the limits is added to properties where it is absent:
  // Receive Maximum, Maximum Packet Size, Topic Alias Maximum, Server Keep Alive; what is present there is kept to from
  // now on in place of the limit. An error reason closes. Keep-alive runs from `now`.
  void connack(AnswerSlot slot, const Connack& packet, Now now);
  // Puback, Pubrec, Pubcomp, Suback, Unsuback for `slot`; each slot exactly once. Reason strings and user properties
  // are left out where the client asked not to have them (Request Problem Information 0) or they would make the packet
  // too large for it. A PUBACK or PUBREC with an error closes a 3.x connection: those versions can only say yes.
  void answer(AnswerSlot slot, const Packet& packet);
  // A PUBLISH, PUBREL or AUTH of the server's own; leaves at once. Returns false, and sends nothing, if it is larger
  // than the client's Maximum Packet Size [MQTT-3.1.2-24] or the connection is closed. Uses topic aliases as the client
  // allows.
  bool submit(const Packet& packet);

  // What is to be written to the socket, oldest first. The view is good until the next call that is not const.
  [[nodiscard]] ByteView output() const noexcept;
  void consume_output(std::size_t size) noexcept;  // the first `size` bytes of it were written
  [[nodiscard]] bool closed() const noexcept;      // write the rest of the output, then close the socket

  [[nodiscard]] std::optional<MonotonicTime> next_deadline() const noexcept;

  // --- what is known of the client (after ConnectEvent) ---
  [[nodiscard]] ProtocolVersion version() const noexcept;
  [[nodiscard]] std::uint16_t client_receive_maximum() const noexcept;      // 65535 if it named none or is 3.x
  [[nodiscard]] std::uint32_t client_maximum_packet_size() const noexcept;  // 0xFFFFFFFF if it named none
  // QoS 1 and 2 publishes that count towards the receive maximum: without PUBACK, PUBCOMP or an error in PUBREC.
  [[nodiscard]] std::uint16_t unanswered() const noexcept;

  // How many packets of any type have come and gone since the last call.
  PacketCounts take_packet_counts() noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace bitacora::mqtt
