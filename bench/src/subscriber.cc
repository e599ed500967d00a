#include "subscriber.h"

#include <fmt/format.h>

namespace bitacora::bench {
namespace {

constexpr std::uint16_t subscribe_id = 1;

}  // namespace

Subscriber::Subscriber(EventLoop& loop, SubscriberSettings settings)
    : Client(loop, settings.client),
      settings_(std::move(settings)),
      ledger_(settings_.run, settings_.topics),
      unreleased_(settings_.qos == 2 ? 65536 : 0) {}

void Subscriber::on_connack(const Connack& connack) {
  if (connack.session_present) {
    subscribed_ = true;
    return;
  }
  put_subscribe(output(), version(), subscribe_id, settings_.filter, settings_.qos);
}

void Subscriber::on_answer(const Packet& packet) {
  switch (packet.type) {
    case Type::suback: {
      const Ack ack = read_ack(packet, version());
      if (ack.reason >= 0x80)
        return fail(fmt::format("the server refused the filter {} with code {:#04x}", settings_.filter, ack.reason));
      subscribed_ = true;
      return;
    }
    case Type::publish: return on_publish(read_publish(packet, version()));
    case Type::pubrel: {
      const std::uint16_t id = read_ack(packet, version()).id;
      if (!unreleased_.empty()) unreleased_[id] = false;
      return put_ack(output(), Type::pubcomp, id);
    }
    default: return;
  }
}

void Subscriber::on_publish(const Publish& publish) {
  if (publish.qos == 1) put_ack(output(), Type::puback, publish.id);
  if (publish.qos == 2) {
    if (unreleased_.empty()) return fail("the server sent QoS 2 where less was granted");
    put_ack(output(), Type::pubrec, publish.id);
    if (unreleased_[publish.id]) return;  // the same delivery again [MQTT-4.3.3-10]
    unreleased_[publish.id] = true;
  }
  ++messages_;
  last_ns_ = read_at();
  if (first_ns_ == 0) first_ns_ = read_at();
  const auto stamp = read_stamp(publish.payload);
  if (!stamp) return ledger_.enter_foreign();
  if (ledger_.enter(*stamp)) latency_.record(read_at() - stamp->due_ns);
}

}  // namespace bitacora::bench
