#include "bridge/message.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <utility>

#include "base/crc32c.h"
#include "base/endian.h"
#include "mqtt/codec.h"
#include "mqtt/topic.h"

namespace bitacora::bridge {
namespace {

constexpr std::string_view own_prefix = "mqtt.";
constexpr std::string_view user_prefix = "mqtt.user.";

constexpr std::string_view qos_name = "mqtt.qos";
constexpr std::string_view retain_name = "mqtt.retain";
constexpr std::string_view client_name = "mqtt.client";
constexpr std::string_view publisher_name = "mqtt.publisher";
constexpr std::string_view dup_name = "mqtt.dup";
constexpr std::string_view dup_of_name = "mqtt.dup-of";
constexpr std::string_view qos2_name = "mqtt.qos2";
constexpr std::string_view will_name = "mqtt.will";
constexpr std::string_view payload_format_name = "mqtt.payload-format";
constexpr std::string_view expiry_name = "mqtt.expiry";
constexpr std::string_view content_type_name = "mqtt.content-type";
constexpr std::string_view response_topic_name = "mqtt.response-topic";
constexpr std::string_view correlation_data_name = "mqtt.correlation-data";

constexpr std::array<std::string_view, 3> digits{"0", "1", "2"};
constexpr std::size_t qos2_mark_size = 14;
constexpr std::size_t will_mark_size = 12;
constexpr std::size_t max_mqtt_string = 65535;  // bytes

void encode_qos2(Bytes& to, const Qos2Mark& mark) {
  to.resize(qos2_mark_size);
  store_be(to.data(), mark.session_epoch);
  store_be(to.data() + 8, mark.packet_id.value());
  store_be(to.data() + 10, mark.sequence);
}

std::optional<Qos2Mark> decode_qos2(ByteView value) noexcept {
  if (value.size() != qos2_mark_size) return std::nullopt;
  return Qos2Mark{load_be<std::uint64_t>(value.data()), mqtt::PacketId(load_be<std::uint16_t>(value.data() + 8)),
                  load_be<std::uint32_t>(value.data() + 10)};
}

void encode_will(Bytes& to, const WillMark& mark) {
  to.resize(will_mark_size);
  store_be(to.data(), mark.session_epoch);
  store_be(to.data() + 8, mark.number);
}

std::optional<WillMark> decode_will(ByteView value) noexcept {
  if (value.size() != will_mark_size) return std::nullopt;
  return WillMark{load_be<std::uint64_t>(value.data()), load_be<std::uint32_t>(value.data() + 8)};
}

template <class Number>
std::optional<Number> decode_decimal(std::string_view text) noexcept {
  if (text.starts_with('-')) return std::nullopt;
  Number value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool is_mqtt_string(std::string_view text) noexcept {
  return text.size() <= max_mqtt_string && mqtt::is_valid_utf8_string(text);
}

const storage::HeaderView* find_header(const storage::RecordView& record, std::string_view name) noexcept {
  const auto found = std::find_if(record.headers.begin(), record.headers.end(),
                                  [&](const auto& h) { return h.name == name && h.value; });
  return found == record.headers.end() ? nullptr : &*found;
}

// A header of ours, `name` being what follows "mqtt.". A value that MQTT could not carry is left out: a Kafka producer
// may have written anything under our names.
void decode_own_header(Message& to, std::string_view name, ByteView value) {
  const std::string_view text = as_text(value);
  const auto is = [name](std::string_view full) { return name == full.substr(own_prefix.size()); };
  mqtt::Properties& properties = to.properties;
  if (is(qos_name)) {
    if (text.size() == 1 && text[0] >= '0' && text[0] <= '2') to.qos = static_cast<mqtt::QoS>(text[0] - '0');
  } else if (is(client_name)) {
    to.client_id = text;
  } else if (is(publisher_name)) {
    to.publisher = text;
  } else if (is(retain_name)) {
    if (text == "1") to.retain = mqtt::Retain::yes;
  } else if (is(dup_name)) {
    if (text == "1") to.dup = mqtt::Dup::yes;
  } else if (is(dup_of_name)) {
    to.dup_of = decode_decimal<storage::Offset>(text);
  } else if (is(qos2_name)) {
    to.qos2 = decode_qos2(value);
  } else if (is(will_name)) {
    to.will = decode_will(value);
  } else if (is(payload_format_name)) {
    if (text == "0" || text == "1") properties.payload_format_indicator = static_cast<std::uint8_t>(text[0] - '0');
  } else if (is(expiry_name)) {
    properties.message_expiry_interval = decode_decimal<std::uint32_t>(text);
  } else if (is(content_type_name)) {
    if (is_mqtt_string(text)) properties.content_type = text;
  } else if (is(response_topic_name)) {
    if (mqtt::is_valid_topic_name(text) && mqtt::is_valid_utf8_string(text)) properties.response_topic = text;
  } else if (is(correlation_data_name)) {
    if (value.size() <= max_mqtt_string) properties.correlation_data = value;
  }
}

void decode_user_property(mqtt::Properties& to, std::string_view name, std::string_view value) {
  if (is_mqtt_string(name) && is_mqtt_string(value)) to.user_properties.push_back({name, value});
}

void reset(Message& message) {
  auto user_properties = std::move(message.properties.user_properties);
  user_properties.clear();  // keeps its memory
  message = Message{};
  message.properties.user_properties = std::move(user_properties);
}

}  // namespace

storage::RecordView MessageEncoder::encode(const Message& message, std::span<const storage::HeaderView> extra) {
  headers_.clear();
  const auto add = [this](std::string_view name, ByteView value) { headers_.push_back({name, value}); };
  add(qos_name, as_bytes(digits[static_cast<std::size_t>(message.qos)]));
  if (message.retain == mqtt::Retain::yes) add(retain_name, as_bytes(digits[1]));
  if (!message.client_id.empty()) add(client_name, as_bytes(message.client_id));
  if (!message.publisher.empty()) add(publisher_name, as_bytes(message.publisher));
  if (message.dup == mqtt::Dup::yes) add(dup_name, as_bytes(digits[1]));
  if (message.dup_of) {
    dup_of_ = std::to_string(*message.dup_of);
    add(dup_of_name, as_bytes(dup_of_));
  }
  if (message.qos2) {
    encode_qos2(qos2_, *message.qos2);
    add(qos2_name, qos2_);
  }
  if (message.will) {
    encode_will(will_, *message.will);
    add(will_name, will_);
  }
  encode_properties(message.properties);
  headers_.insert(headers_.end(), extra.begin(), extra.end());
  return {0, message.timestamp, as_bytes(message.topic), message.payload, headers_};
}

void MessageEncoder::encode_properties(const mqtt::Properties& properties) {
  const auto add = [this](std::string_view name, ByteView value) { headers_.push_back({name, value}); };
  if (properties.payload_format_indicator) {
    add(payload_format_name, as_bytes(digits[*properties.payload_format_indicator == 0 ? 0 : 1]));
  }
  if (properties.message_expiry_interval) {
    std::array<char, 10> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), *properties.message_expiry_interval).ptr;
    numbers_.assign(text.data(), end);
    add(expiry_name, as_bytes(numbers_));
  }
  if (properties.content_type) add(content_type_name, as_bytes(*properties.content_type));
  if (properties.response_topic) add(response_topic_name, as_bytes(*properties.response_topic));
  if (properties.correlation_data) add(correlation_data_name, *properties.correlation_data);
  if (properties.user_properties.empty()) return;

