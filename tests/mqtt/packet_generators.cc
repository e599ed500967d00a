#include "mqtt/packet_generators.h"

#include <ostream>

#include "mqtt/codec.h"
#include "mqtt/topic.h"

namespace bitacora::mqtt {
namespace {

using Texts = std::deque<std::string>;  // elements stay where they are when more come

constexpr ReasonCode last_reason = ReasonCode::wildcard_subscriptions_not_supported;

rc::Gen<ReasonCode> any_reason_of(PacketType type) {
  std::vector<ReasonCode> reasons;
  for (unsigned code = 0; code <= static_cast<unsigned>(last_reason); ++code) {
    if (may_carry(type, static_cast<ReasonCode>(code))) reasons.push_back(static_cast<ReasonCode>(code));
  }
  return rc::gen::elementOf(reasons);
}

// Makes one packet's fields, inside of rc::gen::exec.
class Maker {
 public:
  explicit Maker(ProtocolVersion version) : version_(version) {}

  [[nodiscard]] bool has_properties() const { return version_ == ProtocolVersion::v5; }
  [[nodiscard]] std::shared_ptr<const Texts> texts() const { return texts_; }

  bool coin() { return *rc::gen::arbitrary<bool>(); }
  QoS qos() { return *rc::gen::element(QoS::at_most_once, QoS::at_least_once, QoS::exactly_once); }
  Retain retain() { return coin() ? Retain::yes : Retain::no; }
  PacketId packet_id() { return PacketId(*rc::gen::inRange<std::uint16_t>(1, 65535)); }
  std::string_view text() { return keep(*any_utf8_string()); }
  std::string_view topic() { return keep(*any_topic_name()); }
  std::string_view filter() { return keep(*any_topic_filter()); }
  ByteView bytes() { return as_bytes(keep(*rc::gen::container<std::string>(rc::gen::arbitrary<char>()))); }

  ReasonCode reason(PacketType type) { return has_properties() ? *any_reason_of(type) : ReasonCode::success; }
  std::size_t count() { return *rc::gen::inRange<std::size_t>(1, 6); }

  // What a PUBLISH and a Will both have.
  Properties message_properties() {
    Properties properties;
    if (!has_properties()) return properties;
    maybe([&] { properties.payload_format_indicator = flag(); });
    maybe([&] { properties.message_expiry_interval = integer<std::uint32_t>(); });
    maybe([&] { properties.content_type = text(); });
    maybe([&] { properties.response_topic = topic(); });
    maybe([&] { properties.correlation_data = bytes(); });
    properties.user_properties = user_properties();
    return properties;
  }
  Properties will_properties() {
    Properties properties = message_properties();
    if (has_properties()) maybe([&] { properties.will_delay_interval = integer<std::uint32_t>(); });
    return properties;
  }
  Properties publish_properties() {
    Properties properties = message_properties();
    if (!has_properties()) return properties;
    maybe([&] { properties.topic_alias = not_zero<std::uint16_t>(); });
    maybe([&] { properties.subscription_identifiers = {identifier(), identifier()}; });
    return properties;
  }
  // What CONNECT and CONNACK both have.
  Properties connection_properties() {
    Properties properties;
    if (!has_properties()) return properties;
    maybe([&] { properties.session_expiry_interval = integer<std::uint32_t>(); });
    authenticate(properties);
    maybe([&] { properties.receive_maximum = not_zero<std::uint16_t>(); });
    maybe([&] { properties.topic_alias_maximum = integer<std::uint16_t>(); });
    maybe([&] { properties.maximum_packet_size = not_zero<std::uint32_t>(); });
    properties.user_properties = user_properties();
    return properties;
  }
  Properties connect_properties() {
    Properties properties = connection_properties();
    if (!has_properties()) return properties;
    maybe([&] { properties.request_problem_information = flag(); });
    maybe([&] { properties.request_response_information = flag(); });
    return properties;
  }
  Properties connack_properties() {
    Properties properties = connection_properties();
    if (!has_properties()) return properties;
    maybe([&] { properties.assigned_client_identifier = text(); });
    maybe([&] { properties.server_keep_alive = integer<std::uint16_t>(); });
    maybe([&] { properties.response_information = text(); });
    maybe([&] { properties.server_reference = text(); });
    maybe([&] { properties.reason_string = text(); });
    maybe([&] { properties.maximum_qos = flag(); });
    maybe([&] { properties.retain_available = flag(); });
    maybe([&] { properties.wildcard_subscription_available = flag(); });
    maybe([&] { properties.subscription_identifier_available = flag(); });
    maybe([&] { properties.shared_subscription_available = flag(); });
    return properties;
  }
  Properties answer_properties() {
    Properties properties;
    if (!has_properties()) return properties;
    maybe([&] { properties.reason_string = text(); });
    properties.user_properties = user_properties();
    return properties;
  }
  Properties subscribe_properties() {
    Properties properties = unsubscribe_properties();
    if (has_properties()) maybe([&] { properties.subscription_identifiers = {identifier()}; });
    return properties;
  }
  Properties unsubscribe_properties() {
    Properties properties;
    if (has_properties()) properties.user_properties = user_properties();
    return properties;
  }
  Properties disconnect_properties() {
    Properties properties = answer_properties();
    if (!has_properties()) return properties;
    maybe([&] { properties.session_expiry_interval = integer<std::uint32_t>(); });
    maybe([&] { properties.server_reference = text(); });
    return properties;
  }
  Properties auth_properties() {
    Properties properties = answer_properties();
    authenticate(properties);
    return properties;
  }

