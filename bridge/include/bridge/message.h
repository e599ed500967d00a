// How an MQTT message lies in a record, and how any record reads as an MQTT message. docs/records.md shows it to users.
//
//   key     the MQTT topic
//   value   the payload
//   headers what MQTT carries beside them. Names that begin with "mqtt." are ours; a user property becomes a header of
//   its
//           own name, in order ("mqtt.user.<name>" where that name itself begins with "mqtt.").
//
// | header | value |
// | mqtt.qos | "0", "1" or "2": as published |
// | mqtt.retain | "1" when the publisher set RETAIN |
// | mqtt.client | the publisher's client id |
// | mqtt.dup | "1" when the PUBLISH may be the second copy of an earlier one (reliability.md §6.4) |
// | mqtt.dup-of | decimal offset of that earlier one, in the same partition; absent if it is not known |
// | mqtt.qos2 | 14 bytes, big-endian: session epoch u64, packet id u16, sequence u32: what makes QoS 2 exactly once |
// | mqtt.will | 12 bytes, big-endian: session epoch u64, number of the Will u32: by it a start knows it was published |
// | mqtt.publisher | in the retained log alone: who it was, as publisher_rights.h says it |
// | mqtt.payload-format | "1" for UTF-8, "0" for bytes; absent if the publisher did not say |
// | mqtt.expiry | message expiry interval as published, decimal seconds from the record's timestamp |
// | mqtt.content-type, mqtt.response-topic, mqtt.correlation-data | as in MQTT 5.0 |
//
// A record that a Kafka client produced has none of the mqtt. headers: it reads as QoS 1, not retained, its headers as
// user properties (those that are UTF-8 strings of at most 65535 bytes). A record without a key, or whose key is no
// topic name, has no MQTT topic and is not delivered over MQTT.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "mqtt/packet.h"
#include "storage/batch.h"

namespace bitacora::bridge {

// Which PUBLISH of which session a QoS 2 record is: see docs/adr/0004.
struct Qos2Mark {
  std::uint64_t session_epoch = 0;
  mqtt::PacketId packet_id;
  std::uint32_t sequence = 0;  // rises with each QoS 2 publish of the session
  friend bool operator==(const Qos2Mark&, const Qos2Mark&) = default;
};

// Which Will of which session a record is.
struct WillMark {
  std::uint64_t session_epoch = 0;
  std::uint32_t number = 0;  // StoredWill::number
  friend auto operator<=>(const WillMark&, const WillMark&) = default;
};

// A message as it goes into the log or comes out of it. Views only.
struct Message {
  std::string_view topic;
  ByteView payload;
  mqtt::QoS qos = mqtt::QoS::at_least_once;
  mqtt::Retain retain = mqtt::Retain::no;
  mqtt::Dup dup = mqtt::Dup::no;          // may be a second copy; not the DUP flag of the packet
  std::optional<storage::Offset> dup_of;  // the first copy, in the same partition
  std::string_view client_id;             // of the publisher; empty if it was not an MQTT client
  std::string_view publisher;             // publisher_rights.h; empty: not said
  std::optional<Qos2Mark> qos2;
  std::optional<WillMark> will;
  Timestamp timestamp = 0;  // ms since the epoch
  // Of these only what a PUBLISH forwards is set: payload format, expiry (as published), content type, response topic,
  // correlation data, user properties.
  mqtt::Properties properties;
};

// Makes the record of a message. The record's views point into the message and into the encoder, which keeps the small
// values it makes up until the next call.
class MessageEncoder {
 public:
  // `extra` are the route's own headers, added behind the others.
  [[nodiscard]] storage::RecordView encode(const Message& message, std::span<const storage::HeaderView> extra);

 private:
  void encode_properties(const mqtt::Properties& properties);

  std::vector<storage::HeaderView> headers_;
  std::string numbers_;
  std::string dup_of_;
  Bytes will_;
  std::vector<std::string> escaped_names_;
  Bytes qos2_;
};

// Reads a record as a message; views point into the record. It is none if it has no MQTT topic or no value.
class MessageDecoder {
 public:
  [[nodiscard]] static std::optional<std::string_view> topic_of(const storage::RecordView& record) noexcept;
  // Single headers, for recovery.
  [[nodiscard]] static std::optional<Qos2Mark> qos2_of(const storage::RecordView& record) noexcept;
  [[nodiscard]] static std::optional<WillMark> will_of(const storage::RecordView& record) noexcept;
  [[nodiscard]] static mqtt::Retain retain_of(const storage::RecordView& record) noexcept;
  [[nodiscard]] static std::string_view client_of(const storage::RecordView& record) noexcept;
  // Returns this decoder's own message, good until the next call or for as long as the record; nullptr if it is none.
  [[nodiscard]] const Message* decode(const storage::RecordView& record);

 private:
  Message message_;
};

// The same for two records of one QoS 2 PUBLISH that was sent again, whenever and in whichever place they were stored:
// of all that its client said. Not a secret's match: crc32c.
[[nodiscard]] std::uint64_t digest_of(const storage::RecordView& record) noexcept;

// Seconds left of the message at `now_ms`: nullopt if it never expires, 0 if it has expired.
[[nodiscard]] std::optional<std::uint32_t> remaining_expiry(const Message& message, Timestamp now_ms) noexcept;

}  // namespace bitacora::bridge
