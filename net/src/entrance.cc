#include "entrance.h"

#include <pthread.h>
#include <spdlog/spdlog.h>

#include <utility>

namespace bitacora::net {

Entrance::Entrance(const Broker& broker, const MqttServerOptions& options, const AllSeats& seats,
                   Reception::HandOver hand_over)
    : clock_(broker.clock),
      metrics_(broker.metrics),
      seats_(seats),
      reception_(loop_, broker.clock, broker.metrics, broker.settings->connection,
                 {.shard_count = options.shard_count, .max_waiting = options.max_receptions}, std::move(hand_over)) {}

Entrance::~Entrance() { stop(); }

Result<void, std::string> Entrance::bind(const std::vector<ListenerOptions>& wanted, AllTerms terms) {
  std::vector<std::unique_ptr<Listener>> listeners;
  std::vector<std::uint16_t> ports;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    auto socket = listen_on(wanted[i].where);
    if (!socket) return Failure<std::string>(std::move(socket.error()));
    ports.push_back(tcp::local_port(socket->socket));
    listeners.push_back(
        std::make_unique<Listener>(loop_, clock_, reserve_, std::move(*socket),
                                   [this, i](tcp::Accepted accepted) { on_accept(i, std::move(accepted)); }));
    addresses_.push_back(wanted[i].where);
  }
  listeners_ = std::move(listeners);
  ports_ = std::move(ports);
  terms_ = std::move(terms);
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

void Entrance::set_terms(AllTerms terms) {
  boost::asio::post(loop_, [this, terms = std::move(terms)]() mutable { terms_ = std::move(terms); });
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

void Entrance::on_accept(std::size_t listener, tcp::Accepted accepted) {
  const std::shared_ptr<const ListenerTerms>& terms = terms_[listener];
  bridge::ConnectionOrigin origin{.peer = accepted.peer ? format(*accepted.peer) : addresses_[listener].address,
                                  .listener = terms->rules->name,
                                  .certificate_user = {},
                                  .anonymous = terms->rules->anonymous};
  auto seat = seats_[listener]->take();
  if (!seat) return refuse(listener, origin.peer);
  reception_.admit({std::move(accepted.socket), std::move(*seat), accepted.peer, std::move(origin), terms});
}

void Entrance::refuse(std::size_t listener, const std::string& peer) {
  metrics_.connects_refused.add();
  metrics_.reached(bridge::Limit::connections);
  if (const auto count = full_log_.count(clock_.now().monotonic)) {
    const bool listener_is_full = seats_[listener]->full();
    spdlog::warn("{} connections are open, which is max_connections of {}: {} refused since the last message, now {}",
                 seats_[listener]->taken(), listener_is_full ? addresses_[listener].address : "the server", *count,
                 peer);
  }
}

}  // namespace bitacora::net
