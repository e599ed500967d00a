// Frames as bytes: whole and cut, good and bad. And the request that comes before them.
#include "websocket_frames.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/wire.h"
#include "websocket_handshake.h"

namespace bitacora::net {
namespace {

using Kind = FrameReader::Event::Kind;
using testing::AllOf;
using testing::HasSubstr;

constexpr std::uint64_t limit = 1'000;

struct Reading {
  Bytes payload;
  std::vector<std::string> pings;
  std::optional<std::string> close;
  std::optional<WebSocketClose> failure;
  friend bool operator==(const Reading&, const Reading&) = default;
};

// Reads `wire` in pieces of `piece` bytes.
Reading read_all(ByteView wire, std::size_t piece) {
  FrameReader reader(limit);
  Reading reading;
  while (!wire.empty()) {
    ByteView part = wire.first(std::min(piece, wire.size()));
    wire = wire.subspan(part.size());
    while (!part.empty()) {
      const auto event = reader.read(part, reading.payload);
      if (event.kind == Kind::ping) reading.pings.emplace_back(as_text(event.payload));
      if (event.kind == Kind::close) reading.close = std::string(as_text(event.payload));
      if (event.kind == Kind::failed) reading.failure = event.code;
      if (event.kind == Kind::failed || event.kind == Kind::close) return reading;
    }
  }
  return reading;
}

Bytes frames(std::initializer_list<Bytes> list) {
  Bytes all;
  for (const Bytes& frame : list) append(all, frame);
  return all;
}

Bytes frame(unsigned first, std::string_view payload) { return WebSocketWire::frame(first, as_bytes(payload)); }

TEST(FrameReader, ReadsTheSameHoweverTheBytesAreCut) {
  const Bytes wire = frames({frame(0x82, "whole"), frame(0x02, "be"), frame(0x89, "ping"), frame(0x00, "gin"),
                             frame(0x80, "ning"), frame(0x82, std::string(300, 'x')), frame(0x8A, "unasked pong"),
                             frame(0x82, ""), frame(0x89, ""), frame(0x88, "\x03\xE8")});
  const Reading whole = read_all(wire, wire.size());
  EXPECT_EQ(as_text(whole.payload), "wholebeginning" + std::string(300, 'x'));
  EXPECT_EQ(whole.pings, (std::vector<std::string>{"ping", ""}));
  EXPECT_EQ(whole.close, "\x03\xE8");
  for (std::size_t piece = 1; piece < wire.size(); ++piece) ASSERT_EQ(read_all(wire, piece), whole) << piece;
}

// [MQTT-6.0.0-1]
TEST(FrameReader, RefusesWhatTheStandardForbids) {
  Bytes not_masked = from_hex("82 01 00");
  Bytes half_a_code = frame(0x88, "x");
  const std::string long_ping(126, 'p');
  const std::string too_long(limit + 1, 'x');
  const struct {
    const char* what;
    Bytes wire;
    WebSocketClose code;
  } cases[] = {
      {"text", frame(0x81, "text"), WebSocketClose::unsupported_data},
      {"text in pieces", frame(0x01, "te"), WebSocketClose::unsupported_data},
      {"not masked", not_masked, WebSocketClose::protocol_error},
      {"reserved bit", frame(0xC2, "x"), WebSocketClose::protocol_error},
      {"unknown data opcode", frame(0x83, "x"), WebSocketClose::protocol_error},
      {"unknown control opcode", frame(0x8B, "x"), WebSocketClose::protocol_error},
      {"continuation of nothing", frame(0x80, "x"), WebSocketClose::protocol_error},
      {"message in a message", frames({frame(0x02, "x"), frame(0x82, "y")}), WebSocketClose::protocol_error},
      {"ping in pieces", frame(0x09, "x"), WebSocketClose::protocol_error},
      {"long ping", frame(0x89, long_ping), WebSocketClose::protocol_error},
      {"close with half a code", half_a_code, WebSocketClose::protocol_error},
      {"too big", frame(0x82, too_long), WebSocketClose::too_big},
      {"2^63 bytes", from_hex("82 FF 80 00 00 00 00 00 00 00 00 00 00 00"), WebSocketClose::too_big},
  };
  for (const auto& one : cases) {
    EXPECT_EQ(read_all(one.wire, one.wire.size()).failure, one.code) << one.what;
    EXPECT_EQ(read_all(one.wire, 1).failure, one.code) << one.what;
  }
  EXPECT_EQ(read_all(frame(0x82, std::string(limit, 'x')), 7).failure, std::nullopt);
}

TEST(FrameWriter, ChoosesTheShortestLength) {
  const struct {
    std::size_t size;
    std::string header;
  } cases[] = {{0, "8200"}, {125, "827d"}, {126, "827e007e"}, {65'535, "827effff"}, {65'536, "827f0000000000010000"}};
  for (const auto& one : cases) {
    Bytes wire;
    append_frame(wire, Opcode::binary, Bytes(one.size));
    EXPECT_EQ(to_hex(ByteView(wire).first(wire.size() - one.size)), one.header) << one.size;
  }
}

// --- the request before it ---

std::string answer_to(const UpgradeRequest& request, const ListenerRules& rules = {}) {
  const std::string text = format(request);
  return std::string(as_text(answer_upgrade(as_bytes(text), rules).response));
}

TEST(Upgrade, IsGrantedWithTheKeyOfTheStandardsExample) {
  EXPECT_THAT(answer_to({}), AllOf(HasSubstr("HTTP/1.1 101 "), HasSubstr("Upgrade: websocket\r\n"),
                                   HasSubstr("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"),
                                   HasSubstr("Sec-WebSocket-Protocol: mqtt\r\n")));
}

// [MQTT-6.0.0-4]
TEST(Upgrade, PicksTheSubProtocolThatItKnows) {
  EXPECT_THAT(answer_to({.protocol = "chat, mqttv3.1"}), HasSubstr("Sec-WebSocket-Protocol: mqttv3.1\r\n"));
  EXPECT_THAT(answer_to({.protocol = "mqttv3.1, mqtt"}), HasSubstr("Sec-WebSocket-Protocol: mqtt\r\n"));
  EXPECT_THAT(answer_to({.protocol = "chat"}), HasSubstr("HTTP/1.1 400 "));
  EXPECT_THAT(answer_to({.protocol = ""}), HasSubstr("HTTP/1.1 400 "));
}

TEST(Upgrade, IsRefusedWithTheStatusThatSaysWhy) {
  EXPECT_THAT(answer_to({.path = "/other"}), AllOf(HasSubstr("HTTP/1.1 404 "), HasSubstr("MQTT is at /mqtt")));
  EXPECT_THAT(answer_to({.path = "/mqtt/"}), HasSubstr("HTTP/1.1 404 "));
  EXPECT_THAT(answer_to({.version = "8"}),
              AllOf(HasSubstr("HTTP/1.1 426 "), HasSubstr("Sec-WebSocket-Version: 13\r\n")));
  EXPECT_THAT(answer_to({.key = "short"}), HasSubstr("HTTP/1.1 400 "));
  EXPECT_THAT(answer_to({.key = "!!!!!!!!!!!!!!!!!!!!!!=="}), HasSubstr("HTTP/1.1 400 "));
  EXPECT_THAT(answer_to({.more = "Content-Length: 5\r\n"}), HasSubstr("HTTP/1.1 400 "));
  EXPECT_THAT(answer_to({.path = "/mqtt?token=1"}), HasSubstr("HTTP/1.1 101 "));
  for (const std::string_view text : {"POST /mqtt HTTP/1.1\r\n\r\n", "GET /mqtt HTTP/1.0\r\n\r\n",
                                      "GET /mqtt HTTP/1.1\r\nHost: a\r\n\r\n", "\x10\x0C\r\n\r\n", "\r\n\r\n"}) {
    EXPECT_TRUE(as_text(answer_upgrade(as_bytes(text), {}).response).starts_with("HTTP/1.1 400 ")) << text;
  }
}

TEST(Upgrade, IsForPagesOfThisServerAndThoseThatAreListed) {
  const auto status = [](const std::string& origin, const std::string& host, const ListenerRules& rules) {
    return answer_to({.origin = origin, .host = host}, rules).substr(9, 3);
  };
  ListenerRules plain;
  plain.transport = Transport::websocket;
  EXPECT_EQ(status("http://127.0.0.1:8083", "127.0.0.1:8083", plain), "101");
  EXPECT_EQ(status("http://[::1]:8083", "[::1]:8083", plain), "101");
  EXPECT_EQ(status("http://localhost:8083", "localhost:8083", plain), "101");
  EXPECT_EQ(status("https://app.example.org", "127.0.0.1:8083", plain), "403");
  // A name can be made to point here by whoever owns it.
  EXPECT_EQ(status("http://evil.example.com:8083", "evil.example.com:8083", plain), "403");
  EXPECT_EQ(status("null", "127.0.0.1:8083", plain), "403");
  ListenerRules secure = plain;
  secure.transport = Transport::secure_websocket;
  EXPECT_EQ(status("https://broker.example.org", "broker.example.org", secure), "101");
  EXPECT_EQ(status("https://evil.example.com", "broker.example.org", secure), "403");
  plain.websocket_origins = {"https://app.example.org"};
  EXPECT_EQ(status("https://app.example.org", "127.0.0.1:8083", plain), "101");
  EXPECT_EQ(status("https://app.example.org.evil.com", "127.0.0.1:8083", plain), "403");
  plain.websocket_origins = {"*"};
  EXPECT_EQ(status("https://anything", "127.0.0.1:8083", plain), "101");
}

}  // namespace
}  // namespace bitacora::net
