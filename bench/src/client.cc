#include "client.h"

#include <fmt/format.h>

namespace bitacora::bench {
namespace {

constexpr std::uint16_t keep_alive_s = 60;
constexpr std::int64_t ping_interval_ns = 20'000'000'000;

}  // namespace

Client::Client(EventLoop& loop, const ClientSettings& settings)
    : Stream(loop, connect_to(settings.address)), version_(settings.version), pinged_at_(now_ns()) {
  put_connect(output(), {.version = settings.version,
                         .client_id = settings.client_id,
                         .clean_start = settings.clean_start,
                         .session_expiry_s = settings.session_expiry_s,
                         .keep_alive_s = keep_alive_s,
                         .receive_maximum = 0});
  flush();
}

void Client::fail(std::string why) {
  if (failure_.empty()) failure_ = std::move(why);
  close();
}

void Client::on_packet(const Packet& packet) {
  switch (packet.type) {
    case Type::connack: {
      const Connack connack = read_connack(packet, version_);
      if (connack.reason != 0)
        return fail(fmt::format("the server refused the connection with code {:#04x}", connack.reason));
      connack_ = connack;
      return on_connack(connack);
    }
    case Type::pingresp:
      if (pings_ > 0) --pings_;
      return;
    case Type::disconnect:
      return fail(fmt::format("the server sent DISCONNECT with reason {:#04x}",
                              packet.body.empty() ? 0 : static_cast<std::uint8_t>(packet.body[0])));
    default: on_answer(packet);
  }
}

void Client::on_lost(std::string_view why) { fail(std::string(why)); }

void Client::keep_alive(std::int64_t now) {
  if (is_connected() && now - pinged_at_ > ping_interval_ns) ping();
}

void Client::ping() {
  ++pings_;
  pinged_at_ = now_ns();
  put_pingreq(output());
  flush();
}

void Client::disconnect() {
  if (!is_open()) return;
  put_disconnect(output());
  flush();
  close();
}

}  // namespace bitacora::bench
