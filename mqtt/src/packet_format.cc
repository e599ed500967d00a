// Packets as one line of ASCII each, for logs and test failures.
#include <string>

#include "base/bytes.h"
#include "mqtt/packet.h"
#include "property_table.h"

namespace bitacora::mqtt {
namespace {

void append_escaped(std::string& to, std::string_view text) {
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      to += '\\';
      to += c;
    } else if (c >= ' ' && c <= '~') {
      to += c;
    } else {
      to += "\\x" + to_hex(as_bytes(std::string_view(&c, 1)));
    }
  }
}

// One field of the line is ` name=value`.
class Line {
 public:
  explicit Line(PacketType type) : text_(name_of(type)) {}

  void field(std::string_view name, std::string_view value) {
    begin(name);
    text_ += '"';
    append_escaped(text_, value);
    text_ += '"';
  }
  void field(std::string_view name, ByteView value) {
    begin(name);
    text_ += std::to_string(value.size()) + "B";
  }
  void field(std::string_view name, std::uint32_t value) {
    begin(name);
    text_ += std::to_string(value);
  }
  void field(std::string_view name, QoS value) { field(name, static_cast<std::uint32_t>(value)); }
  void field(std::string_view name, PacketId value) { field(name, std::uint32_t{value.value()}); }
  void field(std::string_view name, ReasonCode value) {
    begin(name);
    const std::byte byte{static_cast<std::uint8_t>(value)};
    text_ += "0x" + to_hex(ByteView(&byte, 1)) + " (" + name_of(value) + ")";
  }
  void field(std::string_view name, ProtocolVersion value) {
    begin(name);
    text_ += name_of(value);
  }
  void field(std::string_view name, const UserProperty& value) {
    field(name, value.name);
    text_ += ":\"";
    append_escaped(text_, value.value);
    text_ += '"';
  }
  template <class T>
  void field(std::string_view name, const std::optional<T>& value) {
    if (value) field(name, *value);
  }
  template <class T>
  void field(std::string_view name, const std::vector<T>& values) {
    for (const T& value : values) field(name, value);
  }
  void flag(std::string_view name, bool set) {
    if (set) text_ += std::string(" ") + std::string(name);
  }
  void properties(std::string_view prefix, const Properties& properties) {
    for_each_property(
        [&](const auto& row) { field(std::string(prefix) + property_name(row.name), properties.*row.place); });
  }

  [[nodiscard]] std::string text() && { return std::move(text_); }

 private:
  void begin(std::string_view name) {
    text_ += ' ';
    text_ += name;
    text_ += '=';
  }
  // "Topic Alias" -> "topic_alias"
  static std::string property_name(std::string_view name) {
    std::string text(name);
    for (char& c : text) {
      if (c == ' ') c = '_';
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return text;
  }

  std::string text_;
};

void describe(Line& line, const Connect& packet) {
  line.field("version", packet.version);
  line.field("client", packet.client_id);
  line.flag("clean", packet.clean_start == CleanStart::yes);
  line.field("keep_alive", std::uint32_t{packet.keep_alive});
  line.field("user", packet.user_name);
  line.field("password", packet.password);
  line.properties("", packet.properties);
  if (!packet.will) return;
  line.field("will.topic", packet.will->topic);
  line.field("will.qos", packet.will->qos);
  line.flag("will.retain", packet.will->retain == Retain::yes);
  line.field("will.payload", packet.will->payload);
  line.properties("will.", packet.will->properties);
}

void describe(Line& line, const Connack& packet) {
  line.field("reason", packet.reason);
  line.flag("session_present", packet.session_present == SessionPresent::yes);
  line.properties("", packet.properties);
}

void describe(Line& line, const Publish& packet) {
  line.field("topic", packet.topic);
  line.field("qos", packet.qos);
  if (packet.qos != QoS::at_most_once) line.field("id", packet.packet_id);
  line.flag("retain", packet.retain == Retain::yes);
  line.flag("dup", packet.dup == Dup::yes);
  line.field("payload", packet.payload);
  line.properties("", packet.properties);
}

void describe(Line& line, const Ack& packet) {
  line.field("id", packet.packet_id);
  line.field("reason", packet.reason);
  line.properties("", packet.properties);
}

void describe(Line& line, const Subscribe& packet) {
  line.field("id", packet.packet_id);
  for (const SubscribeEntry& entry : packet.entries) {
    line.field("filter", entry.filter);
    line.field("qos", entry.options.maximum_qos);
    line.flag("no_local", entry.options.no_local);
    line.flag("retain_as_published", entry.options.retain_as_published);
    if (entry.options.retain_handling != RetainHandling::send) {
      line.field("retain_handling", static_cast<std::uint32_t>(entry.options.retain_handling));
    }
  }
  line.properties("", packet.properties);
}

void describe(Line& line, const Unsubscribe& packet) {
  line.field("id", packet.packet_id);
  line.field("filter", packet.filters);
  line.properties("", packet.properties);
}

// SUBACK and UNSUBACK.
template <class P>
void describe_subscription_answer(Line& line, const P& packet) {
  line.field("id", packet.packet_id);
  line.field("reason", packet.reasons);
  line.properties("", packet.properties);
}
void describe(Line& line, const Suback& packet) { describe_subscription_answer(line, packet); }
void describe(Line& line, const Unsuback& packet) { describe_subscription_answer(line, packet); }

void describe(Line&, const Pingreq&) {}
void describe(Line&, const Pingresp&) {}

void describe(Line& line, const Disconnect& packet) {
  line.field("reason", packet.reason);
  line.properties("", packet.properties);
}

void describe(Line& line, const Auth& packet) {
  line.field("reason", packet.reason);
  line.properties("", packet.properties);
}

}  // namespace

std::string format(const Packet& packet) {
  Line line(type_of(packet));
  std::visit([&line](const auto& alternative) { describe(line, alternative); }, packet);
  return std::move(line).text();
}

}  // namespace bitacora::mqtt
