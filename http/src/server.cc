#include "http/server.h"

#include <spdlog/spdlog.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <set>
#include <thread>

#include "base/assert.h"
#include "commit_inbox.h"
#include "connection.h"
#include "door.h"

namespace bitacora::http {
namespace {

using asio::ip::tcp;
constexpr std::chrono::milliseconds accept_pause{100};

std::string too_many_connections() {
  const Answer answer = error_answer(503, "too many connections; close some or try again later");
  return "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: 1\r\nConnection: close\r\n"
         "Content-Length: " +
         std::to_string(answer.body.size()) + "\r\n\r\n" + answer.body;
}

}  // namespace

struct Server::State {
  State(storage::Store& store, storage::Committer& committer, storage::Catalog& catalog, const Clock& clock,
        bridge::BrokerMetrics& metrics, HttpSettings http_settings, Admission admission,
        identity::Authenticator* authenticator)
      : settings(std::move(http_settings)),
        inbox(settings.origin),
        door(store, committer, catalog, clock, metrics, settings,
             std::make_shared<const Admission>(std::move(admission)), authenticator),
        acceptor(io),
        drain_timer(io) {}

  Result<void, std::string> listen();
  asio::awaitable<void> accept();
  asio::awaitable<void> serve(tcp::socket socket);
  void run();
  void begin_stop();
  void end_stop_when_drained();

  HttpSettings settings;
  CommitInbox inbox;
  Door door;
  std::set<Connection*> connections;
  asio::io_context io{1};  // below what its coroutines use: they end with it
  tcp::acceptor acceptor;
  asio::steady_timer drain_timer;
  std::thread thread;
  std::uint16_t port = 0;
};

Server::Server(storage::Store& store, storage::Committer& committer, storage::Catalog& catalog, const Clock& clock,
               bridge::BrokerMetrics& metrics, HttpSettings settings, Admission admission,
               identity::Authenticator* authenticator)
    : state_(std::make_unique<State>(store, committer, catalog, clock, metrics, std::move(settings),
                                     std::move(admission), authenticator)) {}

Server::~Server() { stop(); }

storage::CommitListener Server::listener() {
  return [state = state_.get()](const std::shared_ptr<const storage::CommitNotice>& notice) {
    if (state->inbox.put(*notice) == CommitInbox::Wake::no) return;
    asio::post(state->io, [state] { state->door.on_commit(state->inbox.take()); });
  };
}

Result<void, std::string> Server::start() {
  BITACORA_ASSERT(!state_->thread.joinable());
  if (auto listening = state_->listen(); !listening) return listening;
  state_->inbox.open();
  asio::co_spawn(state_->io, state_->accept(), asio::detached);
  state_->thread = std::thread([state = state_.get()] { state->run(); });
  return {};
}

void Server::change(Admission admission) {
  asio::post(state_->io, [state = state_.get(), changed = std::make_shared<const Admission>(std::move(admission))] {
    state->door.change(changed);
  });
}

void Server::stop() {
  if (!state_->thread.joinable()) return;
  asio::post(state_->io, [state = state_.get()] { state->begin_stop(); });
  state_->thread.join();
}

std::uint16_t Server::port() const noexcept { return state_->port; }

Result<void, std::string> Server::State::listen() {
  boost::system::error_code error;
  const auto address = asio::ip::make_address(settings.address, error);
  const auto failed = [&](const char* what) {
    return Failure<std::string>("cannot listen for HTTP on " + settings.address + ":" + std::to_string(settings.port) +
                                ": " + what + ": " + error.message());
  };
  if (error) return failed("this is no IP address");
  const tcp::endpoint endpoint(address, settings.port);
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return failed("the operating system refuses");
  port = acceptor.local_endpoint().port();
  return {};
}

void Server::State::run() {
  io.run();
  inbox.close();
}

asio::awaitable<void> Server::State::accept() {
  while (acceptor.is_open()) {
    auto [error, socket] = co_await acceptor.async_accept(asio::as_tuple(asio::use_awaitable));
    if (error == asio::error::operation_aborted) co_return;
    if (error) {  // out of file descriptors, mostly: those that are open may be closed soon
      spdlog::warn("HTTP: cannot accept a connection: {}", error.message());
      asio::steady_timer pause(io, accept_pause);
      co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
      continue;
    }
    if (connections.size() < settings.max_connections) {
      asio::co_spawn(io, serve(std::move(socket)), asio::detached);
    } else {
      door.metrics.reached(bridge::Limit::connections);
      socket.non_blocking(true, error);
      socket.write_some(asio::buffer(too_many_connections()), error);
    }
  }
}

asio::awaitable<void> Server::State::serve(tcp::socket socket) {
  Connection connection(std::move(socket), door);
  connections.insert(&connection);
  try {
    co_await connection.run();
  } catch (const std::exception& exception) {  // out of memory: this client is dropped, the others go on
    spdlog::error("HTTP: a connection was dropped: {}", exception.what());
  }
  connections.erase(&connection);
  end_stop_when_drained();
}

void Server::State::begin_stop() {
  boost::system::error_code ignored;
  acceptor.close(ignored);
  door.close();
  for (Connection* connection : connections) connection->close_when_idle();
  drain_timer.expires_after(settings.drain_timeout);
  drain_timer.async_wait([this](const boost::system::error_code&) { io.stop(); });
  end_stop_when_drained();
}

void Server::State::end_stop_when_drained() {
  if (door.closing() && connections.empty()) drain_timer.cancel();
}

}  // namespace bitacora::http
