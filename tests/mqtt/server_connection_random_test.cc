// Any packets, some of them damaged, cut anywhere, with an owner that does anything it may: whatever comes of it is in
// order.
#include <rapidcheck.h>

#include "mqtt/packet_generators.h"
#include "mqtt/server_connection_owner.h"

namespace bitacora::mqtt {
namespace {

// What the owner or the world does between two reads.
enum class Deed { nothing, answer, deliver, release, wait, pause_and_resume, close, lose_transport };

rc::Gen<Deed> any_deed() {
  return rc::gen::weightedElement<Deed>({{20, Deed::nothing},
                                         {20, Deed::answer},
                                         {8, Deed::deliver},
                                         {4, Deed::release},
                                         {4, Deed::wait},
                                         {2, Deed::pause_and_resume},
                                         {1, Deed::close},
                                         {1, Deed::lose_transport}});
}

struct Script {
  ProtocolVersion version = ProtocolVersion::v5;
  Bytes stream;
};

// CONNECT and then any packets at all; now and then a byte is another one.
Script any_script() {
  Script script;
  script.version = *any_version();
  encode(script.stream, (*any_packet_of(PacketType::connect, script.version)).packet, script.version);
  const int count = *rc::gen::inRange(0, 20);
  for (int i = 0; i < count; ++i) {
    const int auth_too = script.version == ProtocolVersion::v5 ? 16 : 15;
    const auto any_type = rc::gen::map(rc::gen::inRange(2, auth_too), [](int type) { return PacketType(type); });
    const auto type = *rc::gen::weightedOneOf<PacketType>(
        {{4, rc::gen::just(PacketType::publish)}, {2, rc::gen::just(PacketType::pubrel)}, {1, any_type}});
    encode(script.stream, (*any_packet_of(type, script.version)).packet, script.version);
  }
  if (*rc::gen::inRange(0, 3) == 0) {
    script.stream[*rc::gen::inRange<std::size_t>(0, script.stream.size())] = std::byte(*rc::gen::inRange(0, 256));
  }
  return script;
}

class World {
 public:
  explicit World(const ConnectionLimits& limits) : connection_(limits, clock_.now()), owner_(connection_, clock_) {}

  void read(ByteView bytes) {
    const Bytes own(bytes.begin(), bytes.end());  // so that a sanitizer sees who keeps a view of it
    connection_.on_bytes(own, clock_.now());
    owner_.take_events();
    write(*rc::gen::inRange<std::size_t>(0, connection_.output().size() + 1));
  }

  void perform(Deed deed) {
    switch (deed) {
      case Deed::nothing: break;
      case Deed::answer: owner_.give_answers(); break;
      case Deed::deliver: deliver(publish("delivered", QoS::at_least_once, 9)); break;
      case Deed::release: deliver(ack<Pubrel>(9)); break;
      case Deed::wait:
        clock_.advance(std::chrono::seconds(*rc::gen::inRange(0, 40)));
        connection_.on_time(clock_.now());
        break;
      case Deed::pause_and_resume:
        connection_.on_reading_paused();
        connection_.on_reading_resumed(clock_.now());
        break;
      case Deed::close: connection_.close(ReasonCode::server_busy, "busy"); break;
      case Deed::lose_transport: connection_.on_transport_closed(); break;
    }
    owner_.take_events();
  }

  void check_events() const {
    const auto& events = owner_.events();
    for (std::size_t i = 0; i < events.size(); ++i) {
      const bool is_closed = events[i].starts_with("closed");
      RC_ASSERT(is_closed == (connection_.closed() && i + 1 == events.size()));  // once, and nothing follows
      RC_ASSERT((i == 0) == (events[i].find("CONNECT ") != std::string::npos) || is_closed);
    }
  }

  // What went to the client is packets, CONNACK first and once, and nothing behind DISCONNECT.
  void check_output() {
    write(connection_.output().size());
    const std::vector<std::string> packets = describe_packets(written_, connection_.version());
    for (std::size_t i = 0; i < packets.size(); ++i) {
      RC_ASSERT(!packets[i].starts_with("?"));
      RC_ASSERT(packets[i].starts_with("CONNACK") == (i == 0));
      RC_ASSERT(!packets[i].starts_with("DISCONNECT") || i + 1 == packets.size());
    }
  }

 private:
  void deliver(const Packet& packet) {
    const bool is_open = !owner_.events().empty();  // BackwardsOwner accepts every CONNECT at once
    if (is_open) static_cast<void>(connection_.submit(packet));
  }
  void write(std::size_t size) {
    append(written_, connection_.output().first(size));
    connection_.consume_output(size);
  }

  VirtualClock clock_;
  ServerConnection connection_;
  BackwardsOwner owner_;
  Bytes written_;
};

TEST(AnyScript, GivesEventsAndOutputInOrder) {
  EXPECT_TRUE(rc::check([] {
    const Script script = any_script();
    World world(ConnectionLimits{.receive_maximum = 3, .topic_alias_maximum = 65535});
    for (ByteView rest = script.stream; !rest.empty();) {
      const std::size_t size = *rc::gen::inRange<std::size_t>(1, rest.size() + 1);
      world.read(rest.first(size));
      world.perform(*any_deed());
      rest = rest.subspan(size);
    }
    world.check_events();
    world.check_output();
  }));
}

TEST(AnyBytes, NeverGiveAnEventBeforeConnectOrAfterTheEnd) {
  EXPECT_TRUE(rc::check([](const std::vector<std::uint8_t>& bytes) {
    World world({});
    const ByteView view = std::as_bytes(std::span(bytes));
    if (!view.empty()) world.read(view);
    world.perform(Deed::lose_transport);
    world.check_events();
  }));
}

}  // namespace
}  // namespace bitacora::mqtt
