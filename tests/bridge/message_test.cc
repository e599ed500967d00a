#include "bridge/message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <tuple>

#include "bridge/allocations.h"

namespace bitacora::bridge {
namespace {

using mqtt::Dup;
using mqtt::QoS;
using mqtt::Retain;
using storage::HeaderView;
using storage::RecordView;
using testing::ElementsAre;
using testing::IsEmpty;

// "name=value" of each header.
std::vector<std::string> headers_of(const RecordView& record) {
  std::vector<std::string> all;
  for (const HeaderView& header : record.headers) {
    all.push_back(std::string(header.name) + "=" + std::string(as_text(header.value.value_or(ByteView()))));
  }
  return all;
}

RecordView kafka_record(std::string_view key, std::string_view value, std::span<const HeaderView> headers = {}) {
  return {0, 1000, as_bytes(key), as_bytes(value), headers};
}

Message full_message() {
  Message message;
  message.topic = "plant/1/temp";
  message.payload = as_bytes("21.5");
  message.qos = QoS::exactly_once;
  message.retain = Retain::yes;
  message.dup = Dup::yes;
  message.dup_of = 1234567890123;
  message.client_id = "sensor";
  message.qos2 = Qos2Mark{0x0102030405060708, mqtt::PacketId(0x090a), 0x0b0c0d0e};
  message.will = WillMark{0x1112131415161718, 0x191a1b1c};
  message.timestamp = 1'700'000'000'000;
  message.properties.payload_format_indicator = std::uint8_t{1};
  message.properties.message_expiry_interval = 4'294'967'295;
  message.properties.content_type = "text/plain";
  message.properties.response_topic = "answers/1";
  message.properties.correlation_data = as_bytes("id");
  message.properties.user_properties = {{"b", "2"}, {"a", "1"}, {"mqtt.qos", "mine"}, {"b", "3"}, {"mqtt.user.x", "y"}};
  return message;
}

TEST(MessageEncoder, APlainPublishIsKeyValueAndQos) {
  MessageEncoder encoder;
  Message message;
  message.topic = "a/b";
  message.payload = as_bytes("hello");
  message.timestamp = 5;
  const RecordView record = encoder.encode(message, {});
  EXPECT_EQ(as_text(*record.key), "a/b");
  EXPECT_EQ(as_text(*record.value), "hello");
  EXPECT_EQ(record.timestamp, 5);
  EXPECT_THAT(headers_of(record), ElementsAre("mqtt.qos=1"));
}

TEST(MessageEncoder, AnEmptyPayloadIsAnEmptyValueAndNoTombstone) {
  MessageEncoder encoder;
  Message message;
  message.topic = "a";
  EXPECT_TRUE(encoder.encode(message, {}).value.has_value());
}

TEST(MessageEncoder, EverythingThatMqttCarriesHasItsHeader) {
  MessageEncoder encoder;
  const std::string mark = "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e";
  EXPECT_THAT(
      headers_of(encoder.encode(full_message(), {})),
      ElementsAre("mqtt.qos=2", "mqtt.retain=1", "mqtt.client=sensor", "mqtt.dup=1", "mqtt.dup-of=1234567890123",
                  "mqtt.qos2=" + mark, "mqtt.will=\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c",
                  "mqtt.payload-format=1", "mqtt.expiry=4294967295", "mqtt.content-type=text/plain",
                  "mqtt.response-topic=answers/1", "mqtt.correlation-data=id", "b=2", "a=1", "mqtt.user.mqtt.qos=mine",
                  "b=3", "mqtt.user.mqtt.user.x=y"));
}

TEST(MessageEncoder, TheRoutesOwnHeadersComeLast) {
  MessageEncoder encoder;
  Message message;
  message.topic = "a";
  message.properties.user_properties = {{"mine", "1"}};
  const HeaderView extra[] = {{"site", as_bytes("north")}};
  EXPECT_THAT(headers_of(encoder.encode(message, extra)), ElementsAre("mqtt.qos=1", "mine=1", "site=north"));
}

TEST(MessageEncoder, DoesNotAllocateForA311PublishOnceItIsWarm) {
  MessageEncoder encoder;
  MessageDecoder decoder;
  Message message;
  message.topic = "plant/1/temp";
  message.payload = as_bytes("21.5");
  message.client_id = "a-client-id-longer-than-any-small-string-buffer";
  message.qos = QoS::exactly_once;
  message.qos2 = Qos2Mark{1, mqtt::PacketId(2), 3};
  const auto round = [&] { return decoder.decode(encoder.encode(message, {})) != nullptr; };
  ASSERT_TRUE(round());
  const std::size_t before = allocation_count();
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(round());
  EXPECT_EQ(allocation_count(), before);
}

TEST(MessageDecoder, GivesBackWhatWasEncoded) {
  MessageEncoder encoder;
  MessageDecoder decoder;
  const Message in = full_message();
  const RecordView record = encoder.encode(in, {});
  const Message* out = decoder.decode(record);
  ASSERT_NE(out, nullptr);
  EXPECT_EQ(out->topic, in.topic);
  EXPECT_EQ(as_text(out->payload), as_text(in.payload));
  EXPECT_EQ(std::tie(out->qos, out->retain, out->dup), std::tie(in.qos, in.retain, in.dup));
  EXPECT_EQ(out->dup_of, in.dup_of);
  EXPECT_EQ(out->client_id, in.client_id);
  EXPECT_EQ(out->qos2, in.qos2);
  EXPECT_EQ(out->will, in.will);
  EXPECT_EQ(out->timestamp, in.timestamp);
  EXPECT_TRUE(out->properties == in.properties);
  EXPECT_EQ(MessageDecoder::qos2_of(record), in.qos2);
  EXPECT_EQ(MessageDecoder::will_of(record), in.will);
  EXPECT_EQ(MessageDecoder::retain_of(record), in.retain);
  EXPECT_EQ(MessageDecoder::client_of(record), in.client_id);
}

TEST(MessageDecoder, NothingOfOneMessageIsLeftInTheNext) {
  MessageEncoder encoder;
  MessageDecoder decoder;
  ASSERT_NE(decoder.decode(encoder.encode(full_message(), {})), nullptr);
  const Message* out = decoder.decode(kafka_record("a", "b"));
  ASSERT_NE(out, nullptr);
  EXPECT_EQ(std::tie(out->qos, out->retain, out->dup), std::make_tuple(QoS::at_least_once, Retain::no, Dup::no));
  EXPECT_EQ(out->client_id, "");
  EXPECT_EQ(out->qos2, std::nullopt);
  EXPECT_EQ(out->will, std::nullopt);
  EXPECT_EQ(out->dup_of, std::nullopt);
  EXPECT_TRUE(out->properties == mqtt::Properties{});
}

TEST(MessageDecoder, TheHeadersOfAKafkaProducerAreUserProperties) {
  MessageDecoder decoder;
  const std::string too_long(65536, 'x');
  const HeaderView headers[] = {{"trace", as_bytes("1")},
                                {"none", std::nullopt},
                                {"mqtt.unknown", as_bytes("1")},
                                {"bad", as_bytes("\xff")},
                                {"long", as_bytes(too_long)},
                                {"mqtt.user.mqtt.qos", as_bytes("x")},
                                {"mqtt.qos", as_bytes("3")},
                                {"mqtt.expiry", as_bytes("1x")},
                                {"mqtt.qos2", as_bytes("short")},
                                {"mqtt.dup-of", as_bytes("-1")},
                                {"mqtt.response-topic", as_bytes("a/#")}};
  const Message* out = decoder.decode(kafka_record("a", "b", headers));
  ASSERT_NE(out, nullptr);
  EXPECT_EQ(out->qos, QoS::at_least_once);
  EXPECT_EQ(out->qos2, std::nullopt);
  mqtt::Properties expected;
  expected.user_properties = {{"trace", "1"}, {"none", ""}, {"mqtt.qos", "x"}};
  EXPECT_TRUE(out->properties == expected);
}

TEST(MessageDecoder, ARecordWithoutAnMqttTopicOrAValueIsNoMessage) {
  MessageDecoder decoder;
  const auto value = as_bytes("v");
  EXPECT_EQ(decoder.decode({0, 0, std::nullopt, value, {}}), nullptr);
  for (const std::string_view key : {"", "a/+", "#", "\xff\xfe", "\xc0\x80", "$SYS/broker/uptime", "$"}) {
    EXPECT_EQ(decoder.decode(kafka_record(key, "v")), nullptr) << key;
  }
  EXPECT_EQ(decoder.decode({0, 0, as_bytes("a"), std::nullopt, {}}), nullptr);
  EXPECT_EQ(MessageDecoder::topic_of({0, 0, as_bytes("a"), std::nullopt, {}}), "a");
}

struct Expiry {
  std::uint32_t interval;  // s
  std::int64_t waited_ms;
  std::uint32_t left;  // s
};

TEST(MessageExpiry, CountsDownFromTheRecordsTimestampAndIsZeroOnlyWhenOver) {
  const Expiry table[] = {{10, 0, 10},     {10, 1, 10},     {10, 1000, 9}, {10, 9999, 1},
                          {10, 10'000, 0}, {10, 99'999, 0}, {0, 0, 0},     {10, -5000, 10}};
  for (const Expiry& row : table) {
    Message message;
    message.timestamp = 1'700'000'000'000;
    message.properties.message_expiry_interval = row.interval;
    EXPECT_EQ(remaining_expiry(message, message.timestamp + row.waited_ms), row.left)
        << row.interval << " " << row.waited_ms;
  }
  EXPECT_EQ(remaining_expiry(Message{}, 1'700'000'000'000), std::nullopt);
}

}  // namespace
}  // namespace bitacora::bridge