 private:
  std::string_view keep(std::string text) { return texts_->emplace_back(std::move(text)); }

  template <class Set>
  void maybe(Set set) {
    if (coin()) set();
  }
  std::uint8_t flag() { return coin() ? 1 : 0; }
  template <class T>
  T integer() {
    return *rc::gen::weightedOneOf<T>({{3, rc::gen::arbitrary<T>()}, {1, rc::gen::just(static_cast<T>(-1))}});
  }
  template <class T>
  T not_zero() {
    return *rc::gen::nonZero<T>();
  }
  std::uint32_t identifier() {
    return *rc::gen::element<std::uint32_t>(1, 127, 128, 16383, 16384, 2097151, 2097152, 268435455);
  }
  void authenticate(Properties& properties) {
    if (!coin()) return;
    properties.authentication_method = text();
    maybe([&] { properties.authentication_data = bytes(); });
  }
  std::vector<UserProperty> user_properties() {
    std::vector<UserProperty> list(*rc::gen::inRange<std::size_t>(0, 4));
    for (UserProperty& property : list) property = {text(), text()};
    return list;
  }

  ProtocolVersion version_;
  std::shared_ptr<Texts> texts_ = std::make_shared<Texts>();
};

Connect make_connect(Maker& make, ProtocolVersion version) {
  Connect packet{.version = version,
                 .clean_start = make.coin() ? CleanStart::yes : CleanStart::no,
                 .keep_alive = *rc::gen::arbitrary<std::uint16_t>(),
                 .client_id = make.text()};
  if (make.coin()) {
    packet.will = Will{make.topic(), make.bytes(), make.qos(), make.retain(), make.will_properties()};
  }
  if (make.coin()) packet.user_name = make.text();
  if (make.coin() && (packet.user_name || make.has_properties())) packet.password = make.bytes();
  packet.properties = make.connect_properties();
  return packet;
}

Connack make_connack(Maker& make, ProtocolVersion version) {
  using enum ReasonCode;
  Connack packet;
  packet.reason = version == ProtocolVersion::v5
                      ? make.reason(PacketType::connack)
                      : *rc::gen::element(success, unsupported_protocol_version, client_identifier_not_valid,
                                          server_unavailable, bad_user_name_or_password, not_authorized);
  if (packet.reason == success && version != ProtocolVersion::v3_1 && make.coin()) {
    packet.session_present = SessionPresent::yes;
  }
  packet.properties = make.connack_properties();
  return packet;
}

Publish make_publish(Maker& make) {
  Publish packet{.topic = make.topic(), .payload = make.bytes(), .qos = make.qos(), .retain = make.retain()};
  if (packet.qos != QoS::at_most_once) {
    packet.dup = make.coin() ? Dup::yes : Dup::no;
    packet.packet_id = make.packet_id();
  }
  packet.properties = make.publish_properties();
  if (packet.properties.topic_alias && make.coin()) packet.topic = {};
  return packet;
}

template <class P>
P make_ack(Maker& make, PacketType type) {
  return P{{make.packet_id(), make.reason(type), make.answer_properties()}};
}

Subscribe make_subscribe(Maker& make) {
  Subscribe packet{.packet_id = make.packet_id()};
  packet.entries.resize(make.count());
  for (SubscribeEntry& entry : packet.entries) {
    entry.filter = make.filter();
    entry.options.maximum_qos = make.qos();
    if (!make.has_properties()) continue;
    entry.options.no_local = make.coin();
    entry.options.retain_as_published = make.coin();
    entry.options.retain_handling =
        *rc::gen::element(RetainHandling::send, RetainHandling::send_if_new, RetainHandling::do_not_send);
  }
  packet.properties = make.subscribe_properties();
  return packet;
}

Suback make_suback(Maker& make) {
  using enum ReasonCode;
  Suback packet{.packet_id = make.packet_id()};
  packet.reasons.resize(make.count());
  for (ReasonCode& reason : packet.reasons) {
    reason = make.has_properties() ? make.reason(PacketType::suback)
                                   : *rc::gen::element(success, granted_qos_1, granted_qos_2, unspecified_error);
  }
  packet.properties = make.answer_properties();
  return packet;
}

Unsubscribe make_unsubscribe(Maker& make) {
  Unsubscribe packet{.packet_id = make.packet_id()};
  packet.filters.resize(make.count());
  for (std::string_view& filter : packet.filters) filter = make.filter();
  packet.properties = make.unsubscribe_properties();
  return packet;
}

Unsuback make_unsuback(Maker& make) {
  Unsuback packet{.packet_id = make.packet_id()};
  if (!make.has_properties()) return packet;
  packet.reasons.resize(make.count());
  for (ReasonCode& reason : packet.reasons) reason = make.reason(PacketType::unsuback);
  packet.properties = make.answer_properties();
  return packet;
}

Packet make_packet(Maker& make, PacketType type, ProtocolVersion version) {
  switch (type) {
    case PacketType::connect: return make_connect(make, version);
    case PacketType::connack: return make_connack(make, version);
    case PacketType::publish: return make_publish(make);
    case PacketType::puback: return make_ack<Puback>(make, type);
    case PacketType::pubrec: return make_ack<Pubrec>(make, type);
    case PacketType::pubrel: return make_ack<Pubrel>(make, type);
    case PacketType::pubcomp: return make_ack<Pubcomp>(make, type);
    case PacketType::subscribe: return make_subscribe(make);
    case PacketType::suback: return make_suback(make);
    case PacketType::unsubscribe: return make_unsubscribe(make);
    case PacketType::unsuback: return make_unsuback(make);
    case PacketType::pingreq: return Pingreq{};
    case PacketType::pingresp: return Pingresp{};
    case PacketType::disconnect: return Disconnect{make.reason(type), make.disconnect_properties()};
    case PacketType::auth: return Auth{make.reason(type), make.auth_properties()};
  }
  return Pingreq{};
}

std::string join_levels(const std::vector<std::string>& levels) {
  std::string text;
  for (std::size_t i = 0; i < levels.size(); ++i) text += (i == 0 ? "" : "/") + levels[i];
  return text;
}

rc::Gen<std::string> levels_from(std::vector<std::string> alphabet) {
  return rc::gen::map(rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(std::move(alphabet))),
                      join_levels);
}

}  // namespace

