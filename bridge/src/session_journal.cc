#include "bridge/session_journal.h"

#include <algorithm>

#include "base/endian.h"

namespace bitacora::bridge {
namespace {

constexpr std::uint8_t format_version = 1;

// --- writing ---

Bytes key_of(char kind, std::string_view first, std::optional<std::string_view> second = std::nullopt) {
  Bytes key;
  key.reserve(first.size() + (second ? second->size() + 1 : 0) + 2);
  key.push_back(static_cast<std::byte>(kind));
  key.push_back(std::byte{0});
  append(key, as_bytes(first));
  if (second) {
    key.push_back(std::byte{0});
    append(key, as_bytes(*second));
  }
  return key;
}

Bytes new_value() { return {static_cast<std::byte>(format_version)}; }

void put_text(Bytes& to, std::string_view text) {
  append_be(to, static_cast<std::uint32_t>(text.size()));
  append(to, as_bytes(text));
}

void put_text(Bytes& to, ByteView bytes) { put_text(to, as_text(bytes)); }

// Presence as a byte, then the value if there is one.
template <class T, class Put>
void put_optional(Bytes& to, const std::optional<T>& value, Put&& put) {
  append_be(to, static_cast<std::uint8_t>(value ? 1 : 0));
  if (value) put(*value);
}

void put_position(Bytes& to, const NamedPosition& position) {
  put_text(to, position.log);
  append_be(to, position.partition);
  append_be(to, position.offset);
}

void put_positions(Bytes& to, const NamedPositions& positions) {
  append_be(to, static_cast<std::uint32_t>(positions.size()));
  for (const NamedPosition& position : positions) put_position(to, position);
}

void put_doubts(Bytes& to, const Qos2Entry& entry) {
  const auto has_digest = [](const Qos2Entry::Received& received) { return received.digest.has_value(); };
  const auto digests = static_cast<std::uint32_t>(std::ranges::count_if(entry.received, has_digest));
  if (entry.refused.empty() && digests == 0) return;
  append_be(to, static_cast<std::uint32_t>(entry.refused.size()));
  for (const auto& refused : entry.refused) {
    append_be(to, refused.packet_id.value());
    append_be(to, refused.sequence);
  }
  append_be(to, digests);
  for (std::uint32_t i = 0; i < entry.received.size(); ++i) {
    if (!entry.received[i].digest) continue;
    append_be(to, i);
    append_be(to, *entry.received[i].digest);
  }
}

// --- reading ---

// Takes fields off the front; once something is missing, everything after is zero and ok() is false.
class FieldReader {
 public:
  explicit FieldReader(ByteView bytes) : rest_(bytes) {}

  template <std::integral T>
  T integer() {
    if (rest_.size() < sizeof(T)) {
      ok_ = false;
      return 0;
    }
    const T value = load_be<T>(rest_.data());
    rest_ = rest_.subspan(sizeof(T));
    return value;
  }

  std::string text() {
    const auto size = integer<std::uint32_t>();
    if (rest_.size() < size) {
      ok_ = false;
      return {};
    }
    std::string text(as_text(rest_.first(size)));
    rest_ = rest_.subspan(size);
    return text;
  }

  Bytes bytes() {
    const std::string text = this->text();
    const ByteView view = as_bytes(text);
    return {view.begin(), view.end()};
  }

  // What put_optional wrote; `read` takes the value.
  template <class Read>
  auto optional(Read&& read) -> std::optional<decltype(read())> {
    if (integer<std::uint8_t>() == 0) return std::nullopt;
    return read();
  }

  NamedPosition position() {
    NamedPosition position;
    position.log = text();
    position.partition = integer<std::int32_t>();
    position.offset = integer<storage::Offset>();
    return position;
  }

  NamedPositions positions() {
    NamedPositions positions;
    for (auto left = integer<std::uint32_t>(); left > 0 && ok_; --left) positions.push_back(position());
    return positions;
  }

  [[nodiscard]] bool ok() const noexcept { return ok_; }
  [[nodiscard]] bool ended() const noexcept { return ok_ && rest_.empty(); }

