// Layers without a server: what a stream keeps, and that a peer cannot make it keep more.
#include "net/stream.h"

#include <gtest/gtest.h>

#include "net/wire.h"
#include "websocket_layer.h"

namespace bitacora::net {
namespace {

constexpr std::size_t bound = 64 << 10;

class StreamOfAWebSocket : public testing::Test {
 protected:
  StreamOfAWebSocket() {
    std::vector<std::unique_ptr<Layer>> layers;
    layers.push_back(std::make_unique<WebSocketLayer>(std::make_shared<ListenerRules>(), 1'000));
    stream_ = std::make_unique<Stream>(std::move(layers));
    EXPECT_EQ(receive(as_bytes(format(UpgradeRequest{}))), Layer::State::open);
    stream_->consume(stream_->unsent().size());
  }
  Layer::State receive(ByteView wire) { return stream_->receive(wire, payload_); }

  std::unique_ptr<Stream> stream_;
  Bytes payload_;
};

TEST_F(StreamOfAWebSocket, IsCongestedByAnswersThatNobodyTakesLongBeforeTheyAreMany) {
  const Bytes ping = WebSocketWire::frame(0x89, as_bytes(std::string(125, 'p')));
  std::size_t count = 0;
  while (!stream_->congested()) {
    ASSERT_EQ(receive(ping), Layer::State::open);
    ASSERT_LT(++count, 10'000u);
  }
  EXPECT_LT(stream_->unsent().size(), bound + 200);
  stream_->consume(1'000);
  EXPECT_FALSE(stream_->congested());
}

TEST_F(StreamOfAWebSocket, AnswersOnlyTheLastOfManyPingsInOneRead) {
  Bytes flood;
  for (int i = 0; i < 500; ++i) append(flood, WebSocketWire::frame(0x89, as_bytes(std::to_string(i))));
  ASSERT_EQ(receive(flood), Layer::State::open);
  EXPECT_EQ(to_hex(stream_->unsent()), "8a03" + to_hex(as_bytes("499")));
}

TEST_F(StreamOfAWebSocket, KeepsNoPayloadOfAFrameThatIsNotWhole) {
  Bytes frame = WebSocketWire::frame(0x82, as_bytes(std::string(1'000, 'x')));
  frame.resize(frame.size() - 1);
  ASSERT_EQ(receive(frame), Layer::State::open);
  EXPECT_EQ(payload_.size(), 999u);
}

TEST_F(StreamOfAWebSocket, SendsWhatItIsGivenAsOneFrameAndThenItsClose) {
  stream_->send(as_bytes("abc"));
  stream_->finish();
  stream_->finish();
  stream_->send(as_bytes("too late"));
  EXPECT_EQ(to_hex(stream_->unsent()), "8203" + to_hex(as_bytes("abc")) + "880203e8");
  stream_->consume(3);
  EXPECT_EQ(to_hex(stream_->unsent()), "6263880203e8");
}

TEST_F(StreamOfAWebSocket, AnswersACloseOnce) {
  EXPECT_EQ(receive(WebSocketWire::frame(0x88, from_hex("03 E8"))), Layer::State::ended);
  EXPECT_EQ(receive(WebSocketWire::frame(0x88, from_hex("03 E8"))), Layer::State::ended);
  stream_->finish();
  EXPECT_EQ(to_hex(stream_->unsent()), "880203e8");
}

TEST_F(StreamOfAWebSocket, CarriesWhatCameBeforeItFailed) {
  Bytes wire = WebSocketWire::frame(0x82, as_bytes("last words"));
  append(wire, WebSocketWire::frame(0x81, as_bytes("text")));
  EXPECT_EQ(receive(wire), Layer::State::failed);
  EXPECT_EQ(as_text(payload_), "last words");
  EXPECT_NE(stream_->failure().find("text"), std::string::npos);
}

}  // namespace
}  // namespace bitacora::net
