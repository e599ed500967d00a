// Where packets end in a stream of them, however it is cut.
#include "packet_boundaries.h"

#include <gtest/gtest.h>

#include <vector>

#include "mqtt/codec.h"
#include "net/running_server.h"
#include "websocket_frames.h"
#include "websocket_layer.h"

namespace bitacora::net {
namespace {

Bytes packet_with(std::size_t payload_size) {
  const std::string payload(payload_size, 'x');
  Bytes bytes;
  mqtt::encode(bytes, mqtt::Publish{.topic = "t", .payload = as_bytes(payload)}, mqtt::ProtocolVersion::v3_1_1);
  return bytes;
}

// Sizes on both sides of where Remaining Length grows by a byte, and packets without a body.
std::vector<Bytes> packets() {
  std::vector<Bytes> all;
  for (const std::size_t size : {0U, 1U, 123U, 124U, 125U, 16'379U, 16'380U, 16'381U}) all.push_back(packet_with(size));
  all.insert(all.begin() + 1, MqttClient::encode(mqtt::Pingresp{}, mqtt::ProtocolVersion::v3_1_1));
  all.push_back(MqttClient::encode(mqtt::Pingresp{}, mqtt::ProtocolVersion::v3_1_1));
  return all;
}

// Where packets end, found in pieces of `piece_size`.
std::vector<std::size_t> ends_in(ByteView stream, std::size_t piece_size) {
  PacketBoundaries boundaries;
  std::vector<std::size_t> ends;
  for (std::size_t begin = 0; begin < stream.size(); begin += piece_size) {
    ByteView piece = stream.subspan(begin, std::min(piece_size, stream.size() - begin));
    for (std::size_t at = begin; !piece.empty();) {
      const std::size_t size = boundaries.next(piece);
      at += size;
      piece = piece.subspan(size);
      ends.push_back(at);
    }
  }
  return ends;
}

TEST(PacketBoundaries, AreWhereThePacketsEndHoweverTheStreamIsCut) {
  Bytes stream;
  std::vector<std::size_t> expected;
  for (const Bytes& packet : packets()) {
    append(stream, packet);
    expected.push_back(stream.size());
  }
  EXPECT_EQ(ends_in(stream, stream.size()), expected);
  for (const std::size_t piece_size : {1U, 2U, 3U, 5U, 64U, 1'000U}) {
    std::vector<std::size_t> with_cuts = expected;  // a piece ends where the packet goes on, too
    for (std::size_t at = piece_size; at < stream.size(); at += piece_size) with_cuts.push_back(at);
    std::sort(with_cuts.begin(), with_cuts.end());
    with_cuts.erase(std::unique(with_cuts.begin(), with_cuts.end()), with_cuts.end());
    EXPECT_EQ(ends_in(stream, piece_size), with_cuts) << piece_size;
  }
}

TEST(PacketBoundaries, MakeAFrameOfItsOwnOfEachPacketToAWebSocketClient) {
  WebSocketLayer layer(std::make_shared<ListenerRules>(), 1 << 20);
  Bytes up;
  Bytes down;
  ASSERT_EQ(layer.receive(as_bytes(format(UpgradeRequest{})), up, down), Layer::State::open);
  down.clear();
  Bytes stream;
  Bytes expected;
  for (const Bytes& packet : packets()) {
    append(stream, packet);
    append_frame(expected, Opcode::binary, packet);
  }
  layer.send(stream, down);
  EXPECT_EQ(down, expected);
}

}  // namespace
}  // namespace bitacora::net
