#include "mqtt/packet_table.h"

namespace bitacora::mqtt {
namespace {

constexpr auto v3_1 = ProtocolVersion::v3_1;
constexpr auto v3_1_1 = ProtocolVersion::v3_1_1;
constexpr auto v5 = ProtocolVersion::v5;

ByteView view(std::string_view text) { return as_bytes(text); }

std::vector<TabledPacket> connects_of_3() {
  return {
      {"CONNECT 3.1", v3_1,
       wire("10 10"              // CONNECT, 16 bytes
            "00 06 'MQIsdp' 03"  // protocol name and level
            "02 00 3c"           // clean session; keep alive 60 s
            "00 02 'c1'"),       // client id
       Connect{.version = v3_1, .keep_alive = 60, .client_id = "c1"}},
      {"CONNECT 3.1.1 with an empty client id", v3_1_1,
       wire("10 0c"
            "00 04 'MQTT' 04"
            "02 00 00"  // clean session; no keep alive
            "00 00"),   // client id
       Connect{}},
      {"CONNECT 3.1.1 with everything", v3_1_1,
       wire("10 21"
            "00 04 'MQTT' 04"
            "ec ff ff"  // user name, password, will retain, will QoS 1, will; keep alive 65535 s
            "00 02 'c1'"
            "00 03 'w/t'"    // will topic
            "00 04 'gone'"   // will payload
            "00 02 'me'"     // user name
            "00 02 00 ff"),  // password: any bytes
       Connect{.clean_start = CleanStart::no,
               .keep_alive = 65535,
               .client_id = "c1",
               .will = Will{.topic = "w/t", .payload = view("gone"), .qos = QoS::at_least_once, .retain = Retain::yes},
               .user_name = "me",
               .password = view({"\x00\xff", 2})}},
  };
}

std::vector<TabledPacket> connects_of_5() {
  return {
      {"CONNECT 5.0 with nothing", v5,
       wire("10 0d"
            "00 04 'MQTT' 05"
            "00 00 0a"
            "00"       // no properties
            "00 00"),  // client id
       Connect{.version = v5, .clean_start = CleanStart::no, .keep_alive = 10}},
      {"CONNECT 5.0 with a password alone", v5,
       wire("10 12"
            "00 04 'MQTT' 05"
            "42 00 00"  // password, clean start
            "00"
            "00 00"
            "00 03 'key'"),
       Connect{.version = v5, .password = view("key")}},
      {"CONNECT 5.0 with every property", v5,
       wire("10 66"
            "00 04 'MQTT' 05"
            "16 00 0a"                 // will QoS 2, will, clean start
            "29"                       // 41 bytes of properties
            "11 ff ff ff ff"           // session expiry interval: never
            "15 00 05 'PLAIN'"         // authentication method
            "16 00 02 01 02"           // authentication data
            "17 00"                    // request problem information
            "19 01"                    // request response information
            "21 00 14"                 // receive maximum 20
            "22 00 0a"                 // topic alias maximum 10
            "26 00 01 'k' 00 02 'v1'"  // user property
            "27 00 01 00 00"           // maximum packet size 65536
            "00 01 'c'"
            "29"                      // 41 bytes of will properties
            "01 01"                   // payload format: UTF-8
            "02 00 00 00 3c"          // message expiry 60 s
            "03 00 02 'ct'"           // content type
            "08 00 03 'r/t'"          // response topic
            "09 00 01 2a"             // correlation data
            "18 00 00 00 05"          // will delay 5 s
            "26 00 01 'k' 00 01 '1'"  // user properties keep their order, and may have the same name
            "26 00 01 'k' 00 01 '2'"
            "00 01 'w'"  // will topic
            "00 00"),    // will payload: empty
       Connect{.version = v5,
               .keep_alive = 10,
               .client_id = "c",
               .will = Will{.topic = "w",
                            .qos = QoS::exactly_once,
                            .properties = {.payload_format_indicator = 1,
                                           .message_expiry_interval = 60,
                                           .content_type = "ct",
                                           .response_topic = "r/t",
                                           .correlation_data = view("\x2a"),
                                           .will_delay_interval = 5,
                                           .user_properties = {{"k", "1"}, {"k", "2"}}}},
               .properties = {.session_expiry_interval = 0xFFFFFFFF,
                              .authentication_method = "PLAIN",
                              .authentication_data = view("\x01\x02"),
                              .request_problem_information = 0,
                              .request_response_information = 1,
                              .receive_maximum = 20,
                              .topic_alias_maximum = 10,
                              .user_properties = {{"k", "v1"}},
                              .maximum_packet_size = 65536}}},
  };
}

std::vector<TabledPacket> connacks() {
  return {
      {"CONNACK 3.1", v3_1, wire("20 02 00 00"), Connack{}},
      {"CONNACK 3.1.1 of a session that was there", v3_1_1, wire("20 02 01 00"),
       Connack{.session_present = SessionPresent::yes}},
      {"CONNACK 3.1.1, unacceptable protocol version", v3_1_1, wire("20 02 00 01"),
       Connack{.reason = ReasonCode::unsupported_protocol_version}},
      {"CONNACK 3.1.1, identifier rejected", v3_1_1, wire("20 02 00 02"),
       Connack{.reason = ReasonCode::client_identifier_not_valid}},
      {"CONNACK 3.1.1, server unavailable", v3_1_1, wire("20 02 00 03"),
       Connack{.reason = ReasonCode::server_unavailable}},
      {"CONNACK 3.1.1, bad user name or password", v3_1_1, wire("20 02 00 04"),
       Connack{.reason = ReasonCode::bad_user_name_or_password}},
      {"CONNACK 3.1.1, not authorized", v3_1_1, wire("20 02 00 05"), Connack{.reason = ReasonCode::not_authorized}},
      {"CONNACK 5.0", v5, wire("20 03 00 00 00"), Connack{}},
      {"CONNACK 5.0, unsupported protocol version", v5, wire("20 03 00 84 00"),
       Connack{.reason = ReasonCode::unsupported_protocol_version}},
      {"CONNACK 5.0 with every property", v5,
       wire("20 48"
            "01 00"                     // session present; success
            "45"                        // 69 bytes of properties
            "11 00 00 00 3c"            // session expiry interval 60 s
            "12 00 02 'id'"             // assigned client identifier
            "13 02 58"                  // server keep alive 600 s
            "15 00 01 'm'"              // authentication method
            "16 00 01 00"               // authentication data
            "1a 00 02 'ri'"             // response information
            "1c 00 05 'other'"          // server reference
            "1f 00 02 'ok'"             // reason string
            "21 04 00"                  // receive maximum 1024
            "22 00 20"                  // topic alias maximum 32
            "24 01"                     // maximum QoS 1
            "25 00"                     // no retain
            "26 00 03 'log' 00 01 'm'"  // user property
            "27 00 10 00 00"            // maximum packet size 1 MiB
            "28 00"                     // no wildcard subscriptions
            "29 00"                     // no subscription identifiers
            "2a 01"),                   // shared subscriptions
       Connack{.session_present = SessionPresent::yes,
               .properties = {.session_expiry_interval = 60,
                              .assigned_client_identifier = "id",
                              .server_keep_alive = 600,
                              .authentication_method = "m",
                              .authentication_data = view({"\0", 1}),
                              .response_information = "ri",
                              .server_reference = "other",
                              .reason_string = "ok",
                              .receive_maximum = 1024,
                              .topic_alias_maximum = 32,
                              .maximum_qos = 1,
                              .retain_available = 0,
                              .user_properties = {{"log", "m"}},
                              .maximum_packet_size = 1 << 20,
                              .wildcard_subscription_available = 0,
                              .subscription_identifier_available = 0,
                              .shared_subscription_available = 1}}},
  };
}

std::vector<TabledPacket> publishes() {
  return {
      {"PUBLISH 3.1.1 QoS 0", v3_1_1,
       wire("30 07"
            "00 03 'a/b'"  // topic; no packet id
            "'hi'"),       // payload: the rest
       Publish{.topic = "a/b", .payload = view("hi")}},
      {"PUBLISH 3.1.1 QoS 1, retained, again", v3_1_1,
       wire("3b 07"
            "00 03 'a/b'"
            "01 02"),  // packet id; no payload
       Publish{.topic = "a/b",
               .qos = QoS::at_least_once,
               .retain = Retain::yes,
               .dup = Dup::yes,
               .packet_id = PacketId(0x0102)}},
      {"PUBLISH 3.1 QoS 2", v3_1, wire("34 06 00 01 'a' ff ff 'x'"),
       Publish{.topic = "a", .payload = view("x"), .qos = QoS::exactly_once, .packet_id = PacketId(65535)}},
      {"PUBLISH 5.0 with no properties", v5, wire("30 05 00 01 'a' 00 'x'"),
       Publish{.topic = "a", .payload = view("x")}},
      {"PUBLISH 5.0 by topic alias", v5,
       wire("30 06"
            "00 00"          // no topic name,
            "03 23 00 0a"),  // but the alias 10
       Publish{.properties = {.topic_alias = 10}}},
      {"PUBLISH 5.0 with a topic that is not ASCII", v5,
       wire("30 0c"
            "00 09 'caf' c3 a9 '/' ef bb bf"  // a byte order mark is a character like others [MQTT-1.5.4-3]
            "00"),
       Publish{.topic = "caf\xc3\xa9/\xef\xbb\xbf"}},
      {"PUBLISH 5.0 with every property", v5,
       wire("32 3e"
            "00 01 't'"
            "00 07"                   // packet id
            "34"                      // 52 bytes of properties
            "01 00"                   // payload format: bytes
            "02 00 00 01 00"          // message expiry 256 s
            "03 00 0a 'text/plain'"   // content type
            "08 00 01 'r'"            // response topic
            "09 00 03 00 01 02"       // correlation data
            "0b 01"                   // subscription identifiers 1
            "0b ff ff ff 7f"          // and 268435455
            "23 00 02"                // topic alias 2
            "26 00 00 00 00"          // user property with an empty name and value
            "26 00 01 'b' 00 01 'a'"  // and another
            "'body'"),
       Publish{.topic = "t",
               .payload = view("body"),
               .qos = QoS::at_least_once,
               .packet_id = PacketId(7),
               .properties = {.payload_format_indicator = 0,
                              .message_expiry_interval = 256,
                              .content_type = "text/plain",
                              .response_topic = "r",
                              .correlation_data = view({"\x00\x01\x02", 3}),
                              .subscription_identifiers = {1, 268435455},
                              .topic_alias = 2,
                              .user_properties = {{"", ""}, {"b", "a"}}}}},
  };
}

std::vector<TabledPacket> acks() {
  return {
      {"PUBACK 3.1.1", v3_1_1, wire("40 02 00 07"), Puback{{.packet_id = PacketId(7)}}},
      {"PUBREC 3.1.1", v3_1_1, wire("50 02 00 07"), Pubrec{{.packet_id = PacketId(7)}}},
      {"PUBREL 3.1.1", v3_1_1, wire("62 02 00 07"), Pubrel{{.packet_id = PacketId(7)}}},
      {"PUBCOMP 3.1.1", v3_1_1, wire("70 02 00 07"), Pubcomp{{.packet_id = PacketId(7)}}},
      {"PUBCOMP 3.1", v3_1, wire("70 02 00 07"), Pubcomp{{.packet_id = PacketId(7)}}},
      {"PUBACK 5.0, success", v5, wire("40 02 00 07"), Puback{{.packet_id = PacketId(7)}}},
      {"PUBACK 5.0, no matching subscribers", v5, wire("40 03 00 07 10"),
       Puback{{.packet_id = PacketId(7), .reason = ReasonCode::no_matching_subscribers}}},
      {"PUBACK 5.0 with a receipt", v5,
       wire("40 1d"
            "00 07 00"
            "19"  // 25 bytes of properties
            "1f 00 02 'ok'"
            "26 00 03 'log' 00 01 'm'"
            "26 00 06 'offset' 00 00"),
       Puback{{.packet_id = PacketId(7),
               .properties = {.reason_string = "ok", .user_properties = {{"log", "m"}, {"offset", ""}}}}}},
      {"PUBREC 5.0, quota exceeded", v5, wire("50 03 00 07 97"),
       Pubrec{{.packet_id = PacketId(7), .reason = ReasonCode::quota_exceeded}}},
      {"PUBREL 5.0, packet identifier not found, with a reason string", v5, wire("62 09 00 07 92 05 1f 00 02 'no'"),
       Pubrel{{.packet_id = PacketId(7),
               .reason = ReasonCode::packet_identifier_not_found,
               .properties = {.reason_string = "no"}}}},
      {"PUBCOMP 5.0, packet identifier not found", v5, wire("70 03 00 07 92"),
       Pubcomp{{.packet_id = PacketId(7), .reason = ReasonCode::packet_identifier_not_found}}},
  };
}

std::vector<TabledPacket> subscriptions() {
  return {
      {"SUBSCRIBE 3.1.1", v3_1_1,
       wire("82 10"
            "00 0a"           // packet id
            "00 03 'a/b' 01"  // topic filter, QoS 1
            "00 05 '+/b/#' 02"),
       Subscribe{
           .packet_id = PacketId(10),
           .entries = {{"a/b", {.maximum_qos = QoS::at_least_once}}, {"+/b/#", {.maximum_qos = QoS::exactly_once}}}}},
      {"SUBSCRIBE 3.1", v3_1, wire("82 06 00 0a 00 01 '#' 00"),
       Subscribe{.packet_id = PacketId(10), .entries = {{"#", {}}}}},
      {"SUBSCRIBE 5.0 with every option", v5,
       wire("82 18"
            "00 0a"
            "0a"                      // 10 bytes of properties
            "0b 80 01"                // subscription identifier 128
            "26 00 01 'k' 00 01 'v'"  // user property
            "00 01 'a' 2e"            // do not send retained; retain as published; no local; QoS 2
            "00 04 'b/c/' 11"),       // retained if new; QoS 1
       Subscribe{.packet_id = PacketId(10),
                 .entries = {{"a", {QoS::exactly_once, true, true, RetainHandling::do_not_send}},
                             {"b/c/", {QoS::at_least_once, false, false, RetainHandling::send_if_new}}},
                 .properties = {.subscription_identifiers = {128}, .user_properties = {{"k", "v"}}}}},
      {"SUBACK 3.1.1", v3_1_1, wire("90 06 00 0a 00 01 02 80"),
       Suback{.packet_id = PacketId(10),
              .reasons = {ReasonCode::success, ReasonCode::granted_qos_1, ReasonCode::granted_qos_2,
                          ReasonCode::unspecified_error}}},
      {"SUBACK 5.0", v5, wire("90 0b 00 0a 05 1f 00 02 'no' 02 8f 87"),
       Suback{.packet_id = PacketId(10),
              .reasons = {ReasonCode::granted_qos_2, ReasonCode::topic_filter_invalid, ReasonCode::not_authorized},
              .properties = {.reason_string = "no"}}},
      {"UNSUBSCRIBE 3.1.1", v3_1_1, wire("a2 08 00 0b 00 01 'a' 00 01 '#'"),
       Unsubscribe{.packet_id = PacketId(11), .filters = {"a", "#"}}},
      {"UNSUBSCRIBE 5.0", v5, wire("a2 0d 00 0b 07 26 00 01 'k' 00 01 'v' 00 01 'a'"),
       Unsubscribe{.packet_id = PacketId(11), .filters = {"a"}, .properties = {.user_properties = {{"k", "v"}}}}},
      {"UNSUBACK 3.1.1", v3_1_1, wire("b0 02 00 0b"), Unsuback{.packet_id = PacketId(11)}},
      {"UNSUBACK 5.0", v5, wire("b0 05 00 0b 00 00 11"),
       Unsuback{.packet_id = PacketId(11), .reasons = {ReasonCode::success, ReasonCode::no_subscription_existed}}},
  };
}

std::vector<TabledPacket> others() {
  return {
      {"PINGREQ 3.1.1", v3_1_1, wire("c0 00"), Pingreq{}},
      {"PINGREQ 5.0", v5, wire("c0 00"), Pingreq{}},
      {"PINGRESP 3.1.1", v3_1_1, wire("d0 00"), Pingresp{}},
      {"PINGRESP 5.0", v5, wire("d0 00"), Pingresp{}},
      {"DISCONNECT 3.1", v3_1, wire("e0 00"), Disconnect{}},
      {"DISCONNECT 3.1.1", v3_1_1, wire("e0 00"), Disconnect{}},
      {"DISCONNECT 5.0, normal", v5, wire("e0 00"), Disconnect{}},
      {"DISCONNECT 5.0 with will", v5, wire("e0 01 04"), Disconnect{.reason = ReasonCode::disconnect_with_will}},
      {"DISCONNECT 5.0 with every property", v5,
       wire("e0 1c"
            "9c"              // use another server
            "1a"              // 26 bytes of properties
            "11 00 00 00 00"  // session expiry interval 0 s
            "1c 00 04 'next'"
            "1f 00 04 'full'"
            "26 00 01 'k' 00 01 'v'"),
       Disconnect{.reason = ReasonCode::use_another_server,
                  .properties = {.session_expiry_interval = 0,
                                 .server_reference = "next",
                                 .reason_string = "full",
                                 .user_properties = {{"k", "v"}}}}},
      {"AUTH, success", v5, wire("f0 00"), Auth{}},
      {"AUTH with a reason alone", v5, wire("f0 02 19 00"), Auth{.reason = ReasonCode::reauthenticate}},
      {"AUTH with every property", v5,
       wire("f0 17"
            "18"                    // continue authentication
            "15"                    // 21 bytes of properties
            "15 00 01 'm'"          // authentication method
            "16 00 03 01 02 03"     // authentication data
            "1f 00 02 'go'"         // reason string
            "26 00 01 'k' 00 00"),  // user property
       Auth{.reason = ReasonCode::continue_authentication,
            .properties = {.authentication_method = "m",
                           .authentication_data = view("\x01\x02\x03"),
                           .reason_string = "go",
                           .user_properties = {{"k", ""}}}}},
  };
}

}  // namespace

const std::vector<TabledPacket>& packet_table() {
  static const std::vector<TabledPacket> table = [] {
    std::vector<TabledPacket> all;
    for (const auto& part :
         {connects_of_3(), connects_of_5(), connacks(), publishes(), acks(), subscriptions(), others()}) {
      all.insert(all.end(), part.begin(), part.end());
    }
    return all;
  }();
  return table;
}

const std::vector<TabledPacket>& alternative_spelling_table() {
  static const std::vector<TabledPacket> table{
      {"CONNECT 3.1 that announces a user name and a password and sends neither", v3_1,
       wire("10 10 00 06 'MQIsdp' 03 c2 00 3c 00 02 'c1'"),
       Connect{.version = v3_1, .keep_alive = 60, .client_id = "c1"}},
      {"CONNECT 3.1 with flags that say nothing: reserved, and will retain and will QoS without a will", v3_1,
       wire("10 10 00 06 'MQIsdp' 03 33 00 3c 00 02 'c1'"),
       Connect{.version = v3_1, .keep_alive = 60, .client_id = "c1"}},
      {"CONNACK 3.1 with a value in its reserved byte", v3_1, wire("20 02 01 00"), Connack{}},
      {"PUBACK 5.0 with Remaining Length 3 and success", v5, wire("40 03 00 07 00"),
       Puback{{.packet_id = PacketId(7)}}},
      {"PUBREC 5.0 with an empty property list", v5, wire("50 04 00 07 00 00"), Pubrec{{.packet_id = PacketId(7)}}},
      {"PUBREL 3.1 sent again, with its DUP flag", v3_1, wire("6a 02 00 07"), Pubrel{{.packet_id = PacketId(7)}}},
      {"SUBSCRIBE 3.1 sent again, with its DUP flag", v3_1, wire("8a 06 00 0a 00 01 '#' 00"),
       Subscribe{.packet_id = PacketId(10), .entries = {{"#", {}}}}},
      {"DISCONNECT 5.0 with Remaining Length 1 and success", v5, wire("e0 01 00"), Disconnect{}},
      {"DISCONNECT 5.0 with an empty property list", v5, wire("e0 02 00 00"), Disconnect{}},
      {"AUTH with an empty property list", v5, wire("f0 02 00 00"), Auth{}},
      {"properties in another order", v5, wire("30 0b 00 01 't' 07 23 00 01 08 00 01 'r'"),
       Publish{.topic = "t", .properties = {.response_topic = "r", .topic_alias = 1}}},
  };
  return table;
}

}  // namespace bitacora::mqtt
