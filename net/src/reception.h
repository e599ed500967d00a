// Where connections wait until it is known whose they are: it takes a PROXY header, does the handshakes of TLS and
// WebSocket, reads until the client id of CONNECT is there, then hands the socket with its stream and all that was read
// to the shard of that client id. Who takes too long over any of it is shown the door.
//
// Owned by the entrance's thread. So the expensive part of TLS is done there, and delays no client that is connected.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "arrival.h"
#include "base/clock.h"
#include "bridge/metrics.h"
#include "bridge/shard.h"
#include "event_loop.h"
#include "log_interval.h"
#include "mqtt/server_connection.h"
#include "proxy_header.h"

namespace bitacora::net {

struct ReceptionOptions {
  std::uint32_t shard_count = 1;
  std::size_t max_waiting = 4'096;  // a newcomer over it drives out the one that waits longest
};

class Reception {
 public:
  using HandOver = std::function<void(bridge::ShardIndex, Arrival)>;

  // What is passed by reference outlives it.
  Reception(EventLoop& loop, const Clock& clock, bridge::BrokerMetrics& metrics, const mqtt::ConnectionLimits& limits,
            ReceptionOptions options, HandOver hand_over);

  void admit(Newcomer newcomer);
  // For the connections to come.
  void set_limits(const mqtt::ConnectionLimits& limits) { limits_ = limits; }
  void close();  // and all that wait

 private:
  static constexpr std::size_t read_size = 4'096;
  static constexpr std::chrono::seconds log_interval{1};

  using GuestNumber = std::uint64_t;
  struct Guest {
    enum class Stage : std::uint8_t { proxy_header, handshake, connect };

    ReadyDescriptor socket;
    Seat seat;
    bridge::ConnectionOrigin origin;
    std::shared_ptr<const ListenerTerms> terms;
    std::unique_ptr<Stream> stream;  // null: its bytes are MQTT as they come
    MonotonicTime deadline;
    Stage stage = Stage::connect;
    Bytes bytes{};  // of the PROXY header in its stage, then of MQTT
  };
  using Guests = std::map<GuestNumber, Guest>;  // by arrival
  using Deadlines = std::set<std::pair<MonotonicTime, GuestNumber>>;

  void wait_for_bytes(Guests::iterator guest);
  void wait_for_room(Guests::iterator guest);
  void read_from(Guests::iterator guest);
  // The guest is gone when these return, or waits for something.
  void take(Guests::iterator guest, ByteView wire);
  void take_proxy_header(Guests::iterator guest, ByteView wire);
  void take_stream(Guests::iterator guest, ByteView wire);
  void take_last(Guests::iterator guest);
  void go_on(Guests::iterator guest);
  [[nodiscard]] bool flush(Guest& guest);  // false: its socket is broken
  void count_handshakes(const Guest& guest, std::size_t opened_before, Layer::State state);
  void refuse(Guests::iterator guest, std::string_view why);
  void log_refusal(std::string_view peer, std::string_view why);
  // nullopt: more bytes are needed to know.
  [[nodiscard]] std::optional<bridge::ShardIndex> shard_of_guest(const Guest& guest) const;
  enum class PeerHas : std::uint8_t { more_to_say, ended };
  void hand_over(Guests::iterator guest, bridge::ShardIndex shard, PeerHas peer_has = PeerHas::more_to_say);
  void erase(Guests::iterator guest);

  void set_deadline(Guests::iterator guest, std::chrono::nanoseconds from_now);
  void arm_timer();
  void dismiss_late();

  EventLoop& loop_;
  const Clock& clock_;
  bridge::BrokerMetrics& metrics_;
  mqtt::ConnectionLimits limits_;
  const ReceptionOptions options_;
  HandOver hand_over_;
  Timer timer_;
  std::optional<MonotonicTime> armed_for_;
  GuestNumber last_number_ = 0;
  Guests guests_;
  Deadlines deadlines_;
  LogInterval refusal_log_{log_interval};
  Bytes buffer_ = Bytes(read_size);
};

}  // namespace bitacora::net
