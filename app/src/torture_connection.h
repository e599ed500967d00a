// One MQTT client's connection as `bitacora torture` uses it: a socket on loopback that does not block, whole packets
// in and out. What it does with them is for the classes that derive from it. The server being killed is its daily life;
// a connection that a living server ends is a finding.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "mqtt/codec.h"
#include "mqtt/packet.h"

namespace bitacora::app::torture {

struct ConnectionTerms {
  std::string client_id{};
  mqtt::ProtocolVersion version = mqtt::ProtocolVersion::v5;
  mqtt::CleanStart clean_start = mqtt::CleanStart::no;  // no: the session outlives any connection, and any server
  bool takes_refusals = false;                          // a server whose disk fails may send its clients away
};

class Connection {
 public:
  explicit Connection(ConnectionTerms terms) : terms_(std::move(terms)) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  virtual ~Connection();

  // Connects and sends CONNECT; false if nobody listens there.
  [[nodiscard]] bool open(std::uint16_t port);
  void close();

  [[nodiscard]] bool is_open() const noexcept { return descriptor_ >= 0; }
  [[nodiscard]] bool is_connected() const noexcept { return is_open() && connected_; }
  [[nodiscard]] const std::string& client_id() const noexcept { return terms_.client_id; }
  // What the server did that no server may; empty if nothing.
  [[nodiscard]] const std::string& complaint() const noexcept { return complaint_; }

 protected:
  void send(const mqtt::Packet& packet);
  void complain(std::string what);
  [[nodiscard]] mqtt::ProtocolVersion version() const noexcept { return terms_.version; }

  virtual void on_connack(mqtt::SessionPresent session) = 0;
  // Anything but CONNACK and PINGRESP. The views are good during the call.
  virtual void on_packet(const mqtt::Packet& packet) = 0;

 private:
  friend void take_turn(std::span<Connection* const> connections, int timeout_ms);
  void on_readable();
  void on_writable();
  void take_packets();
  void take(const mqtt::Packet& packet);

  ConnectionTerms terms_;
  int descriptor_ = -1;
  bool connected_ = false;
  Bytes input_;
  Bytes output_;
  std::size_t written_ = 0;  // of output_
  std::string complaint_;
};

// Waits until some of the connections can be read or written, `timeout_ms` at most, and lets them.
void take_turn(std::span<Connection* const> connections, int timeout_ms);

}  // namespace bitacora::app::torture
