// Accepts the connections of one listening socket. When the process has no descriptor left, the connection at the head
// of the queue is taken with a reserved one and closed, so that its client learns at once and the queue does not spin;
// then accepting rests for a while (reliability.md F17).
#pragma once

#include <functional>

#include "base/clock.h"
#include "event_loop.h"
#include "log_interval.h"
#include "tcp.h"
#include "unix_socket.h"

namespace bitacora::net {

// One descriptor kept free for the moment when there is no other. Shared by the listeners of one thread.
class ReserveDescriptor {
 public:
  ReserveDescriptor() { refill(); }
  // Takes the first waiting connection and closes it.
  void refuse_one(int listening_socket);

 private:
  void refill();
  Descriptor reserve_;
};

struct ListeningSocket {
  Descriptor socket;
  SocketFile file{};  // of a Unix socket
};
// Binds the address, whatever its kind; or for a person: which address, why not, what to do.
[[nodiscard]] Result<ListeningSocket, std::string> listen_on(const ListenAddress& where);

class Listener {
 public:
  using OnAccept = std::function<void(tcp::Accepted)>;

  // `loop`, `clock` and `reserve` outlive it. `on_accept` is called on the loop's thread.
  Listener(EventLoop& loop, const Clock& clock, ReserveDescriptor& reserve, ListeningSocket socket, OnAccept on_accept);

  void start();
  void close();

 private:
  // Bound of one readiness, so that a flood does not starve those who were accepted.
  static constexpr int accepts_per_turn = 64;
  static constexpr std::chrono::milliseconds rest{100};
  static constexpr std::chrono::seconds log_interval{10};

  void wait();
  void accept_all();
  // What to do after accept failed: go on, wait for the next, or rest.
  enum class Next { accept, wait, rest };
  [[nodiscard]] Next after_error(int error);
  void take_a_rest();

  const Clock& clock_;
  ReserveDescriptor& reserve_;
  ReadyDescriptor socket_;
  SocketFile file_;
  Timer timer_;
  OnAccept on_accept_;
  LogInterval exhaustion_log_{log_interval};
};

}  // namespace bitacora::net
