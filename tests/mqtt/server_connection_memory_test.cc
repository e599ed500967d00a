// What a connection costs: little while it is idle, nothing per message while it is busy.
#include <array>

#include "mqtt/server_connection_allocations.h"
#include "mqtt/server_connection_talk.h"

namespace bitacora::mqtt {
namespace {

constexpr std::size_t idle_limit = 1024;  // bytes

// A connection alone, without the recording around it that Talk has.
struct Bare {
  explicit Bare(const Connect& connect, const ConnectionLimits& limits = {}) : connection(limits, Now{}) {
    feed(connect);
    connection.connack(AnswerSlot{0}, Connack{}, Now{});
    drain();
  }
  void feed(const Packet& packet) {
    Bytes bytes;
    encode(bytes, packet, connection.version());
    feed(bytes);
  }
  void feed(const Bytes& bytes) {
    connection.on_bytes(bytes, Now{});
    while (auto event = connection.poll_event()) {
      const auto* publish = std::get_if<PublishEvent>(&*event);
      if (publish != nullptr && publish->packet.qos == QoS::at_least_once) {
        slots[count++ % slots.size()] = publish->slot;
      }
      const auto* subscribe = std::get_if<SubscribeEvent>(&*event);
      if (subscribe != nullptr) connection.answer(subscribe->slot, suback(subscribe->packet.packet_id.value()));
    }
  }
  void drain() { connection.consume_output(connection.output().size()); }

  ServerConnection connection;
  std::array<AnswerSlot, 16> slots;  // of the latest publishes of QoS 1
  std::size_t count = 0;
};

TEST(IdleConnection, TakesLessThanOneKibibyte) {
  for (const Connect& connect : {v3_1_1(), v5()}) {
    const std::size_t before = allocated_bytes();
    Bare bare(connect);
    bare.feed(subscribe(1, "plant/#"));
    bare.drain();
    bare.feed(Pingreq{});
    bare.drain();
    EXPECT_LT(allocated_bytes() - before, idle_limit);
  }
}

TEST(ConnectionAfterABurst, GivesItsMemoryBackWithTheNextPing) {
  const std::size_t before = allocated_bytes();
  Bare bare(v3_1_1());
  const std::string payload(100'000, 'x');
  Publish large = publish("a");
  large.payload = as_bytes(payload);
  EXPECT_TRUE(bare.connection.submit(large));
  Bytes bytes;
  encode(bytes, large, ProtocolVersion::v3_1_1);
  for (const auto half : {ByteView(bytes).first(50'000), ByteView(bytes).subspan(50'000)}) {
    bare.feed(Bytes(half.begin(), half.end()));
  }
  for (std::uint16_t id = 1; id <= 16; ++id) bare.feed(qos1(id));
  for (std::uint16_t id = 16; id >= 1; --id) bare.connection.answer(bare.slots[id - 1U], ack<Puback>(id));
  bare.drain();
  bare.feed(Pingreq{});
  bare.drain();
  Bytes().swap(bytes);
  EXPECT_LT(allocated_bytes() - before, idle_limit + payload.capacity() + 100);
}

TEST(AnnouncedLength, TakesNoMemoryUntilTheBytesCome) {
  Bare bare(v3_1_1(), ConnectionLimits{.max_packet_size = 268'435'460});
  const std::size_t before = allocated_bytes();
  bare.feed(from_hex("30 ff ff ff 7f"));
  EXPECT_LT(allocated_bytes() - before, idle_limit);
  bare.feed(Bytes(10'000));
  EXPECT_LT(allocated_bytes() - before, 30'000U);
}

// Runs `turn` until it has all the memory it needs, then counts.
template <class Turn>
std::size_t allocations_of(Turn turn) {
  for (int i = 0; i < 3; ++i) turn();
  const std::size_t before = allocation_count();
  for (int i = 0; i < 100; ++i) turn();
  return allocation_count() - before;
}

Bytes stream_of(std::initializer_list<Publish> packets, ProtocolVersion version) {
  Bytes bytes;
  for (const Publish& packet : packets) encode(bytes, packet, version);
  return bytes;
}

TEST(BusyConnection, TakesNoMemoryForAPublishOfQoS0) {
  Bare bare(v5());
  const Bytes bytes = stream_of({publish("a/b"), publish("c/d")}, ProtocolVersion::v5);
  EXPECT_EQ(allocations_of([&] { bare.feed(bytes); }), 0U);
}

TEST(BusyConnection, TakesNoMemoryForAPublishOfQoS1AndItsAnswerInWhateverOrder) {
  Bare bare(v5());
  const Bytes bytes = stream_of({qos1(1), qos1(2), qos1(3)}, ProtocolVersion::v5);
  constexpr std::uint16_t order[] = {2, 3, 1};
  EXPECT_EQ(allocations_of([&] {
              bare.count = 0;
              bare.feed(bytes);
              for (const std::uint16_t id : order) bare.connection.answer(bare.slots[id - 1U], ack<Puback>(id));
              bare.drain();
            }),
            0U);
}

TEST(BusyConnection, TakesNoMemoryForAliasesOfEitherSide) {
  Connect connect = v5();
  connect.properties.topic_alias_maximum = 4;
  Bare bare(connect);
  const Bytes bytes = stream_of({aliased("a topic of more than a few bytes", 1), aliased("", 1)}, ProtocolVersion::v5);
  Packet delivery = publish("another topic of more than a few bytes");
  std::get<Publish>(delivery).properties.user_properties = {{"offset", "7"}};
  EXPECT_EQ(allocations_of([&] {
              bare.feed(bytes);
              EXPECT_TRUE(bare.connection.submit(delivery));
              bare.drain();
            }),
            0U);
}

TEST(BusyConnection, TakesNoMemoryForPacketsCutAcrossReads) {
  Bare bare(v5());
  const Bytes bytes = stream_of({publish("a/b")}, ProtocolVersion::v5);
  const Bytes front(bytes.begin(), bytes.begin() + 3);
  const Bytes back(bytes.begin() + 3, bytes.end());
  EXPECT_EQ(allocations_of([&] {
              bare.feed(front);
              bare.feed(back);
            }),
            0U);
}

}  // namespace
}  // namespace bitacora::mqtt