  // Room for all first: the headers' names point into these strings.
  escaped_names_.clear();
  escaped_names_.reserve(properties.user_properties.size());
  for (const mqtt::UserProperty& property : properties.user_properties) {
    std::string_view name = property.name;
    if (name.starts_with(own_prefix)) name = escaped_names_.emplace_back(std::string(user_prefix).append(name));
    add(name, as_bytes(property.value));
  }
}

std::optional<std::string_view> MessageDecoder::topic_of(const storage::RecordView& record) noexcept {
  if (!record.key) return std::nullopt;
  const std::string_view topic = as_text(*record.key);
  if (!mqtt::is_valid_topic_name(topic) || !mqtt::is_valid_utf8_string(topic)) return std::nullopt;
  if (topic.starts_with('$')) return std::nullopt;  // the server's own: nobody else speaks under these names
  return topic;
}

std::optional<Qos2Mark> MessageDecoder::qos2_of(const storage::RecordView& record) noexcept {
  const storage::HeaderView* header = find_header(record, qos2_name);
  return header ? decode_qos2(*header->value) : std::nullopt;
}

std::optional<WillMark> MessageDecoder::will_of(const storage::RecordView& record) noexcept {
  const storage::HeaderView* header = find_header(record, will_name);
  return header ? decode_will(*header->value) : std::nullopt;
}

mqtt::Retain MessageDecoder::retain_of(const storage::RecordView& record) noexcept {
  const storage::HeaderView* header = find_header(record, retain_name);
  return header && as_text(*header->value) == "1" ? mqtt::Retain::yes : mqtt::Retain::no;
}

std::string_view MessageDecoder::client_of(const storage::RecordView& record) noexcept {
  const storage::HeaderView* header = find_header(record, client_name);
  return header ? as_text(*header->value) : std::string_view();
}

const Message* MessageDecoder::decode(const storage::RecordView& record) {
  const auto topic = topic_of(record);
  if (!topic || !record.value) return nullptr;
  reset(message_);
  message_.topic = *topic;
  message_.payload = *record.value;
  message_.timestamp = record.timestamp;
  for (const storage::HeaderView& header : record.headers) {
    const ByteView value = header.value.value_or(ByteView());
    if (!header.name.starts_with(own_prefix)) {
      decode_user_property(message_.properties, header.name, as_text(value));
    } else if (header.name.starts_with(user_prefix)) {
      decode_user_property(message_.properties, header.name.substr(user_prefix.size()), as_text(value));
    } else {
      decode_own_header(message_, header.name.substr(own_prefix.size()), value);
    }
  }
  return &message_;
}

std::uint64_t digest_of(const storage::RecordView& record) noexcept {
  std::uint32_t head = 0;
  const auto add = [&head](ByteView bytes) {
    std::array<std::byte, sizeof(std::uint32_t)> length{};
    store_be(length.data(), static_cast<std::uint32_t>(bytes.size()));
    head = crc32c_extend(crc32c_extend(head, length), bytes);
  };
  add(record.key.value_or(ByteView()));
  for (const storage::HeaderView& header : record.headers) {
    if (header.name == qos2_name) continue;
    add(as_bytes(header.name));
    add(header.value.value_or(ByteView()));
  }
  return std::uint64_t{head} << 32 | crc32c(record.value.value_or(ByteView()));
}

std::optional<std::uint32_t> remaining_expiry(const Message& message, Timestamp now_ms) noexcept {
  if (!message.properties.message_expiry_interval) return std::nullopt;
  const std::uint32_t interval = *message.properties.message_expiry_interval;
  const std::int64_t waited_ms = std::max<std::int64_t>(0, now_ms - message.timestamp);  // a clock may have gone back
  const std::int64_t left_ms = std::int64_t{interval} * 1000 - waited_ms;
  // Rounded up: 0 says expired, and nothing else does.
  return left_ms <= 0 ? 0 : static_cast<std::uint32_t>((left_ms + 999) / 1000);
}

}  // namespace bitacora::bridge