 private:
  ByteView rest_;
  bool ok_ = true;
};

mqtt::SubscriptionOptions options_from(std::uint8_t bits) {
  mqtt::SubscriptionOptions options;
  options.maximum_qos = static_cast<mqtt::QoS>(std::min(bits & 3, 2));
  options.no_local = (bits & 4) != 0;
  options.retain_as_published = (bits & 8) != 0;
  options.retain_handling = static_cast<mqtt::RetainHandling>(std::min((bits >> 4) & 3, 2));
  return options;
}

std::uint8_t bits_of(const mqtt::SubscriptionOptions& options) {
  return static_cast<std::uint8_t>(static_cast<unsigned>(options.maximum_qos) | (options.no_local ? 4U : 0U) |
                                   (options.retain_as_published ? 8U : 0U) |
                                   static_cast<unsigned>(options.retain_handling) << 4);
}

// "k NUL first [NUL second]"
struct JournalKey {
  char kind = 0;
  std::string_view first;
  std::optional<std::string_view> second;
};

std::optional<JournalKey> parse_key(ByteView key) {
  const std::string_view text = as_text(key);
  if (text.size() < 2 || text[1] != '\0') return std::nullopt;
  JournalKey parsed{text[0], text.substr(2), std::nullopt};
  if (const std::size_t end = parsed.first.find('\0'); end != std::string_view::npos) {
    parsed.second = parsed.first.substr(end + 1);
    parsed.first = parsed.first.substr(0, end);
  }
  return parsed;
}

using Image = JournalImage::Session;

bool apply_session(std::map<std::string, Image>& sessions, const JournalKey& key, std::optional<FieldReader> value) {
  const std::string client(key.first);
  if (!value) {
    sessions[client].entry = {};
    return true;
  }
  SessionEntry entry{client, value->integer<std::uint64_t>(), {}, 0, 0, {}};
  entry.version = static_cast<mqtt::ProtocolVersion>(value->integer<std::uint8_t>());
  entry.expiry_s = value->integer<std::uint32_t>();
  entry.disconnected_at = value->integer<Timestamp>();
  if (!value->ended()) entry.user = value->text();  // absent where it was written before there were users
  if (!value->ended()) return false;
  sessions[client].entry = std::move(entry);
  return true;
}

bool apply_subscription(Image& image, const JournalKey& key, std::optional<FieldReader> value) {
  const std::string filter(key.second.value_or(""));
  if (!value) return image.subscriptions.erase(filter), true;
  SubscriptionEntry entry{std::string(key.first), filter, value->integer<std::uint64_t>(), {}, 0, {}};
  entry.options = options_from(value->integer<std::uint8_t>());
  entry.identifier = value->integer<std::uint32_t>();
  entry.start = value->positions();
  if (!value->ended()) return false;
  image.subscriptions.insert_or_assign(filter, std::move(entry));
  return true;
}

bool apply_feed(Image& image, const JournalKey& key, std::optional<FieldReader> value) {
  const std::string feed(key.second.value_or(""));
  if (!value) return image.feeds.erase(feed), true;
  FeedEntry entry{std::string(key.first), feed, value->integer<std::uint64_t>(), false, {}};
  entry.live = value->integer<std::uint8_t>() != 0;
  entry.positions = value->positions();
  if (!value->ended()) return false;
  image.feeds.insert_or_assign(feed, std::move(entry));
  return true;
}

// Which QoS 2 publishes were refused and may have a record, and which received ones may be another message.
bool read_doubts(Qos2Entry& entry, FieldReader& value) {
  for (auto left = value.integer<std::uint32_t>(); left > 0 && value.ok(); --left) {
    const mqtt::PacketId id(value.integer<std::uint16_t>());
    entry.refused.push_back({id, value.integer<std::uint32_t>()});
  }
  for (auto left = value.integer<std::uint32_t>(); left > 0 && value.ok(); --left) {
    const auto index = value.integer<std::uint32_t>();
    const auto digest = value.integer<std::uint64_t>();
    if (index >= entry.received.size()) return false;
    entry.received[index].digest = digest;
  }
  return value.ended();
}

bool apply_qos2(Image& image, const JournalKey& key, std::optional<FieldReader> value) {
  if (!value) return image.qos2.reset(), true;
  Qos2Entry entry{std::string(key.first), value->integer<std::uint64_t>(), value->integer<std::uint32_t>(), {}};
  for (auto left = value->integer<std::uint32_t>(); left > 0 && value->ok(); --left) {
    const mqtt::PacketId id(value->integer<std::uint16_t>());
    entry.received.push_back({id, value->integer<std::uint32_t>(), std::nullopt});
  }
  if (!value->ended() && !read_doubts(entry, *value)) return false;  // absent where an earlier version wrote it
  image.qos2 = std::move(entry);
  return true;
}

StoredWill read_will(FieldReader& value) {
  const auto text = [&] { return value.text(); };
  StoredWill will;
  will.delay_s = value.integer<std::uint32_t>();
  will.qos = static_cast<mqtt::QoS>(std::min<std::uint8_t>(value.integer<std::uint8_t>(), 2));
  will.retain = value.integer<std::uint8_t>() != 0 ? mqtt::Retain::yes : mqtt::Retain::no;
  will.topic = value.text();
  will.payload = value.bytes();
  will.payload_format = value.optional([&] { return value.integer<std::uint8_t>(); });
  will.expiry_s = value.optional([&] { return value.integer<std::uint32_t>(); });
  will.content_type = value.optional(text);
  will.response_topic = value.optional(text);
  will.correlation_data = value.optional([&] { return value.bytes(); });
  for (auto left = value.integer<std::uint32_t>(); left > 0 && value.ok(); --left) {
    std::string name = value.text();
    will.user_properties.emplace_back(std::move(name), value.text());
  }
  return will;
}

bool apply_will(Image& image, const JournalKey& key, std::optional<FieldReader> value) {
  if (!value) return image.will.reset(), true;
  WillEntry entry{std::string(key.first), value->integer<std::uint64_t>(), {}};
  entry.will = read_will(*value);
  if (!value->ended()) entry.will.number = value->integer<std::uint32_t>();  // absent where an earlier version wrote it
  if (!value->ended()) return false;
  image.will = std::move(entry);
  return true;
}

bool apply_in_flight(Image& image, const JournalKey& key, std::optional<FieldReader> value) {
  if (!value) return image.in_flight.reset(), true;
  InFlightEntry entry{std::string(key.first), value->integer<std::uint64_t>(), false, 0, {}};
  entry.ids_known = value->integer<std::uint8_t>() != 0;
  entry.next_sequence = value->integer<std::uint64_t>();
  for (auto left = value->integer<std::uint32_t>(); left > 0 && value->ok(); --left) {
    InFlightEntry::Message message;
    message.sequence = value->integer<std::uint64_t>();
    message.place = value->position();
    message.feed = value->optional([&] { return value->text(); });
    message.awaiting =
        static_cast<InFlightMessage::Awaiting>(std::min<std::uint8_t>(value->integer<std::uint8_t>(), 3));
    message.retain = value->integer<std::uint8_t>() != 0 ? mqtt::Retain::yes : mqtt::Retain::no;
    message.identifier = value->integer<std::uint32_t>();
    entry.messages.push_back(std::move(message));
  }
  if (!value->ended()) return false;
  image.in_flight = std::move(entry);
  return true;
}

bool apply_mark(std::map<std::uint32_t, MarkEntry>& marks, const JournalKey& key, std::optional<FieldReader> value) {
  std::uint32_t shard = 0;
  for (const char c : key.first) {
    if (c < '0' || c > '9') return false;
    shard = shard * 10 + static_cast<std::uint32_t>(c - '0');
  }
  if (!value) return marks.erase(shard), true;
  MarkEntry entry{shard, value->positions()};
  if (!value->ended()) return false;
  marks.insert_or_assign(shard, std::move(entry));
  return true;
}

}  // namespace

JournalRecord encode(const SessionEntry& entry) {
  Bytes value = new_value();
  append_be(value, entry.epoch);
  append_be(value, static_cast<std::uint8_t>(entry.version));
  append_be(value, entry.expiry_s);
  append_be(value, entry.disconnected_at);
  if (!entry.user.empty()) put_text(value, entry.user);
  return {key_of('s', entry.client_id), std::move(value)};
}

JournalRecord encode(const SubscriptionEntry& entry) {
  Bytes value = new_value();
  append_be(value, entry.epoch);
  append_be(value, bits_of(entry.options));
  append_be(value, entry.identifier);
  put_positions(value, entry.start);
  return {key_of('f', entry.client_id, entry.filter), std::move(value)};
}

JournalRecord encode(const FeedEntry& entry) {
  Bytes value = new_value();
  append_be(value, entry.epoch);
  append_be(value, static_cast<std::uint8_t>(entry.live ? 1 : 0));
  put_positions(value, entry.positions);
  return {key_of('c', entry.client_id, entry.feed), std::move(value)};
}

JournalRecord encode(const Qos2Entry& entry) {
  Bytes value = new_value();
  append_be(value, entry.epoch);
  append_be(value, entry.complete_below);
  append_be(value, static_cast<std::uint32_t>(entry.received.size()));
  for (const auto& received : entry.received) {
    append_be(value, received.packet_id.value());
    append_be(value, received.sequence);
  }
  put_doubts(value, entry);
  return {key_of('q', entry.client_id), std::move(value)};
}

JournalRecord encode(const WillEntry& entry) {
  const StoredWill& will = entry.will;
  Bytes value = new_value();
  const auto put = [&](const auto& text) { put_text(value, text); };
  append_be(value, entry.epoch);
  append_be(value, will.delay_s);
  append_be(value, static_cast<std::uint8_t>(will.qos));
  append_be(value, static_cast<std::uint8_t>(will.retain));
  put_text(value, will.topic);
  put_text(value, will.payload);
  put_optional(value, will.payload_format, [&](std::uint8_t format) { append_be(value, format); });
  put_optional(value, will.expiry_s, [&](std::uint32_t expiry) { append_be(value, expiry); });
  put_optional(value, will.content_type, put);
  put_optional(value, will.response_topic, put);
  put_optional(value, will.correlation_data, put);
  append_be(value, static_cast<std::uint32_t>(will.user_properties.size()));
  for (const auto& [name, text] : will.user_properties) {
    put_text(value, name);
    put_text(value, text);
  }
  append_be(value, will.number);
  return {key_of('w', entry.client_id), std::move(value)};
}

JournalRecord encode(const InFlightEntry& entry) {
  Bytes value = new_value();
  append_be(value, entry.epoch);
  append_be(value, static_cast<std::uint8_t>(entry.ids_known ? 1 : 0));
  append_be(value, entry.next_sequence);
  append_be(value, static_cast<std::uint32_t>(entry.messages.size()));
  for (const InFlightEntry::Message& message : entry.messages) {
    append_be(value, message.sequence);
    put_position(value, message.place);
    put_optional(value, message.feed, [&](const std::string& name) { put_text(value, name); });
    append_be(value, static_cast<std::uint8_t>(message.awaiting));
    append_be(value, static_cast<std::uint8_t>(message.retain));
    append_be(value, message.identifier);
  }
  return {key_of('i', entry.client_id), std::move(value)};
}

JournalRecord encode(const MarkEntry& entry) {
  Bytes value = new_value();
  put_positions(value, entry.positions);
  return {key_of('m', std::to_string(entry.shard)), std::move(value)};
}

JournalRecord session_tombstone(std::string_view client_id) { return {key_of('s', client_id), std::nullopt}; }
JournalRecord subscription_tombstone(std::string_view client_id, std::string_view filter) {
  return {key_of('f', client_id, filter), std::nullopt};
}
JournalRecord feed_tombstone(std::string_view client_id, std::string_view feed) {
  return {key_of('c', client_id, feed), std::nullopt};
}
JournalRecord qos2_tombstone(std::string_view client_id) { return {key_of('q', client_id), std::nullopt}; }
JournalRecord will_tombstone(std::string_view client_id) { return {key_of('w', client_id), std::nullopt}; }
JournalRecord in_flight_tombstone(std::string_view client_id) { return {key_of('i', client_id), std::nullopt}; }
JournalRecord mark_tombstone(std::uint32_t shard) { return {key_of('m', std::to_string(shard)), std::nullopt}; }

bool JournalImage::apply(const storage::RecordView& record) {
  if (!record.key) return false;
  const auto key = parse_key(*record.key);
  if (!key) return false;
  std::optional<FieldReader> value;
  if (record.value) {
    value.emplace(*record.value);
    if (value->integer<std::uint8_t>() != format_version) return false;
  }
  if (key->kind == 's') return apply_session(sessions_, *key, value);
  if (key->kind == 'm') return apply_mark(marks_, *key, value);
  if (std::string_view("fcqwi").find(key->kind) == std::string_view::npos) return false;
  // The session's own record may come later than these: compaction keeps only its last.
  Session& session = sessions_[std::string(key->first)];
  if (key->kind == 'f') return apply_subscription(session, *key, value);
  if (key->kind == 'c') return apply_feed(session, *key, value);
  if (key->kind == 'w') return apply_will(session, *key, value);
  if (key->kind == 'i') return apply_in_flight(session, *key, value);
  return apply_qos2(session, *key, value);
}

void JournalImage::finish() {
  std::erase_if(sessions_, [](const auto& named) { return named.second.entry.epoch == 0; });
  for (auto& [client, session] : sessions_) {
    const auto is_of_another_session = [epoch = session.entry.epoch](const auto& named) {
      return named.second.epoch != epoch;
    };
    std::erase_if(session.subscriptions, is_of_another_session);
    std::erase_if(session.feeds, is_of_another_session);
    if (session.qos2 && session.qos2->epoch != session.entry.epoch) session.qos2.reset();
    if (session.will && session.will->epoch != session.entry.epoch) session.will.reset();
    if (session.in_flight && session.in_flight->epoch != session.entry.epoch) session.in_flight.reset();
  }
}

std::map<std::pair<std::string, std::int32_t>, storage::Offset> JournalImage::lowest_marks() const {
  std::map<std::pair<std::string, std::int32_t>, storage::Offset> lowest;
  for (const auto& [shard, mark] : marks_) {
    for (const NamedPosition& position : mark.positions) {
      const auto [at, is_new] = lowest.try_emplace({position.log, position.partition}, position.offset);
      if (!is_new) at->second = std::min(at->second, position.offset);
    }
  }
  return lowest;
}

}  // namespace bitacora::bridge
