#include "listener.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace bitacora::net {

void ReserveDescriptor::refill() { reserve_.reset(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

void ReserveDescriptor::refuse_one(int listening_socket) {
  reserve_.reset();
  (void)tcp::accept_from(listening_socket);  // closed as soon as it is here
  refill();
}

Result<ListeningSocket, std::string> listen_on(const ListenAddress& where) {
  if (where.is_unix()) {
    auto listening = listen_on_path(where.unix_path(), where.socket_mode);
    if (!listening) return Failure<std::string>(std::move(listening.error()));
    return ListeningSocket{std::move(listening->socket), std::move(listening->file)};
  }
  auto socket = tcp::listen_on(where);
  if (!socket) return Failure<std::string>(std::move(socket.error()));
  return ListeningSocket{std::move(*socket)};
}

Listener::Listener(EventLoop& loop, const Clock& clock, ReserveDescriptor& reserve, ListeningSocket socket,
                   OnAccept on_accept)
    : clock_(clock),
      reserve_(reserve),
      socket_(loop, socket.socket.release()),
      file_(std::move(socket.file)),
      timer_(loop),
      on_accept_(std::move(on_accept)) {}

void Listener::start() { wait(); }

void Listener::close() {
  ErrorCode ignored;
  socket_.close(ignored);
  file_ = SocketFile();
  timer_.cancel();
}

void Listener::wait() {
  socket_.async_wait(readable, [this](const ErrorCode& error) {
    if (!error && socket_.is_open()) accept_all();
  });
}

void Listener::accept_all() {
  for (int i = 0; i < accepts_per_turn; ++i) {
    auto accepted = tcp::accept_from(socket_.native_handle());
    if (accepted) {
      on_accept_(std::move(*accepted));
      continue;
    }
    switch (after_error(accepted.error())) {
      case Next::accept: continue;
      case Next::wait: return wait();
      case Next::rest: return take_a_rest();
    }
  }
  wait();
}

Listener::Next Listener::after_error(int error) {
  switch (error) {
    case EAGAIN: return Next::wait;
    case EMFILE:
    case ENFILE: reserve_.refuse_one(socket_.native_handle()); break;
    case ENOBUFS:
    case ENOMEM: break;
    default: return Next::accept;  // of this one connection: it was gone again (ECONNABORTED) or its network failed
  }
  if (const auto count = exhaustion_log_.count(clock_.now().monotonic)) {
    spdlog::error(
        "cannot accept connections: {}; {} since the last message. Raise the limit of open files (ulimit -n) "
        "or lower max_connections",
        std::generic_category().message(error), *count);
  }
  return Next::rest;
}

void Listener::take_a_rest() {
  timer_.expires_after(rest);
  timer_.async_wait([this](const ErrorCode& error) {
    if (!error && socket_.is_open()) accept_all();
  });
}

}  // namespace bitacora::net
