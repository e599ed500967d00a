// The thread that lets clients in: listeners and reception on one event loop.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "listener.h"
#include "net/server.h"
#include "reception.h"
#include "seats.h"

namespace bitacora::net {

class Entrance {
 public:
  // What is passed by reference outlives it. `hand_over` is called on the entrance's thread.
  Entrance(const Broker& broker, const MqttServerOptions& options, Seats& seats, Reception::HandOver hand_over);
  ~Entrance();

  // Before start(): binds all or none.
  [[nodiscard]] Result<void, std::string> bind(const std::vector<ListenAddress>& addresses);
  [[nodiscard]] const std::vector<std::uint16_t>& ports() const noexcept { return ports_; }

  void start();
  void set_limits(const mqtt::ConnectionLimits& limits);  // any thread
  // Closes the listeners and what waits in the reception; returns when the thread has ended.
  void stop();

 private:
  static constexpr std::chrono::seconds log_interval{10};

  void on_accept(tcp::Accepted accepted);
  void close();

  const Clock& clock_;
  bridge::BrokerMetrics& metrics_;
  Seats& seats_;
  EventLoop loop_{one_thread};
  ReserveDescriptor reserve_;
  Reception reception_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::vector<std::uint16_t> ports_;
  LogInterval full_log_{log_interval};
  std::thread thread_;
};

}  // namespace bitacora::net