std::ostream& operator<<(std::ostream& to, const GeneratedPacket& generated) {
  return to << name_of(generated.version) << " " << format(generated.packet);
}

rc::Gen<ProtocolVersion> any_version() {
  return rc::gen::element(ProtocolVersion::v3_1, ProtocolVersion::v3_1_1, ProtocolVersion::v5);
}

rc::Gen<std::string> any_utf8_string() {
  const std::vector<std::string> characters{"a",
                                            "b",
                                            "/",
                                            "$",
                                            " ",
                                            "\x01",
                                            "\x7f",
                                            "\xc2\x80",
                                            "\xc3\xa9",
                                            "\xe2\x82\xac",
                                            "\xef\xbb\xbf",
                                            "\xf0\x9f\x98\x80",
                                            "\xf4\x8f\xbf\xbf"};
  return rc::gen::map(rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(characters)),
                      [](const std::vector<std::string>& parts) {
                        std::string text;
                        for (const std::string& part : parts) text += part;
                        return text;
                      });
}

rc::Gen<std::string> any_topic_name() {
  return rc::gen::suchThat(levels_from({"a", "b", "", "$SYS", "caf\xc3\xa9"}),
                           [](const std::string& text) { return is_valid_topic_name(text); });
}

rc::Gen<std::string> any_topic_filter() {
  const auto valid_or_hash = [](std::string text) { return text.empty() ? std::string("#") : std::move(text); };
  const auto with_tail = [](const std::string& text) { return text + "/#"; };
  const auto plain = rc::gen::map(levels_from({"a", "b", "", "$SYS", "+"}), valid_or_hash);
  return rc::gen::oneOf(plain, rc::gen::map(levels_from({"a", "b", "", "+"}), with_tail));
}

rc::Gen<GeneratedPacket> any_packet_of(PacketType type, ProtocolVersion version) {
  return rc::gen::exec([type, version] {
    Maker make(version);
    Packet packet = make_packet(make, type, version);
    return GeneratedPacket{version, std::move(packet), make.texts()};
  });
}

}  // namespace bitacora::mqtt
