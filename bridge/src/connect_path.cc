#include "connect_path.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "base/assert.h"
#include "base/endian.h"
#include "bridge/error_map.h"

namespace bitacora::bridge {
namespace {

StoredWill stored(const mqtt::Will& will) {
  StoredWill kept;
  kept.topic = will.topic;
  kept.payload.assign(will.payload.begin(), will.payload.end());
  kept.qos = will.qos;
  kept.retain = will.retain;
  const mqtt::Properties& properties = will.properties;
  kept.delay_s = properties.will_delay_interval.value_or(0);
  kept.payload_format = properties.payload_format_indicator;
  kept.expiry_s = properties.message_expiry_interval;
  if (properties.content_type) kept.content_type = std::string(*properties.content_type);
  if (properties.response_topic) kept.response_topic = std::string(*properties.response_topic);
  if (properties.correlation_data) {
    kept.correlation_data = Bytes(properties.correlation_data->begin(), properties.correlation_data->end());
  }
  for (const auto& [name, value] : properties.user_properties) kept.user_properties.emplace_back(name, value);
  return kept;
}

// How long the session is to outlive its connection, in seconds.
std::uint32_t requested_expiry(const mqtt::Connect& packet) {
  if (packet.version == mqtt::ProtocolVersion::v5) return packet.properties.session_expiry_interval.value_or(0);
  return packet.clean_start == mqtt::CleanStart::yes ? 0 : never_expires;
}

}  // namespace

// --- CONNECT ---

void ConnectPath::on_connect(Connection& connection, const mqtt::ConnectEvent& event) {
  const mqtt::Connect& packet = event.packet;
  if (context_.shutting_down) {
    const bool elsewhere = !context_.settings->server_reference.empty();
    return refuse(connection, event,
                  elsewhere ? mqtt::ReasonCode::use_another_server : mqtt::ReasonCode::server_unavailable,
                  "the server is shutting down");
  }
  Operation operation;
  operation.kind = Operation::Kind::connect;
  operation.connection = connection.id;
  operation.slot = event.slot;
  std::string client_id(packet.client_id);
  if (client_id.empty()) client_id = operation.assigned_client_id = assign_client_id();  // [MQTT-3.1.3-6]
  Rights rights(context_.settings->access, connection.principal, client_id);
  if (packet.will && refuses_will(connection, event, rights)) return;
  Session* session = sessions_.find(client_id);  // [MQTT-3.1.3-2]
  if (session != nullptr && !session->principal.anonymous() && session->principal.user != connection.principal.user) {
    return refuse(connection, event, mqtt::ReasonCode::client_identifier_not_valid,
                  "the client id is that of another user's session");
  }
  if (!may_take_over(client_id)) {
    return refuse(connection, event, mqtt::ReasonCode::connection_rate_exceeded,
                  "connections with this client id take each other's place too often");
  }
  if (session != nullptr && session->owner != nullptr) {
    const std::uint64_t epoch = session->epoch;
    take_over(*session);
    session = sessions_.find_epoch(epoch);  // it may have ended with its connection
  }
  if (session != nullptr && session->will_has_turn) publishing_.publish_will(*session);  // its turn is now
  bool journal_matters = session != nullptr && session->journaled;
  // One that is not persistent has ended, and was here for its Will's sake.
  const bool discarded = packet.clean_start == mqtt::CleanStart::yes || (session != nullptr && !session->persistent());
  if (session != nullptr && discarded) {  // [MQTT-3.1.2-4] [MQTT-3.1.4-4]
    end_session(*session);
    session = nullptr;
  }
  // Resumed [MQTT-3.1.2-5], or a new one [MQTT-3.1.2-6].
  operation.session_present = session != nullptr ? mqtt::SessionPresent::yes : mqtt::SessionPresent::no;
  if (session == nullptr) session = &begin_session(client_id);

  session->owner = &connection;
  session->published.begin_connection();
  connection.session = session;
  session->principal = connection.principal;
  session->rights = std::move(rights);
  if (!session->subscriptions.empty()) delivery_.forget_matches();
  session->version = packet.version;
  session->expiry_s = allowed_expiry(requested_expiry(packet));
  session->disconnected_at = 0;
  session->expires_at.reset();
  session->will_due.reset();  // [MQTT-3.1.3-9]
  session->will.reset();
  if (packet.will) {
    session->will = stored(*packet.will);
    session->will->number = ++session->last_will;
  }
  operation.wants_response_information = packet.properties.request_response_information == 1;
  operation.session_epoch = session->epoch;
  journal_matters |= session->persistent() || session->will;
  if (!journal_matters) return on_settled(operation, connection, session);
  store(*session, std::move(operation));
}

void ConnectPath::store(Session& session, Operation operation) {
  operation.waiting_for = 1;
  const Ticket ticket = operations_.begin(std::move(operation));
  if (session.persistent() || session.will) operations_.at(ticket).waiting_for += mark_.ensure(ticket);
  if (session.persistent()) {
    journal_.write_will(session);  // before the session: it is durable with CONNACK [MQTT-3.1.2-7]
    journal_.write_back(session);
    journal_.write_session(session, ticket);
  } else if (session.will) {  // nothing but the Will, for a start that finds its client gone [MQTT-3.1.2-7]
    journal_.write_will(session);
    journal_.write_session(session, ticket);
  } else {
    journal_.remove_session(session, ticket);
  }
}

void ConnectPath::refuse(Connection& connection, const mqtt::ConnectEvent& event, mqtt::ReasonCode reason,
                         std::string_view why) {
  context_.metrics.connects_refused.add();
  spdlog::info("{}: CONNECT of client \"{}\" refused: {}", connection.origin.peer, event.packet.client_id, why);
  mqtt::Connack connack{mqtt::SessionPresent::no, reason, {}};
  connack.properties.reason_string = why;
  if (reason == mqtt::ReasonCode::use_another_server) {
    connack.properties.server_reference = context_.settings->server_reference;
  }
  connection.mqtt.connack(event.slot, connack, context_.now);
  context_.touch(connection);
}

std::string ConnectPath::response_information_of(std::string_view client_id) const {
  std::string text = context_.settings->response_information;
  for (std::size_t at = 0; (at = text.find("%c", at)) != std::string::npos; at += client_id.size()) {
    text.replace(at, 2, client_id);
  }
  return text;
}

std::uint32_t ConnectPath::allowed_expiry(std::uint32_t requested) const {
  const auto limit = context_.settings->sessions.max_expiry.count();
  return limit >= std::int64_t{requested} ? requested : static_cast<std::uint32_t>(limit);
}

std::string ConnectPath::assign_client_id() {
  while (true) {  // one that belongs here and is not taken [MQTT-3.2.2-16]
    std::string id = "auto-";
    for (int i = 0; i < 2; ++i) {
      Bytes bytes;
      append_be(bytes, static_cast<std::uint64_t>(random_()));
      id += to_hex(bytes);
    }
    if (shard_of(id, context_.shard_count) == context_.index && sessions_.find(id) == nullptr) return id;
  }
}

bool ConnectPath::refuses_will(Connection& connection, const mqtt::ConnectEvent& event, const Rights& rights) {
  const mqtt::Will& will = *event.packet.will;
  const SessionSettings& limits = context_.settings->sessions;
  const auto over = [&](Limit limit, std::string_view why) {
    context_.metrics.reached(limit);
    refuse(connection, event, mqtt::ReasonCode::quota_exceeded, why);
    return true;
  };
  if (will.topic.starts_with('$')) {
    refuse(connection, event, mqtt::ReasonCode::topic_name_invalid, "the Will's topic begins with $");
    return true;
  }
  if (will.payload.size() > limits.max_will_payload) return over(Limit::will_payload, "the Will is over the limit");
  const std::chrono::seconds delay(will.properties.will_delay_interval.value_or(0));
  if (delay > limits.max_will_delay) return over(Limit::will_delay, "the Will Delay Interval is over the limit");
  if (rights.may(identity::Action::publish, will.topic)) return false;
  context_.metrics.publishes_not_authorized.add();
  refuse(connection, event, mqtt::ReasonCode::not_authorized,
         "the client has no right to publish to the topic of its Will");
  return true;
}

bool ConnectPath::may_take_over(std::string_view client_id) {
  if (client_id.empty()) return true;
  const std::uint32_t limit = context_.settings->sessions.max_takeovers;
  Session* session = sessions_.find(client_id);
  const bool takes_over = session != nullptr && session->owner != nullptr;
  if (takes_over) takeovers_.count(client_id, context_.now.monotonic);
  if (!takeovers_.refuses(client_id, limit, context_.now.monotonic)) return true;
  context_.metrics.reached(Limit::takeovers);
  if (takes_over) take_over(*session, mqtt::ReasonCode::connection_rate_exceeded);
  return false;
}

void ConnectPath::take_over(Session& session, mqtt::ReasonCode reason) {
  context_.metrics.takeovers.add();
  Connection& old = *session.owner;
  spdlog::info("client {}: taken over by a new connection; {} is closed", session.client_id, old.origin.peer);
  old.mqtt.close(reason);  // [MQTT-3.1.4-3]
  on_closed(old, mqtt::ClosedEvent{mqtt::CloseCause::server, reason, "taken over", {}});
  context_.touch(old);
}

Session& ConnectPath::begin_session(std::string client_id) {
  auto session = std::make_unique<Session>();
  session->client_id = std::move(client_id);
  do {
    session->epoch = random_();
  } while (session->epoch == 0 || sessions_.find_epoch(session->epoch) != nullptr);
  auto feed = std::make_unique<Feed>();
  feed->session = session.get();
  feed->cursor = Cursor(delivery_.tail_positions());
  session->feeds.push_back(std::move(feed));
  context_.metrics.sessions.add();
  return sessions_.add(std::move(session));
}

void ConnectPath::on_settled(Operation& operation, Connection& connection, Session* session) {
  context_.touch(connection);
  if (connection.ended || session == nullptr) return;
  if (operation.error) {
    context_.metrics.connects_refused.add();
    spdlog::error("client {}: CONNECT failed, the session could not be stored: {}", session->client_id,
                  operation.error->message);
    connection.mqtt.connack(operation.slot,
                            mqtt::Connack{mqtt::SessionPresent::no, connect_reason(operation.error->code), {}},
                            context_.now);
    return;
  }
  // [MQTT-3.1.4-5] Every QoS and RETAIN are supported: there is nothing to say of it here and no Will to refuse for it
  // [MQTT-3.2.2-9] [MQTT-3.2.2-10] [MQTT-3.2.2-12] [MQTT-3.2.2-13].
  mqtt::Connack connack;
  connack.session_present = operation.session_present;  // [MQTT-3.2.2-2] [MQTT-3.2.2-3]
  if (session->version == mqtt::ProtocolVersion::v5) {
    connack.properties.session_expiry_interval = session->expiry_s;
    if (!operation.assigned_client_id.empty()) {
      connack.properties.assigned_client_identifier = operation.assigned_client_id;  // [MQTT-3.1.3-7]
    }
  }
  std::string response_information;
  if (operation.wants_response_information) {  // [MQTT-3.1.2-28]
    response_information = response_information_of(session->client_id);
    if (!response_information.empty()) connack.properties.response_information = response_information;
  }
  if (!connection.scram_final.empty()) {  // [MQTT-4.12.0-4]
    connack.properties.authentication_method = identity::scram_method;
    connack.properties.authentication_data = as_bytes(connection.scram_final);
  }
  connection.mqtt.connack(operation.slot, connack, context_.now);
  connection.scram_final.clear();
  context_.metrics.connects_accepted.add();
  context_.metrics.sessions_connected.add();
  session->connection = &connection;
  if (operation.session_present == mqtt::SessionPresent::yes &&
      context_.settings->sessions.queue_qos0 == QueueQos0::no) {
    session->ordinary_feed().skip_qos0_below = context_.tails;
  }
  delivery_.attach(*session);
  members_.attach(*session);
}

// --- the end of a connection ---

void ConnectPath::on_closed(Connection& connection, const mqtt::ClosedEvent& event) {
  if (connection.ended) return;
  connection.ended = true;
  context_.touch(connection);
  if (event.cause == mqtt::CloseCause::protocol_error) context_.metrics.protocol_errors.add();
  if (event.limit) context_.metrics.reached(limit_of(*event.limit));
  if (event.cause == mqtt::CloseCause::timeout) context_.metrics.timeouts.add();
  if (!event.message.empty()) {
    spdlog::info("{}{}{}: closed: {}", connection.origin.peer, connection.session != nullptr ? " client " : "",
                 connection.session != nullptr ? connection.session->client_id : "", event.message);
  }
  Session* session = connection.session;
  if (session == nullptr || session->owner != &connection) return;
  if (event.session_expiry_interval && session->expiry_s != 0) {
    session->expiry_s = allowed_expiry(*event.session_expiry_interval);
  }
  if (event.cause == mqtt::CloseCause::peer_disconnected && session->will) {  // [MQTT-3.1.2-10] [MQTT-3.14.4-3]
    session->will.reset();
    journal_.write_will(*session);
  }
  connection.session = nullptr;
  leave(*session);
}

void ConnectPath::leave(Session& session) {
  const bool was_attached = session.connection != nullptr;
  if (was_attached) {
    delivery_.detach(session);
    members_.detach(session);
    context_.metrics.sessions_connected.subtract();
  }
  session.owner = nullptr;
  session.connection = nullptr;
  if (session.will && (session.will->delay_s == 0 || !session.persistent())) publish_will_in_turn(session);
  if (!session.persistent()) {
    if (!session.will) return end_session(session);
    session.expires_at = session.will_due;
    return schedule(session);
  }

  // Kept until its expiry [MQTT-3.1.2-23] [MQTT-4.1.0-1].
  session.disconnected_at = context_.now.wall_ms;
  if (session.expiry_s != never_expires)
    session.expires_at = context_.now.monotonic + std::chrono::seconds(session.expiry_s);
  if (session.will && !session.will_has_turn) {
    session.will_due = context_.now.monotonic + std::chrono::seconds(session.will->delay_s);
  }
  schedule(session);
  journal_.write_session(session);
  journal_.write_left(session);
}

void ConnectPath::publish_will_in_turn(Session& session) {
  const std::uint32_t per_second =
      std::max(context_.settings->sessions.max_wills_per_second / context_.shard_count, std::uint32_t{1});
  const MonotonicTime now = context_.now.monotonic;
  const bool at_once = session.will_has_turn || context_.shutting_down;
  const MonotonicTime turn = at_once ? now : wills_.take_turn(now, per_second);
  if (turn <= now) return publishing_.publish_will(session);
  context_.metrics.reached(Limit::will_rate);
  session.will_due = turn;
  session.will_has_turn = true;
}

void ConnectPath::end_session(Session& session, Ticket ticket) {
  BITACORA_ASSERT(session.owner == nullptr);
  if (session.will) publishing_.publish_will(session);  // its session ends before its delay [MQTT-3.1.2-8]
  if (session.journaled) journal_.remove_session(session, ticket);
  delivery_.forget(session);
  members_.forget(session);
  sessions_.remove(session);
  context_.metrics.sessions.subtract();
}

// --- time ---

void ConnectPath::schedule(Session& session) {
  if (session.expires_at) due_.emplace(*session.expires_at, session.epoch);
  if (session.will_due) due_.emplace(*session.will_due, session.epoch);
}

void ConnectPath::on_time() {
  while (!due_.empty() && due_.begin()->first <= context_.now.monotonic) {
    Session* session = sessions_.find_epoch(due_.begin()->second);
    due_.erase(due_.begin());
    if (session == nullptr || session->owner != nullptr) continue;
    const bool expired = session->expires_at && *session->expires_at <= context_.now.monotonic;
    const bool will_due = session->will_due && *session->will_due <= context_.now.monotonic;
    if (!expired && !will_due) continue;
    if (session->will) publish_will_in_turn(*session);
    if (session->will) {  // it has got a turn, later
      if (expired) session->expires_at = session->will_due;
      schedule(*session);
    } else if (expired) {
      if (session->persistent()) context_.metrics.sessions_expired.add();
      end_session(*session);  // [MQTT-4.1.0-2]
    }
  }
}

std::optional<MonotonicTime> ConnectPath::next_deadline() const {
  if (due_.empty()) return std::nullopt;
  return due_.begin()->first;
}

void ConnectPath::restore(std::unique_ptr<Session> session) {
  Session& restored = sessions_.add(std::move(session));
  context_.metrics.sessions.add();
  if (restored.expiry_s != never_expires) {
    const std::int64_t gone_ms = std::max<std::int64_t>(context_.now.wall_ms - restored.disconnected_at, 0);
    const std::int64_t left_ms = std::max<std::int64_t>(std::int64_t{restored.expiry_s} * 1000 - gone_ms, 0);
    restored.expires_at = context_.now.monotonic + std::chrono::milliseconds(left_ms);
  }
  if (restored.will) {  // its connection ended with the process, or before
    const std::int64_t due_ms = restored.disconnected_at + std::int64_t{restored.will->delay_s} * 1000;
    restored.will_due =
        context_.now.monotonic + std::chrono::milliseconds(std::max<std::int64_t>(due_ms - context_.now.wall_ms, 0));
  }
  schedule(restored);
  for (const auto& [filter, subscription] : restored.subscriptions) delivery_.add(*subscription);
}

}  // namespace bitacora::bridge
