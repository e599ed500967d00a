// What a ServerConnection holds. The functions are in three files: what comes in (connection_input.cc), what goes out
// (connection_sending.cc), and life and time (server_connection.cc).
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "connection_aliases.h"
#include "connection_answers.h"
#include "connection_output.h"
#include "connection_reader.h"
#include "connection_terms.h"
#include "mqtt/server_connection.h"

namespace bitacora::mqtt {

inline constexpr AnswerSlot connect_slot{0};

// Decoding is over a limit where it says so, and nowhere else.
[[nodiscard]] inline std::optional<ExceededLimit> limit_of(const DecodeError& error) noexcept {
  if (error.reason != ReasonCode::quota_exceeded) return std::nullopt;
  return ExceededLimit::packet_fields;
}

struct ServerConnection::State {
  enum class Phase : std::uint8_t {
    connect,         // no whole CONNECT yet
    connack,         // the owner has the CONNECT, or an AUTH, and has to answer
    authenticating,  // the owner sent AUTH, the client has to answer
    open,
    closed,
  };

  State(const ConnectionLimits& connection_limits, Now now);

  // --- connection_input.cc ---
  std::optional<Event> poll_event();
  std::optional<ByteView> next_packet();
  bool admit(const Frame& frame);
  std::optional<Event> receive(ByteView bytes);
  std::optional<Event> receive(Connect& connect);
  std::optional<Event> receive(Publish& publish);
  std::optional<Event> receive(Pubrel& pubrel);
  std::optional<Event> receive(Subscribe& subscribe);
  std::optional<Event> receive(Unsubscribe& unsubscribe);
  std::optional<Event> receive(Puback& ack);
  std::optional<Event> receive(Pubrec& ack);
  std::optional<Event> receive(Pubcomp& ack);
  std::optional<Event> receive(Pingreq&);
  std::optional<Event> receive(Disconnect& disconnect);
  std::optional<Event> receive(Auth& auth);
  template <class ServerPacket>
  std::optional<Event> receive(ServerPacket& packet);  // CONNACK, SUBACK, UNSUBACK, PINGRESP: admit() has refused them
  bool resolve_topic(Publish& publish);

  // --- connection_sending.cc ---
  void connack(AnswerSlot slot, const Connack& packet, Now now);
  Connack complete(const Connack& packet);
  void answer(AnswerSlot slot, const Packet& packet);
  bool submit(const Packet& packet);
  bool send(const Packet& packet);
  bool send_publish(const Packet& packet);
  // The end. The client is told, with the event's message as reason string unless `properties` has one, where it has
  // not ended itself and its version and the phase allow it.
  void finish(ClosedEvent event, Properties properties = {});
  void tell_end(const ClosedEvent& event, const Properties& properties);
  // The end because of what the client sent. Returns nullopt so that a receive() may return it.
  std::nullopt_t fail(ReasonCode reason, std::string message, std::optional<ExceededLimit> limit = std::nullopt);
  void refuse_connect(const DecodeError& error);

  // --- server_connection.cc ---
  void on_time(Now now);
  [[nodiscard]] std::optional<MonotonicTime> next_deadline() const noexcept;
  void release_spare() noexcept;  // gives back memory that holds nothing

  ConnectionLimits limits;
  ClientTerms client;
  Phase phase = Phase::connect;
  bool reading_paused = false;
  std::int32_t unanswered = 0;  // see AnswerQueue::answer; negative: the client finished more than it began here
  MonotonicTime started;
  MonotonicTime last_input;
  std::optional<MonotonicTime> partial_since;  // when the first byte came of the packet that is not whole yet
  PacketReader reader;
  PacketCounts counts;
  OutputBuffer output;
  AnswerQueue answers;
  InboundAliases inbound_aliases;
  std::unique_ptr<OutboundAliases> outbound_aliases;
  std::unique_ptr<ClosedEvent> closed_event;  // until it has been polled
};

}  // namespace bitacora::mqtt
