// Where connections wait until it is known whose they are: it reads until the client id of CONNECT is there, then hands
// the socket and all that was read to the shard of that client id. Who does not say CONNECT in time is shown the door.
//
// Owned by the entrance's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "arrival.h"
#include "base/clock.h"
#include "bridge/metrics.h"
#include "bridge/shard.h"
#include "event_loop.h"
#include "mqtt/server_connection.h"

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

  void admit(Arrival arrival);
  // For the connections to come.
  void set_limits(const mqtt::ConnectionLimits& limits) { limits_ = limits; }
  void close();  // and all that wait

 private:
  static constexpr std::size_t read_size = 4'096;

  using GuestNumber = std::uint64_t;
  struct Guest {
    ReadyDescriptor socket;
    Seat seat;
    std::string peer;
    Bytes bytes;
    MonotonicTime deadline;
  };
  using Guests = std::map<GuestNumber, Guest>;  // by arrival

  void wait_for_bytes(Guests::iterator guest);
  void read_from(Guests::iterator guest);
  // nullopt: more bytes are needed to know.
  [[nodiscard]] std::optional<bridge::ShardIndex> shard_of_guest(const Guest& guest) const;
  void hand_over(Guests::iterator guest, bridge::ShardIndex shard);
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
  Bytes buffer_ = Bytes(read_size);
};

}  // namespace bitacora::net
