#include "torture_connection.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>
#include <vector>

namespace bitacora::app::torture {
namespace {

constexpr std::uint32_t session_expiry_s = 24 * 3600;
constexpr std::size_t read_size = 64 << 10;

}  // namespace

Connection::~Connection() { close(); }

bool Connection::open(std::uint16_t port) {
  close();
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return false;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    ::close(descriptor);
    return false;
  }
  const int on = 1;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::fcntl(descriptor, F_SETFL, ::fcntl(descriptor, F_GETFL) | O_NONBLOCK);
  descriptor_ = descriptor;
  mqtt::Connect connect{.version = terms_.version, .clean_start = terms_.clean_start, .client_id = terms_.client_id};
  if (terms_.version == mqtt::ProtocolVersion::v5 && terms_.clean_start == mqtt::CleanStart::no) {
    connect.properties.session_expiry_interval = session_expiry_s;
  }
  send(connect);
  return true;
}

void Connection::close() {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  connected_ = false;
  input_.clear();
  output_.clear();
  written_ = 0;
}

void Connection::send(const mqtt::Packet& packet) {
  if (is_open()) mqtt::encode(output_, packet, terms_.version);
}

void Connection::complain(std::string what) {
  if (complaint_.empty()) complaint_ = terms_.client_id + ": " + std::move(what);
}

void Connection::on_readable() {
  std::array<std::byte, read_size> chunk;
  const ssize_t count = ::recv(descriptor_, chunk.data(), chunk.size(), 0);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) return close();
  append(input_, ByteView(chunk).first(static_cast<std::size_t>(count)));
  take_packets();
}

void Connection::on_writable() {
  const ByteView rest = ByteView(output_).subspan(written_);
  const ssize_t count = ::send(descriptor_, rest.data(), rest.size(), MSG_NOSIGNAL);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count < 0) return;  // what the server said before it went is still to be read
  written_ += static_cast<std::size_t>(count);
  if (written_ < output_.size()) return;
  output_.clear();
  written_ = 0;
}

void Connection::take_packets() {
  std::size_t begin = 0;
  while (is_open()) {
    const ByteView rest = ByteView(input_).subspan(begin);
    const auto frame = mqtt::decode_frame(rest);
    if (!frame) return complain("was sent no MQTT: " + frame.error().message), close();
    if (!*frame || rest.size() < (*frame)->size()) break;
    const Bytes bytes(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>((*frame)->size()));
    begin += bytes.size();
    const auto packet = mqtt::decode(bytes, terms_.version);
    if (!packet) return complain("was sent a malformed packet: " + packet.error().message), close();
    take(*packet);
  }
  if (is_open()) input_.erase(input_.begin(), input_.begin() + static_cast<std::ptrdiff_t>(begin));
}

void Connection::take(const mqtt::Packet& packet) {
  if (const auto* connack = std::get_if<mqtt::Connack>(&packet)) {
    if (connack->reason != mqtt::ReasonCode::success) {
      if (!terms_.takes_refusals) complain("was refused: " + mqtt::format(packet));
      return close();
    }
    connected_ = true;
    on_connack(connack->session_present);
  } else if (const auto* disconnect = std::get_if<mqtt::Disconnect>(&packet)) {
    const bool is_fine = terms_.takes_refusals || disconnect->reason == mqtt::ReasonCode::server_shutting_down;
    if (!is_fine) complain("was sent away: " + mqtt::format(packet));
    close();
  } else if (!std::holds_alternative<mqtt::Pingresp>(packet)) {
    on_packet(packet);
  }
}

void take_turn(std::span<Connection* const> connections, int timeout_ms) {
  std::vector<pollfd> polled;
  std::vector<Connection*> owners;
  for (Connection* connection : connections) {
    if (!connection->is_open()) continue;
    const bool has_output = connection->written_ < connection->output_.size();
    polled.push_back({connection->descriptor_, static_cast<short>(POLLIN | (has_output ? POLLOUT : 0)), 0});
    owners.push_back(connection);
  }
  if (::poll(polled.data(), polled.size(), timeout_ms) <= 0) return;
  for (std::size_t i = 0; i < polled.size(); ++i) {
    if ((polled[i].revents & POLLOUT) != 0) owners[i]->on_writable();
    if (owners[i]->is_open() && (polled[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0) owners[i]->on_readable();
  }
}

}  // namespace bitacora::app::torture
