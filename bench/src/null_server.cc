#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fmt/format.h>
#include <csignal>
#include <fstream>
#include <limits>
#include <memory>
#include <vector>

#include "runs.h"

namespace bitacora::bench {
namespace {

// One client of the null server.
class Peer final : public Stream {
 public:
  using Stream::Stream;

 private:
  void on_packet(const Packet& packet) override {
    switch (packet.type) {
      case Type::connect: version_ = version_of_connect(packet); return put_connack(output(), version_);
      case Type::publish: {
        const Publish publish = read_publish(packet, version_);
        if (publish.qos > 0) put_ack(output(), publish.qos == 1 ? Type::puback : Type::pubrec, publish.id);
        return;
      }
      case Type::pubrel: return put_ack(output(), Type::pubcomp, read_ack(packet, version_).id);
      case Type::subscribe:
        return put_suback(output(), version_, read_ack({Type::puback, 0, packet.body.substr(0, 2)}, version_).id, 0);
      case Type::pingreq: return put_pingresp(output());
      case Type::disconnect: return close();
      default: return;
    }
  }
  void on_lost(std::string_view) override {}

  Version version_ = Version::v3_1_1;
};

class Acceptor final : public Source {
 public:
  Acceptor(EventLoop& loop, const Descriptor& listener) : loop_(loop), listener_(listener) {}

  void on_readable() override {
    // A peer takes itself out of the loop while it is told; here none is being told.
    std::erase_if(peers_, [](const auto& peer) { return !peer->is_open(); });
    Descriptor socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!socket.is_open()) return;
    const int on = 1;
    setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    peers_.push_back(std::make_unique<Peer>(loop_, std::move(socket)));
  }
  void on_writable() override {}

 private:
  EventLoop& loop_;
  const Descriptor& listener_;
  std::vector<std::unique_ptr<Peer>> peers_;
};

class StopSignal final : public Source {
 public:
  void on_readable() override { is_raised = true; }
  void on_writable() override {}
  bool is_raised = false;
};

}  // namespace

void run_null_server(const Address& address, const std::string& ports_file) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  const Descriptor signal_descriptor(signalfd(-1, &signals, SFD_CLOEXEC));

  EventLoop loop;
  StopSignal stop;
  loop.add(signal_descriptor.get(), stop);
  const Descriptor listener = listen_at(address);
  Acceptor acceptor(loop, listener);
  loop.add(listener.get(), acceptor);
  fmt::print("listening at {}:{}\n", address.host, port_of(listener));
  std::fflush(stdout);
  if (!ports_file.empty()) std::ofstream(ports_file) << "mqtt=" << port_of(listener) << "\n";
  while (!stop.is_raised) loop.run_once(std::numeric_limits<std::int64_t>::max());
}

}  // namespace bitacora::bench
