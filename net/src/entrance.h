// The thread that lets clients in: listeners and reception on one event loop.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "listener.h"
#include "listener_terms.h"
#include "net/server.h"
#include "reception.h"
#include "seats.h"

namespace bitacora::net {

using AllTerms = std::vector<std::shared_ptr<const ListenerTerms>>;  // in the order of the listeners
using AllSeats = std::vector<std::unique_ptr<Seats>>;                // likewise

class Entrance {
 public:
  // What is passed by reference outlives it. `hand_over` is called on the entrance's thread.
  Entrance(const Broker& broker, const MqttServerOptions& options, const AllSeats& seats,
           Reception::HandOver hand_over);
  ~Entrance();

  // Before start(): binds all or none.
  [[nodiscard]] Result<void, std::string> bind(const std::vector<ListenerOptions>& listeners, AllTerms terms);
  [[nodiscard]] const std::vector<std::uint16_t>& ports() const noexcept { return ports_; }

  void start();
  // For connections to come; from any thread.
  void set_limits(const mqtt::ConnectionLimits& limits);
  void set_terms(AllTerms terms);
  // Closes the listeners and what waits in the reception; returns when the thread has ended.
  void stop();

 private:
  static constexpr std::chrono::seconds log_interval{10};

  void on_accept(std::size_t listener, tcp::Accepted accepted);
  void refuse(std::size_t listener, const std::string& peer);
  void close();

  const Clock& clock_;
  bridge::BrokerMetrics& metrics_;
  const AllSeats& seats_;
  std::vector<ListenAddress> addresses_;
  EventLoop loop_{one_thread};
  ReserveDescriptor reserve_;
  Reception reception_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  AllTerms terms_;
  std::vector<std::uint16_t> ports_;
  LogInterval full_log_{log_interval};
  std::thread thread_;
};

}  // namespace bitacora::net
