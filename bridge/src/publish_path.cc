#include "publish_path.h"

#include <spdlog/spdlog.h>

#include "base/crc32c.h"
#include "base/endian.h"
#include "bridge/error_map.h"
#include "publisher_rights.h"

namespace bitacora::bridge {
namespace {

// What a PUBLISH forwards of its properties, unaltered; the rest is of the connection. [MQTT-3.3.2-4] [MQTT-3.3.2-15]
// [MQTT-3.3.2-16] [MQTT-3.3.2-17] [MQTT-3.3.2-18] [MQTT-3.3.2-20]
mqtt::Properties forwarded(const mqtt::Properties& of_publish) {
  mqtt::Properties properties;
  properties.payload_format_indicator = of_publish.payload_format_indicator;
  properties.message_expiry_interval = of_publish.message_expiry_interval;
  properties.content_type = of_publish.content_type;
  properties.response_topic = of_publish.response_topic;
  properties.correlation_data = of_publish.correlation_data;
  properties.user_properties = of_publish.user_properties;
  return properties;
}

// Tells one message from another: topic and properties in one half, payload in the other.
std::uint64_t digest_of(const mqtt::Publish& packet) {
  std::uint32_t head = 0;
  const auto add = [&head](std::string_view text) {
    Bytes length;
    append_be(length, static_cast<std::uint32_t>(text.size()));
    head = crc32c_extend(crc32c_extend(head, length), as_bytes(text));
  };
  const mqtt::Properties& properties = packet.properties;
  add(packet.topic);
  add(packet.retain == mqtt::Retain::yes ? "r" : "");
  add(properties.payload_format_indicator ? std::to_string(*properties.payload_format_indicator) : "");
  add(properties.message_expiry_interval ? std::to_string(*properties.message_expiry_interval) : "");
  add(properties.content_type.value_or(""));
  add(properties.response_topic.value_or(""));
  add(as_text(properties.correlation_data.value_or(ByteView())));
  for (const mqtt::UserProperty& property : properties.user_properties) {
    add(property.name);
    add(property.value);
  }
  return std::uint64_t{head} << 32 | crc32c(packet.payload);
}

}  // namespace

std::optional<PublishPath::OverLimit> PublishPath::over_limit(const Session& session,
                                                              const mqtt::Publish& packet) const {
  if (packet.qos == mqtt::QoS::exactly_once &&
      session.qos2.received.size() >= context_.settings->sessions.max_awaiting_release) {
    return OverLimit{Limit::awaiting_release, "too many QoS 2 messages wait for PUBREL"};
  }
  if (packet.retain == mqtt::Retain::no || packet.payload.empty()) return std::nullopt;
  return over_retained_limit(session, packet.topic, packet.payload.size());
}

std::optional<PublishPath::OverLimit> PublishPath::over_retained_limit(const Session& session, std::string_view topic,
                                                                       std::size_t payload_bytes) const {
  const BrokerSettings& settings = *context_.settings;
  if (payload_bytes > settings.max_retained_payload) {
    return OverLimit{Limit::retained_payload, "the retained payload is over the limit"};
  }
  const RetainedEntry* replaced = retained_.find(topic);
  if (replaced == nullptr && retained_.size() >= settings.max_retained_messages) {
    return OverLimit{Limit::retained_messages, "there are as many retained messages as there may be"};
  }
  const std::uint64_t others = retained_.bytes() - (replaced == nullptr ? 0 : replaced->bytes);
  if (others + topic.size() + payload_bytes > settings.max_retained_bytes) {
    return OverLimit{Limit::retained_bytes, "the retained messages take as many bytes as they may"};
  }
  const std::string publisher = publisher_of(session.principal);
  RetainedIndex::Share own = retained_.share_of(publisher);
  if (replaced != nullptr && retained_.is_of(*replaced, publisher)) {
    --own.messages;
    own.bytes -= replaced->bytes;
  }
  if (own.messages >= settings.max_retained_messages_per_user ||
      own.bytes + topic.size() + payload_bytes > settings.max_retained_bytes_per_user) {
    return OverLimit{Limit::retained_of_user, "the user has as many retained messages, or bytes of them, as it may"};
  }
  return std::nullopt;
}

void PublishPath::on_publish(Connection& connection, const mqtt::PublishEvent& event) {
  const mqtt::Publish& packet = event.packet;
  Session& session = *connection.session;
  context_.metrics.publishes_received.add();
  context_.metrics.publish_bytes_received.add(packet.payload.size());
  connection.published = true;
  if (packet.topic.starts_with('$')) {
    return refuse(connection, event, mqtt::ReasonCode::topic_name_invalid,
                  "topics that begin with $ are the server's own");
  }
  // At QoS 1 each PUBLISH is a new message [MQTT-4.3.2-5]; at QoS 2 until PUBREL only the first of its id is.
  if (packet.qos == mqtt::QoS::exactly_once && is_repeated_qos2(connection, event)) return;
  if (!session.rights.may(identity::Action::publish, packet.topic)) return refuse_unauthorized(connection, event);
  if (const auto over = over_limit(session, packet)) {
    context_.metrics.reached(over->limit);
    return refuse(connection, event, mqtt::ReasonCode::quota_exceeded, over->why);
  }

  Message message = message_of(session, packet);
  const Destination destination = context_.router.route(packet.topic, session.client_id, packet.properties);
  const Ticket ticket = begin(connection, event, message, *destination.partition);
  if (connection.charged.value() == 0) connection.charged = ticket;
  const std::size_t bytes = packet.topic.size() + packet.payload.size();
  operations_.at(connection.charged).unwritten_bytes += bytes;
  connection.unwritten_bytes += bytes;
  append(session, message, destination, ticket);
}

Message PublishPath::message_of(const Session& session, const mqtt::Publish& packet) const {
  Message message;
  message.topic = packet.topic;
  message.payload = packet.payload;
  message.qos = packet.qos;
  message.retain = packet.retain;
  message.client_id = session.client_id;
  message.timestamp = context_.now.wall_ms;
  message.properties = forwarded(packet.properties);
  return message;
}

Ticket PublishPath::begin(Connection& connection, const mqtt::PublishEvent& event, Message& message,
                          storage::Partition& partition) {
  const mqtt::Publish& packet = event.packet;
  Session& session = *connection.session;
  // Nobody waits for QoS 0 but the account of what is unwritten, and that once a turn.
  if (packet.qos == mqtt::QoS::at_most_once && connection.charged.value() != 0) return {};
  Operation operation;
  operation.kind = Operation::Kind::publish;
  operation.connection = connection.id;
  operation.slot = event.slot;
  operation.session_epoch = session.epoch;
  operation.qos = packet.qos;
  operation.packet_id = packet.packet_id;
  operation.log_partition = &partition;
  operation.timestamp = message.timestamp;
  if (packet.qos == mqtt::QoS::at_least_once && session.persistent()) {
    operation.history_number = mark_duplicate(session, packet, message, partition);
  }
  if (packet.qos == mqtt::QoS::exactly_once) {
    operation.qos2_sequence = session.qos2.next_sequence++;
    session.qos2.received[packet.packet_id] = {.sequence = operation.qos2_sequence};
    if (session.persistent()) message.qos2 = Qos2Mark{session.epoch, packet.packet_id, operation.qos2_sequence};
  }
  return operations_.begin(std::move(operation));
}

std::uint64_t PublishPath::mark_duplicate(Session& session, const mqtt::Publish& packet, Message& message,
                                          const storage::Partition& partition) {
  const std::uint64_t digest = digest_of(packet);
  storage::Offset first = -1;
  if (packet.dup == mqtt::Dup::yes) {
    const auto earlier = session.published.find(packet.packet_id, digest);
    if (earlier || !session.published.complete()) message.dup = mqtt::Dup::yes;
    if (earlier && earlier->partition == partition.index()) first = earlier->offset;
    if (first >= 0) message.dup_of = first;
  }
  return session.published.remember(packet.packet_id, digest, partition.index(), first,
                                    context_.settings->connection.receive_maximum);
}

void PublishPath::append(const Session& session, Message& message, const Destination& destination, Ticket ticket) {
  const bool waits = ticket.value() != 0;
  if (waits) operations_.at(ticket).waiting_for = message.retain == mqtt::Retain::yes ? 2 : 1;
  context_.queue.add(*destination.partition, encoder_.encode(message, destination.headers), ticket);
  if (message.retain == mqtt::Retain::yes) append_retained(session, message, destination, ticket);  // [MQTT-3.3.1-8]
}

void PublishPath::append_retained(const Session& session, Message& message, const Destination& destination,
                                  Ticket ticket) {
  const std::string publisher = publisher_of(session.principal);
  message.publisher = publisher;
  storage::RecordView record = encoder_.encode(message, destination.headers);
  if (message.payload.empty()) record.value.reset();  // removes it [MQTT-3.3.1-6] [MQTT-3.3.1-7]
  context_.queue.add(context_.retained_partition, record, ticket);
}

void PublishPath::refuse(Connection& connection, const mqtt::PublishEvent& event, mqtt::ReasonCode reason,
                         std::string_view why) {
  context_.metrics.publishes_refused.add();
  spdlog::info("client {}: PUBLISH to \"{}\" refused: {}", connection.session->client_id, event.packet.topic, why);
  Operation operation;
  operation.slot = event.slot;
  operation.qos = event.packet.qos;
  operation.packet_id = event.packet.packet_id;
  answer(connection, operation, reason, why);
}

// 3.1.1 leaves the choice between an acknowledgement that promises nothing and the end of the connection
// [MQTT311-3.3.5-2]; here an acknowledgement is a promise. At QoS 0 nothing was asked, so nothing is answered.
void PublishPath::refuse_unauthorized(Connection& connection, const mqtt::PublishEvent& event) {
  context_.metrics.publishes_not_authorized.add();
  constexpr std::string_view why = "the client has no right to publish to this topic";
  if (event.packet.qos != mqtt::QoS::at_most_once) {
    return refuse(connection, event, mqtt::ReasonCode::not_authorized, why);
  }
  context_.metrics.publishes_refused.add();
  if (std::exchange(connection.refusal_told, true)) return;  // it may try a thousand times a second
  spdlog::info("client {}: PUBLISH to \"{}\" dropped: {}", connection.session->client_id, event.packet.topic, why);
}

bool PublishPath::is_repeated_qos2(Connection& connection, const mqtt::PublishEvent& event) {
  Session& session = *connection.session;
  const auto known = session.qos2.received.find(event.packet.packet_id);
  if (known == session.qos2.received.end()) return false;
  if ((known->second.restored || known->second.lacks_copy) && event.packet.dup == mqtt::Dup::no) {
    // The client has finished that handshake, or given it up, only we do not know: this is another message
    // (reliability.md §6.2).
    spdlog::info("client {}: packet id {} was not released and is used for a new message", session.client_id,
                 event.packet.packet_id.value());
    session.qos2.received.erase(known);
    return false;
  }
  if (known->second.digest && !is_same_message(session, event.packet, *known->second.digest)) {
    spdlog::info("client {}: packet id {} was that of a refused message and is used for a new one", session.client_id,
                 event.packet.packet_id.value());
    session.qos2.received.erase(known);
    return false;
  }
  Operation operation;
  operation.kind = Operation::Kind::publish;
  operation.connection = connection.id;
  operation.slot = event.slot;
  operation.session_epoch = session.epoch;
  operation.qos = mqtt::QoS::exactly_once;
  operation.packet_id = event.packet.packet_id;
  operation.qos2_sequence = known->second.sequence;
  const mqtt::Publish& packet = event.packet;
  if (known->second.lacks_copy && packet.retain == mqtt::Retain::yes &&
      session.rights.may(identity::Action::publish, packet.topic)) {
    // The record is in its log. Its retained copy, in another one, could not be written, or nobody knows.
    Message message = message_of(session, packet);
    operation.is_retained_copy = true;
    const Ticket ticket = operations_.begin(std::move(operation));
    operations_.at(ticket).waiting_for = 1;
    append_retained(session, message, context_.router.route(packet.topic, session.client_id, packet.properties),
                    ticket);
    return true;
  }
  if (known->second.committed) {
    answer(connection, operation, mqtt::ReasonCode::success);  // no second record [MQTT-4.3.3-10]
    return true;
  }
  // Its record is on the way: this PUBREC waits for the next write to the journal, which is behind it in the queue.
  wait_for_first_copy(session, std::move(operation));
  return true;
}

bool PublishPath::is_same_message(const Session& session, const mqtt::Publish& packet, std::uint64_t digest) {
  const Message message = message_of(session, packet);
  const Destination destination = context_.router.route(packet.topic, session.client_id, packet.properties);
  return digest_of(encoder_.encode(message, destination.headers)) == digest;
}

void PublishPath::on_pubrel(Connection& connection, const mqtt::PubrelEvent& event) {
  Session& session = *connection.session;
  const auto known = session.qos2.received.find(event.packet.packet_id);
  if (known == session.qos2.received.end() || !known->second.committed) {
    connection.mqtt.answer(event.slot,
                           mqtt::Pubcomp{{event.packet.packet_id, mqtt::ReasonCode::packet_identifier_not_found, {}}});
    context_.touch(connection);
    return;
  }
  session.qos2.received.erase(known);  // whether it has expired or not [MQTT-4.3.3-12] [MQTT-4.3.3-13]
  Operation operation;
  operation.kind = Operation::Kind::release;
  operation.connection = connection.id;
  operation.slot = event.slot;
  operation.session_epoch = session.epoch;
  operation.packet_id = event.packet.packet_id;
  if (!session.persistent()) return on_released(operation, &connection);
  // Durable before PUBCOMP: else the id, used again, would be taken for the old message after a crash.
  const Ticket ticket = operations_.begin(std::move(operation));
  operations_.at(ticket).waiting_for = 1;
  journal_.write_qos2(session, ticket);
}

void PublishPath::on_released(Operation& operation, Connection* connection) {
  if (connection == nullptr) return;
  if (operation.error) {
    connection->mqtt.close(mqtt::ReasonCode::implementation_specific_error, operation.error->message);
  } else {
    connection->mqtt.answer(operation.slot, mqtt::Pubcomp{{operation.packet_id, mqtt::ReasonCode::success, {}}});
  }
  context_.touch(*connection);
}

// The first copy of a PUBLISH decides what is known of its id. What waited for it, or writes its retained copy,
// follows.
PublishPath::Settled PublishPath::settle_qos2(Session& session, Operation& operation) {
  const auto fail = [&operation](std::string_view why) {
    if (operation.error) return;
    operation.error =
        std::make_unique<storage::Error>(storage::Error{storage::Errc::io_error, std::string(why), 0, std::nullopt});
  };
  const auto found = session.qos2.received.find(operation.packet_id);
  if (found == session.qos2.received.end() || found->second.sequence != operation.qos2_sequence) {
    fail("the first copy of this message could not be stored");
    return Settled::yes;
  }
  Qos2Inbound::Entry& entry = found->second;
  if (operation.log_partition != nullptr) {
    if (operation.error && operation.offset < 0) {
      session.qos2.refuse(found, context_.settings->connection.receive_maximum);  // [MQTT-4.3.3-9]
      return Settled::yes;
    }
    session.qos2.commit(operation.packet_id, entry);
    entry.lacks_copy = operation.error != nullptr;
    session.qos2_dirty = session.dirty = context_.checkpoint_wanted = true;
  } else if (operation.is_retained_copy) {
    entry.lacks_copy = operation.error != nullptr;
  } else if (!entry.committed) {
    wait_for_first_copy(session, std::move(operation));  // rolls have put its record off, behind the journal's
    return Settled::not_yet;
  } else if (entry.lacks_copy) {
    fail("its retained copy could not be stored");
  } else {
    operation.error.reset();  // of the journal: nothing but the time of this answer hung on it
  }
  return Settled::yes;
}

void PublishPath::wait_for_first_copy(Session& session, Operation operation) {
  const Ticket ticket = operations_.begin(std::move(operation));
  operations_.at(ticket).waiting_for = 1;
  journal_.write_qos2(session, ticket);
}

bool PublishPath::is_half_stored(const Session& session, const Operation& operation) {
  if (operation.qos != mqtt::QoS::exactly_once) return false;
  const auto entry = session.qos2.received.find(operation.packet_id);
  return entry != session.qos2.received.end() && entry->second.sequence == operation.qos2_sequence &&
         entry->second.lacks_copy;
}

void PublishPath::on_published(Operation& operation, Connection* connection, Session* session) {
  if (operation.qos == mqtt::QoS::exactly_once && session != nullptr &&
      settle_qos2(*session, operation) == Settled::not_yet) {
    return;
  }
  if (operation.history_number && session != nullptr) {
    if (operation.error) {
      session->published.on_failed(*operation.history_number);
    } else {
      session->published.on_stored(*operation.history_number, operation.offset);
    }
  }
  if (operation.error) context_.metrics.publishes_refused.add();  // whether its client is there to hear it or not
  if (operation.qos == mqtt::QoS::at_most_once || connection == nullptr) return;
  if (!operation.error) {
    context_.metrics.publishes_acknowledged.add();
    return answer(*connection, operation, mqtt::ReasonCode::success);
  }
  spdlog::error("client {}: PUBLISH with packet id {} could not be stored: {}",
                session != nullptr ? session->client_id : "?", operation.packet_id.value(), operation.error->message);
  const mqtt::ReasonCode reason = publish_reason(operation.error->code);
  if (session != nullptr && is_half_stored(*session, operation)) {
    // PUBREC could say neither yes nor no. What comes again on the next connection writes the copy alone.
    connection->mqtt.close(reason, "the message is stored and could not be retained: send it again");
    return context_.touch(*connection);
  }
  answer(*connection, operation, reason, "the message could not be stored");
}

void PublishPath::answer(Connection& connection, const Operation& operation, mqtt::ReasonCode reason,
                         std::string_view why) {
  context_.touch(connection);
  if (operation.qos == mqtt::QoS::at_most_once) {
    connection.mqtt.close(reason, "PUBLISH refused: " + std::string(why));  // there is no other way to say it
    return;
  }
  mqtt::Ack ack{operation.packet_id, reason, {}};
  if (!why.empty()) ack.properties.reason_string = why;
  std::string partition_text, offset_text, timestamp_text;
  const bool receipt = operation.offset >= 0 && !mqtt::is_error(reason) &&
                       context_.settings->receipts == Receipts::on &&
                       connection.mqtt.version() == mqtt::ProtocolVersion::v5;
  if (receipt) {
    partition_text = std::to_string(operation.log_partition->number());
    offset_text = std::to_string(operation.offset);
    timestamp_text = std::to_string(operation.timestamp);
    ack.properties.user_properties = {{"log", operation.log_partition->log_name()},
                                      {"partition", partition_text},
                                      {"offset", offset_text},
                                      {"ts", timestamp_text}};
  }
  if (operation.qos == mqtt::QoS::at_least_once) {
    connection.mqtt.answer(operation.slot, mqtt::Puback{ack});
  } else {
    connection.mqtt.answer(operation.slot, mqtt::Pubrec{ack});
  }
}

void PublishPath::publish_will(Session& session) {
  const StoredWill will = std::move(*session.will);
  session.will.reset();
  session.will_due.reset();
  session.will_has_turn = false;
  if (!session.rights.may(identity::Action::publish, will.topic)) {  // it was when it connected; it may not be now
    context_.metrics.publishes_not_authorized.add();
    spdlog::info("client {}: its Will for \"{}\" is not published: it has no right to publish there any more",
                 session.client_id, will.topic);
    if (session.will_journaled) journal_.write_will(session);
    return;
  }
  Message message;
  message.topic = will.topic;
  message.payload = will.payload;
  message.qos = will.qos;
  message.retain = will.retain;  // [MQTT-3.1.2-14] [MQTT-3.1.2-15]
  message.client_id = session.client_id;
  if (will.number != 0) message.will = WillMark{session.epoch, will.number};
  message.timestamp = context_.now.wall_ms;
  message.properties.payload_format_indicator = will.payload_format;
  message.properties.message_expiry_interval = will.expiry_s;
  message.properties.content_type = will.content_type;
  message.properties.response_topic = will.response_topic;
  if (will.correlation_data) message.properties.correlation_data = *will.correlation_data;
  for (const auto& [name, value] : will.user_properties) message.properties.user_properties.push_back({name, value});
  if (will.retain == mqtt::Retain::yes && !will.payload.empty()) {
    if (const auto over = over_retained_limit(session, will.topic, will.payload.size())) {
      context_.metrics.reached(over->limit);
      spdlog::warn("client {}: its Will is published without being retained: {}", session.client_id, over->why);
      message.retain = mqtt::Retain::no;
    }
  }
  append(session, message, context_.router.route(will.topic, session.client_id, message.properties), Ticket());
  if (session.will_journaled) journal_.write_will(session);  // behind it: in between the record says it
  context_.metrics.wills_published.add();
}

}  // namespace bitacora::bridge
