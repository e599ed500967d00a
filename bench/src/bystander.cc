#include "bystander.h"

#include <fmt/format.h>

#include <utility>

namespace bitacora::bench {
namespace {

constexpr std::uint32_t window = 100;  // SUBSCRIBEs without an answer

}  // namespace

Bystander::Bystander(EventLoop& loop, BystanderSettings settings)
    : Client(loop, settings.client), settings_(std::move(settings)) {}

void Bystander::on_connack(const Connack&) { subscribe(); }

void Bystander::on_answer(const Packet& packet) {
  if (packet.type == Type::publish) return fail("a message came for a filter that nobody publishes to");
  if (packet.type != Type::suback) return;
  const Ack ack = read_ack(packet, version());
  if (ack.reason >= 0x80) return fail(fmt::format("the server refused a subscription with code {:#04x}", ack.reason));
  ++granted_;
  subscribe();
}

void Bystander::subscribe() {
  for (; asked_ < settings_.subscriptions && asked_ - granted_ < window; ++asked_) {
    const auto id = static_cast<std::uint16_t>(asked_ % window + 1);
    put_subscribe(output(), version(), id, fmt::format("{}/{}", settings_.prefix, asked_), 0);
  }
}

}  // namespace bitacora::bench
