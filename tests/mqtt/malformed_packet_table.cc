#include "mqtt/packet_table.h"

namespace bitacora::mqtt {
namespace {

constexpr auto v3_1 = ProtocolVersion::v3_1;
constexpr auto v3_1_1 = ProtocolVersion::v3_1_1;
constexpr auto v5 = ProtocolVersion::v5;
constexpr auto malformed = ReasonCode::malformed_packet;
constexpr auto protocol_error = ReasonCode::protocol_error;
constexpr auto unsupported = ReasonCode::unsupported_protocol_version;

std::vector<MalformedPacket> headers() {
  return {
      {"packet type 0", v3_1_1, wire("00 00"), malformed},
      {"CONNECT with flags", v3_1_1, wire("11 0c 00 04 'MQTT' 04 02 00 00 00 00"), malformed},
      {"CONNACK with flags", v5, wire("21 03 00 00 00"), malformed},
      {"PUBACK with flags", v3_1_1, wire("42 02 00 07"), malformed},
      {"PUBREC with flags", v3_1_1, wire("51 02 00 07"), malformed},
      {"PUBREL without its flags", v3_1_1, wire("60 02 00 07"), malformed},
      {"PUBREL with the DUP flag of 3.1 in 3.1.1", v3_1_1, wire("6a 02 00 07"), malformed},
      {"PUBCOMP with flags", v3_1_1, wire("78 02 00 07"), malformed},
      {"SUBSCRIBE without its flags", v3_1_1, wire("80 06 00 0a 00 01 '#' 00"), malformed},
      {"SUBSCRIBE with the DUP flag of 3.1 in 5.0", v5, wire("8a 07 00 0a 00 00 01 '#' 00"), malformed},
      {"SUBACK with flags", v3_1_1, wire("92 03 00 0a 00"), malformed},
      {"UNSUBSCRIBE with other flags", v3_1_1, wire("a3 05 00 0b 00 01 'a'"), malformed},
      {"UNSUBACK with flags", v3_1_1, wire("b2 02 00 0b"), malformed},
      {"PINGREQ with flags", v3_1_1, wire("c1 00"), malformed},
      {"PINGRESP with flags", v3_1_1, wire("d1 00"), malformed},
      {"DISCONNECT with flags", v5, wire("e1 00"), malformed},
      {"AUTH with flags", v5, wire("f1 00"), malformed},
      {"PINGREQ with a payload", v3_1_1, wire("c0 01 00"), malformed},
      {"PINGRESP with a payload", v5, wire("d0 01 00"), malformed},
      {"Remaining Length in two bytes where one would do", v5, wire("c0 80 00"), malformed},
      {"Remaining Length of five bytes", v5, wire("c0 80 80 80 80 01"), malformed},
  };
}

std::vector<MalformedPacket> connects() {
  return {
      {"CONNECT of another protocol", v3_1_1, wire("10 0c 00 04 'MQTX' 04 02 00 00 00 00"), unsupported},
      {"CONNECT of 3.1.1 by the name of 3.1", v3_1_1, wire("10 0e 00 06 'MQIsdp' 04 02 00 00 00 00"), unsupported},
      {"CONNECT of 3.1 by the name of 3.1.1", v3_1_1, wire("10 0c 00 04 'MQTT' 03 02 00 00 00 00"), unsupported},
      {"CONNECT of level 6", v3_1_1, wire("10 0c 00 04 'MQTT' 06 02 00 00 00 00"), unsupported},
      {"CONNECT of a mosquitto bridge (level 0x84)", v3_1_1, wire("10 0c 00 04 'MQTT' 84 02 00 00 00 00"), unsupported},
      {"CONNECT cut in its protocol name", v3_1_1, wire("10 04 00 04 'MQ'"), malformed},
      {"CONNECT without a protocol level", v3_1_1, wire("10 06 00 04 'MQTT'"), malformed},
      {"CONNECT with the reserved flag", v3_1_1, wire("10 0c 00 04 'MQTT' 04 03 00 00 00 00"), malformed},
      {"CONNECT with a Will QoS and no Will", v3_1_1, wire("10 0c 00 04 'MQTT' 04 0a 00 00 00 00"), malformed},
      {"CONNECT with Will Retain and no Will", v5, wire("10 0d 00 04 'MQTT' 05 22 00 00 00 00 00"), malformed},
      {"CONNECT with Will QoS 3", v3_1_1, wire("10 11 00 04 'MQTT' 04 1e 00 00 00 00 00 01 'w' 00 00"), malformed},
      {"CONNECT with a wildcard in the Will Topic", v3_1_1,
       wire("10 11 00 04 'MQTT' 04 06 00 00 00 00 00 01 '#' 00 00"), ReasonCode::topic_name_invalid},
      {"CONNECT with an empty Will Topic", v3_1_1, wire("10 10 00 04 'MQTT' 04 06 00 00 00 00 00 00 00 00"),
       ReasonCode::topic_name_invalid},
      {"CONNECT 3.1.1 with a password alone", v3_1_1, wire("10 0f 00 04 'MQTT' 04 42 00 00 00 00 00 01 'p'"),
       malformed},
      {"CONNECT 3.1 with a password alone", v3_1, wire("10 11 00 06 'MQIsdp' 03 42 00 00 00 00 00 01 'p'"), malformed},
      {"CONNECT 3.1.1 that announces a user name and sends none", v3_1_1, wire("10 0c 00 04 'MQTT' 04 82 00 00 00 00"),
       malformed},
      {"CONNECT without a client id", v3_1_1, wire("10 0a 00 04 'MQTT' 04 02 00 00"), malformed},
      {"CONNECT with a client id that is no UTF-8", v3_1_1, wire("10 0d 00 04 'MQTT' 04 02 00 00 00 01 ff"), malformed},
      {"CONNECT with a user name that has a U+0000", v3_1_1, wire("10 0f 00 04 'MQTT' 04 82 00 00 00 00 00 01 00"),
       malformed},
      {"CONNECT with a byte too many", v3_1_1, wire("10 0d 00 04 'MQTT' 04 02 00 00 00 00 00"), malformed},
      {"CONNECT with a property of PUBLISH", v5, wire("10 0f 00 04 'MQTT' 05 02 00 00 02 01 00 00 00"), malformed},
      {"CONNECT with Receive Maximum 0", v5, wire("10 10 00 04 'MQTT' 05 02 00 00 03 21 00 00 00 00"), protocol_error},
      {"CONNECT with Maximum Packet Size 0", v5, wire("10 12 00 04 'MQTT' 05 02 00 00 05 27 00 00 00 00 00 00"),
       protocol_error},
      {"CONNECT with Request Problem Information 2", v5, wire("10 0f 00 04 'MQTT' 05 02 00 00 02 17 02 00 00"),
       protocol_error},
      {"CONNECT with Request Response Information 2", v5, wire("10 0f 00 04 'MQTT' 05 02 00 00 02 19 02 00 00"),
       protocol_error},
      {"CONNECT with Receive Maximum twice", v5, wire("10 13 00 04 'MQTT' 05 02 00 00 06 21 00 01 21 00 01 00 00"),
       protocol_error},
      {"CONNECT with authentication data and no method", v5, wire("10 10 00 04 'MQTT' 05 02 00 00 03 16 00 00 00 00"),
       protocol_error},
      {"CONNECT with a Will property among its own", v5, wire("10 12 00 04 'MQTT' 05 02 00 00 05 18 00 00 00 01 00 00"),
       malformed},
      {"CONNECT with one of its own properties in the Will", v5,
       wire("10 16 00 04 'MQTT' 05 06 00 00 00 00 00 03 21 00 01 00 01 'w' 00 00"), malformed},
      {"CONNACK 3.1.1 with return code 6", v3_1_1, wire("20 02 00 06"), malformed},
      {"CONNACK with a reserved flag", v3_1_1, wire("20 02 02 00"), malformed},
      {"CONNACK with Session Present beside an error", v5, wire("20 03 01 87 00"), protocol_error},
      {"CONNACK with a reason of PUBACK", v5, wire("20 03 00 10 00"), protocol_error},
      {"CONNACK with Maximum QoS 2", v5, wire("20 05 00 00 02 24 02"), protocol_error},
      {"CONNACK 5.0 without properties", v5, wire("20 02 00 00"), malformed},
  };
}

std::vector<MalformedPacket> publishes() {
  return {
      {"PUBLISH with QoS 3", v3_1_1, wire("36 05 00 01 'a' 00 01"), malformed},
      {"PUBLISH with DUP and QoS 0", v3_1_1, wire("38 03 00 01 'a'"), malformed},
      {"PUBLISH with packet id 0", v3_1_1, wire("32 05 00 01 'a' 00 00"), protocol_error},
      {"PUBLISH cut in its packet id", v3_1_1, wire("32 04 00 01 'a' 00"), malformed},
      {"PUBLISH whose topic is longer than the packet", v3_1_1, wire("30 03 00 02 'a'"), malformed},
      {"PUBLISH without a topic", v3_1_1, wire("30 00"), malformed},
      {"PUBLISH 3.1.1 with an empty topic", v3_1_1, wire("30 02 00 00"), protocol_error},
      {"PUBLISH 5.0 with an empty topic and no alias", v5, wire("30 03 00 00 00"), protocol_error},
      {"PUBLISH with # in its topic", v3_1_1, wire("30 05 00 03 'a/#'"), ReasonCode::topic_name_invalid},
      {"PUBLISH with + in its topic", v5, wire("30 04 00 01 '+' 00"), ReasonCode::topic_name_invalid},
      {"PUBLISH with a topic that is no UTF-8", v3_1_1, wire("30 04 00 02 c0 80"), malformed},
      {"PUBLISH with a surrogate in its topic", v3_1_1, wire("30 05 00 03 ed a0 80"), malformed},
      {"PUBLISH with a U+0000 in its topic", v3_1_1, wire("30 05 00 03 'a' 00 'b'"), malformed},
      {"PUBLISH 5.0 without a property length", v5, wire("30 03 00 01 'a'"), malformed},
      {"PUBLISH with a property length over the packet", v5, wire("30 06 00 01 'a' 03 01 00"), malformed},
      {"PUBLISH with a property over the property list", v5, wire("30 07 00 01 'a' 02 23 00 01"), malformed},
      {"PUBLISH with a property length not in its shortest form", v5, wire("30 05 00 01 'a' 80 00"), malformed},
      {"PUBLISH with a property length of five bytes", v5, wire("30 08 00 01 'a' 80 80 80 80 01"), malformed},
      {"PUBLISH with an unknown property", v5, wire("30 06 00 01 'a' 02 7f 00"), malformed},
      {"PUBLISH with a property of CONNECT", v5, wire("30 07 00 01 'a' 03 21 00 01"), malformed},
      {"PUBLISH with Payload Format Indicator 2", v5, wire("30 06 00 01 'a' 02 01 02"), protocol_error},
      {"PUBLISH with Topic Alias 0", v5, wire("30 07 00 01 'a' 03 23 00 00"), ReasonCode::topic_alias_invalid},
      {"PUBLISH with Topic Alias twice", v5, wire("30 0a 00 01 'a' 06 23 00 01 23 00 01"), protocol_error},
      {"PUBLISH with a wildcard in its Response Topic", v5, wire("30 08 00 01 'a' 04 08 00 01 '#'"), protocol_error},
      {"PUBLISH with an empty Response Topic", v5, wire("30 07 00 01 'a' 03 08 00 00"), protocol_error},
      {"PUBLISH with a Content Type that is no UTF-8", v5, wire("30 08 00 01 'a' 04 03 00 01 ff"), malformed},
      {"PUBLISH with a user property whose value is no UTF-8", v5, wire("30 0a 00 01 'a' 06 26 00 00 00 01 ff"),
       malformed},
      {"PUBLISH with half a user property", v5, wire("30 08 00 01 'a' 04 26 00 01 'k'"), malformed},
      {"PUBLISH with Subscription Identifier 0", v5, wire("30 06 00 01 'a' 02 0b 00"), protocol_error},
  };
}

std::vector<MalformedPacket> acks() {
  return {
      {"PUBACK cut short", v3_1_1, wire("40 01 00"), malformed},
      {"PUBACK with packet id 0", v3_1_1, wire("40 02 00 00"), protocol_error},
      {"PUBACK 3.1.1 with a reason", v3_1_1, wire("40 03 00 07 00"), malformed},
      {"PUBACK 5.0 with a reason that nothing has", v5, wire("40 03 00 07 7f"), protocol_error},
      {"PUBACK 5.0 with a reason of CONNACK", v5, wire("40 03 00 07 85"), protocol_error},
      {"PUBREC 5.0 with a reason of PUBREL", v5, wire("50 03 00 07 92"), protocol_error},
      {"PUBREL 5.0 with a reason of PUBREC", v5, wire("62 03 00 07 97"), protocol_error},
      {"PUBCOMP 5.0 with a reason of PUBACK", v5, wire("70 03 00 07 80"), protocol_error},
      {"PUBACK 5.0 with bytes behind its properties", v5, wire("40 05 00 07 00 00 00"), malformed},
      {"PUBACK 5.0 with a property of PUBLISH", v5, wire("40 07 00 07 00 03 23 00 01"), malformed},
      {"PUBACK 5.0 with two reason strings", v5, wire("40 0a 00 07 00 06 1f 00 00 1f 00 00"), protocol_error},
  };
}

std::vector<MalformedPacket> subscriptions() {
  return {
      {"SUBSCRIBE with packet id 0", v3_1_1, wire("82 06 00 00 00 01 '#' 00"), protocol_error},
      {"SUBSCRIBE without a filter", v3_1_1, wire("82 02 00 0a"), protocol_error},
      {"SUBSCRIBE 5.0 without a filter", v5, wire("82 03 00 0a 00"), protocol_error},
      {"SUBSCRIBE without options", v3_1_1, wire("82 05 00 0a 00 01 '#'"), malformed},
      {"SUBSCRIBE 3.1.1 with QoS 3", v3_1_1, wire("82 06 00 0a 00 01 '#' 03"), malformed},
      {"SUBSCRIBE 3.1.1 with No Local", v3_1_1, wire("82 06 00 0a 00 01 '#' 04"), malformed},
      {"SUBSCRIBE 5.0 with Maximum QoS 3", v5, wire("82 07 00 0a 00 00 01 '#' 03"), protocol_error},
      {"SUBSCRIBE 5.0 with Retain Handling 3", v5, wire("82 07 00 0a 00 00 01 '#' 30"), protocol_error},
      {"SUBSCRIBE 5.0 with reserved option bit 6", v5, wire("82 07 00 0a 00 00 01 '#' 40"), malformed},
      {"SUBSCRIBE 5.0 with reserved option bit 7", v5, wire("82 07 00 0a 00 00 01 '#' 80"), malformed},
      {"SUBSCRIBE with an empty filter", v3_1_1, wire("82 05 00 0a 00 00 00"), ReasonCode::topic_filter_invalid},
      {"SUBSCRIBE with # in the middle", v3_1_1, wire("82 08 00 0a 00 03 '#/a' 00"), ReasonCode::topic_filter_invalid},
      {"SUBSCRIBE with + in a level", v5, wire("82 08 00 0a 00 00 02 'a+' 00"), ReasonCode::topic_filter_invalid},
      {"SUBSCRIBE with a filter that is no UTF-8", v3_1_1, wire("82 06 00 0a 00 01 80 00"), malformed},
      {"SUBSCRIBE with Subscription Identifier 0", v5, wire("82 09 00 0a 02 0b 00 00 01 '#' 00"), protocol_error},
      {"SUBSCRIBE with two Subscription Identifiers", v5, wire("82 0b 00 0a 04 0b 01 0b 02 00 01 '#' 00"),
       protocol_error},
      {"SUBACK without a reason", v3_1_1, wire("90 02 00 0a"), protocol_error},
      {"SUBACK 3.1.1 with a reason of 5.0", v3_1_1, wire("90 03 00 0a 87"), malformed},
      {"SUBACK 5.0 with a reason of UNSUBACK", v5, wire("90 04 00 0a 00 11"), protocol_error},
      {"UNSUBSCRIBE without a filter", v3_1_1, wire("a2 02 00 0b"), protocol_error},
      {"UNSUBSCRIBE with packet id 0", v5, wire("a2 06 00 00 00 00 01 'a'"), protocol_error},
      {"UNSUBSCRIBE with an invalid filter", v5, wire("a2 07 00 0b 00 00 02 '#a'"), ReasonCode::topic_filter_invalid},
      {"UNSUBSCRIBE with a Subscription Identifier", v5, wire("a2 08 00 0b 02 0b 01 00 01 'a'"), malformed},
      {"UNSUBACK 3.1.1 with a payload", v3_1_1, wire("b0 03 00 0b 00"), malformed},
      {"UNSUBACK 5.0 without a reason", v5, wire("b0 03 00 0b 00"), protocol_error},
      {"UNSUBACK 5.0 with a granted QoS", v5, wire("b0 04 00 0b 00 01"), protocol_error},
  };
}

std::vector<MalformedPacket> others() {
  return {
      {"DISCONNECT 3.1.1 with a payload", v3_1_1, wire("e0 01 00"), malformed},
      {"DISCONNECT 3.1 with a payload", v3_1, wire("e0 01 00"), malformed},
      {"DISCONNECT 5.0 with a reason of CONNACK", v5, wire("e0 01 85"), protocol_error},
      {"DISCONNECT 5.0 with a property of CONNECT", v5, wire("e0 05 00 03 21 00 01"), malformed},
      {"AUTH in 3.1.1", v3_1_1, wire("f0 00"), malformed},
      {"AUTH with a reason and no property length", v5, wire("f0 01 18"), malformed},
      {"AUTH with a reason of DISCONNECT", v5, wire("f0 02 87 00"), protocol_error},
      {"AUTH with data and no method", v5, wire("f0 05 18 03 16 00 00"), protocol_error},
  };
}

}  // namespace

const std::vector<MalformedPacket>& malformed_packet_table() {
  static const std::vector<MalformedPacket> table = [] {
    std::vector<MalformedPacket> all;
    for (const auto& part : {headers(), connects(), publishes(), acks(), subscriptions(), others()}) {
      all.insert(all.end(), part.begin(), part.end());
    }
    return all;
  }();
  return table;
}

}  // namespace bitacora::mqtt
