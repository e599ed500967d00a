// An MQTT client's connection: CONNECT on construction, then CONNACK, keep-alive, DISCONNECT. Publisher and Subscriber
// add what they are for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "stream.h"

namespace bitacora::bench {

struct ClientSettings {
  Address address;
  Version version = Version::v3_1_1;
  std::string client_id;
  bool clean_start = true;
  std::uint32_t session_expiry_s = 0;
};

class Client : public Stream {
 public:
  Client(EventLoop& loop, const ClientSettings& settings);

  [[nodiscard]] bool is_connected() const { return connack_.has_value() && is_open(); }
  [[nodiscard]] const std::optional<Connack>& connack() const { return connack_; }
  // Why the connection ended before disconnect(); empty if it did not.
  [[nodiscard]] const std::string& failure() const { return failure_; }

  // Sends a PINGREQ where one is due. To be called now and then.
  void keep_alive(std::int64_t now);
  // Asks for a PINGRESP and counts it: what was sent before has then been read by the server.
  void ping();
  [[nodiscard]] bool is_answered() const { return pings_ == 0; }
  void disconnect();

 protected:
  [[nodiscard]] Version version() const { return version_; }
  void fail(std::string why);

  virtual void on_connack(const Connack&) {}
  // Everything but CONNACK, PINGRESP and DISCONNECT.
  virtual void on_answer(const Packet& packet) = 0;

 private:
  void on_packet(const Packet& packet) final;
  void on_lost(std::string_view why) final;

  Version version_;
  std::optional<Connack> connack_;
  std::string failure_;
  std::int64_t pinged_at_;
  int pings_ = 0;  // without an answer
};

}  // namespace bitacora::bench
