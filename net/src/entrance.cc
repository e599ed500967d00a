#include "entrance.h"

#include <pthread.h>
#include <spdlog/spdlog.h>

#include <utility>

namespace bitacora::net {

Entrance::Entrance(const Broker& broker, const MqttServerOptions& options, Seats& seats, Reception::HandOver hand_over)
    : clock_(broker.clock),
      metrics_(broker.metrics),
      seats_(seats),
      reception_(loop_, broker.clock, broker.metrics, broker.settings->connection,
                 {.shard_count = options.shard_count, .max_waiting = options.max_receptions}, std::move(hand_over)) {}

Entrance::~Entrance() { stop(); }

Result<void, std::string> Entrance::bind(const std::vector<ListenAddress>& addresses) {
  std::vector<std::unique_ptr<Listener>> listeners;
  std::vector<std::uint16_t> ports;
  for (const ListenAddress& address : addresses) {
    auto socket = tcp::listen_on(address);
    if (!socket) return Failure<std::string>(std::move(socket.error()));
    ports.push_back(tcp::local_port(*socket));
    listeners.push_back(std::make_unique<Listener>(loop_, clock_, reserve_, std::move(*socket),
                                                   [this](tcp::Accepted accepted) { on_accept(std::move(accepted)); }));
  }
  listeners_ = std::move(listeners);
  ports_ = std::move(ports);
  return {};
}

void Entrance::start() {
  for (const auto& listener : listeners_) listener->start();
  thread_ = std::thread([this] {
    ::pthread_setname_np(::pthread_self(), "mqtt-entrance");
    const auto stay = boost::asio::make_work_guard(loop_);
    loop_.run();
  });
}

void Entrance::set_limits(const mqtt::ConnectionLimits& limits) {
  boost::asio::post(loop_, [this, limits] { reception_.set_limits(limits); });
}

void Entrance::stop() {
  if (!thread_.joinable()) return;
  boost::asio::post(loop_, [this] { close(); });
  thread_.join();
}

void Entrance::close() {
  for (const auto& listener : listeners_) listener->close();
  reception_.close();
  loop_.stop();
}

void Entrance::on_accept(tcp::Accepted accepted) {
  auto seat = seats_.take();
  if (seat) return reception_.admit({std::move(accepted.socket), std::move(*seat), std::move(accepted.peer)});
  metrics_.connects_refused.add();
  if (const auto count = full_log_.count(clock_.now().monotonic)) {
    spdlog::warn("{} connections are open, which is max_connections: {} refused since the last message, now {}",
                 seats_.capacity(), *count, accepted.peer);
  }
}

}  // namespace bitacora::net
