#include "login_path.h"

#include <spdlog/spdlog.h>

#include "base/assert.h"

namespace bitacora::bridge {
namespace {

using identity::Principal;
using identity::Verdict;
using mqtt::ReasonCode;

constexpr std::string_view not_believed = "wrong user name or password";

mqtt::Properties scram_properties(std::string_view message) {
  mqtt::Properties properties;
  properties.authentication_method = identity::scram_method;
  properties.authentication_data = as_bytes(message);
  return properties;
}

}  // namespace

// --- CONNECT ---

void LoginPath::on_connect(Connection& connection, const mqtt::ConnectEvent& event) {
  const mqtt::Connect& packet = event.packet;
  const AccessSettings& access = context_.settings->access;
  if (packet.properties.authentication_method) return begin_scram(connection, event);
  if (connection.origin.certificate_user) {
    Principal principal;
    principal.source = Principal::Source::certificate;
    principal.user = *connection.origin.certificate_user;
    return accept(connection, event, std::move(principal));
  }
  const bool has_name = packet.user_name && !packet.user_name->empty();
  if (access.names == NameChecks::asked && (has_name || packet.password)) return ask(connection, event);
  if (access.lets_in_anonymous(connection.origin.anonymous)) return accept(connection, event, Principal{});
  refuse(connection, event.slot, ReasonCode::not_authorized,
         "a user name and a password are needed");  // [MQTT-3.1.4-2]
}

// The views of the event end with it; the verdict comes later.
void LoginPath::hold(Connection& connection, const mqtt::ConnectEvent& event) {
  connection.login = std::make_unique<Login>();
  mqtt::Connect kept = event.packet;
  if (kept.password) kept.password = ByteView();
  mqtt::encode(connection.login->connect, kept, kept.version);
  connection.login->slot = event.slot;
  connection.login->due = context_.now.monotonic + context_.settings->connection.connect_timeout;
  due_.emplace(connection.login->due, connection.id);
}

void LoginPath::ask(Connection& connection, const mqtt::ConnectEvent& event) {
  hold(connection, event);
  Shard::LoginRequest request{connection.id, {}};
  request.credentials.user_name = event.packet.user_name.value_or("");
  request.credentials.password = as_text(event.packet.password.value_or(ByteView()));
  request.credentials.peer = connection.origin.peer;
  requests_.push_back(std::move(request));
}

void LoginPath::on_verdict(Connection& connection, Verdict verdict) {
  if (connection.ended || !connection.login || connection.login->scram) return;  // it gave up, or we did
  const mqtt::AnswerSlot slot = connection.login->slot;
  if (const std::string why = connection.login->disproved; !why.empty()) {
    return refuse(connection, slot, ReasonCode::not_authorized, why);
  }
  switch (verdict.answer) {
    case Verdict::Answer::accepted: {
      // The settings may have changed while it was judged.
      if (!context_.settings->access.still_believes(verdict.principal, connection.origin.anonymous)) break;
      return go_on(connection, std::move(verdict.principal));
    }
    case Verdict::Answer::busy:
      return refuse(connection, slot, ReasonCode::server_busy, "too many clients log in at once; try again");
    case Verdict::Answer::refused: break;
  }
  if (!verdict.why.empty()) spdlog::info("{}: login refused: {}", connection.origin.peer, verdict.why);
  refuse(connection, slot, ReasonCode::bad_user_name_or_password, std::string(not_believed));
}

void LoginPath::go_on(Connection& connection, Principal principal) {
  const std::unique_ptr<Login> login = std::move(connection.login);
  mqtt::CodecLimits limits;
  limits.max_user_properties = limits.max_user_property_bytes = SIZE_MAX;  // it was within them when it came
  const auto packet = mqtt::decode(login->connect, mqtt::ProtocolVersion::v5, limits);
  BITACORA_ASSERT(packet.has_value());  // it is our own encoding
  accept(connection, {std::get<mqtt::Connect>(*packet), login->slot}, std::move(principal));
}

void LoginPath::accept(Connection& connection, const mqtt::ConnectEvent& event, Principal principal) {
  connection.principal = std::move(principal);
  if (connection.principal.valid_until) {
    const std::int64_t left_ms = std::max<std::int64_t>(*connection.principal.valid_until - context_.now.wall_ms, 0);
    due_.emplace(context_.now.monotonic + std::chrono::milliseconds(left_ms), connection.id);
  }
  connecting_.on_connect(connection, event);
}

void LoginPath::refuse(Connection& connection, mqtt::AnswerSlot slot, ReasonCode reason, const std::string& why) {
  connection.login.reset();
  context_.metrics.connects_refused.add();
  context_.metrics.logins_refused.add();
  spdlog::info("{}: CONNECT refused: {}", connection.origin.peer, why);
  mqtt::Connack connack{mqtt::SessionPresent::no, reason, {}};
  connack.properties.reason_string = why;
  connection.mqtt.connack(slot, connack, context_.now);
  context_.touch(connection);
}

// --- AUTH: SCRAM-SHA-256 [MQTT-4.12.0-2] [MQTT-4.12.0-4] [MQTT-4.12.0-5] ---

identity::ScramServer::Step LoginPath::first_step(Login& login, std::string_view client_first) {
  const AccessSettings& access = context_.settings->access;
  login.scram = std::make_unique<identity::ScramServer>(access.secret);
  const std::uint64_t number = std::uint64_t{context_.index.value()} << 48 | ++nonces_;
  return login.scram->begin(client_first, identity::make_scram_nonce(access.secret, number),
                            [&](const std::string& user) {
                              const auto known = access.users.find(user);
                              return known == access.users.end() ? std::string() : known->second.scram;
                            });
}

Principal LoginPath::proved(const identity::ScramServer& scram) const {
  const auto known = context_.settings->access.users.find(scram.user());
  Principal principal;
  principal.source = Principal::Source::password;
  principal.user = scram.user();
  if (known != context_.settings->access.users.end()) principal.credential = known->second.credential;
  return principal;
}

void LoginPath::begin_scram(Connection& connection, const mqtt::ConnectEvent& event) {
  const mqtt::Properties& properties = event.packet.properties;
  const AccessSettings& access = context_.settings->access;
  if (properties.authentication_method != identity::scram_method || !access.offers_scram()) {  // [MQTT-4.12.0-1]
    return refuse(connection, event.slot, ReasonCode::bad_authentication_method,
                  access.offers_scram() ? "the authentication method here is SCRAM-SHA-256"
                                        : "no authentication method is offered");
  }
  hold(connection, event);
  const auto step = first_step(*connection.login, as_text(properties.authentication_data.value_or(ByteView())));
  if (step.refused) return disprove(connection, step.why);
  send_challenge(connection, step.message);
}

void LoginPath::disprove(Connection& connection, const std::string& why) {
  Shard::LoginRequest request{connection.id, {}};
  request.credentials.user_name = connection.login->scram->user();
  request.credentials.peer = connection.origin.peer;
  request.credentials.disproved = connection.login->disproved = why;
  connection.login->scram.reset();
  requests_.push_back(std::move(request));
}

void LoginPath::send_challenge(Connection& connection, const std::string& message) {
  const mqtt::Auth auth{ReasonCode::continue_authentication, scram_properties(message)};
  if (!connection.mqtt.submit(auth)) {
    connection.mqtt.close(ReasonCode::packet_too_large, "AUTH does not fit the client's limit");
  }
  context_.touch(connection);
}

void LoginPath::on_auth(Connection& connection, const mqtt::AuthEvent& event) {
  if (event.packet.reason == ReasonCode::reauthenticate) return prove_again(connection, event);  // [MQTT-4.12.1-1]
  if (!connection.login || !connection.login->scram) {
    return connection.mqtt.close(ReasonCode::protocol_error, "AUTH without an exchange under way");
  }
  Login& login = *connection.login;
  const auto step = login.scram->finish(as_text(event.packet.properties.authentication_data.value_or(ByteView())));
  Principal principal = proved(*login.scram);
  const bool believed = !step.refused && context_.settings->access.still_believes(principal, {});
  const std::string why = step.refused ? step.why : "the user was removed meanwhile";
  if (connection.session == nullptr) {
    if (!believed) return disprove(connection, why);
    connection.scram_final = step.message;
    return go_on(connection, std::move(principal));
  }
  const bool same_user = principal.user == connection.session->principal.user;
  connection.login.reset();
  context_.touch(connection);
  if (!believed || !same_user) {
    context_.metrics.logins_refused.add();
    return connection.mqtt.close(ReasonCode::not_authorized, same_user ? why : "another user");  // [MQTT-4.12.1-2]
  }
  connection.session->principal = std::move(principal);
  (void)connection.mqtt.submit(mqtt::Auth{ReasonCode::success, scram_properties(step.message)});
}

void LoginPath::prove_again(Connection& connection, const mqtt::AuthEvent& event) {
  if (connection.login) return connection.mqtt.close(ReasonCode::protocol_error, "AUTH within an exchange of AUTH");
  connection.login = std::make_unique<Login>();
  connection.login->due = context_.now.monotonic + context_.settings->connection.connect_timeout;
  due_.emplace(connection.login->due, connection.id);
  const auto step =
      first_step(*connection.login, as_text(event.packet.properties.authentication_data.value_or(ByteView())));
  if (!step.refused) return send_challenge(connection, step.message);
  context_.metrics.logins_refused.add();
  connection.mqtt.close(ReasonCode::not_authorized, step.why);  // [MQTT-4.12.1-2]
  context_.touch(connection);
}

// --- time and settings ---

void LoginPath::on_time() {
  while (!due_.empty() && due_.begin()->first <= context_.now.monotonic) {
    Connection* connection = find_(due_.begin()->second);
    due_.erase(due_.begin());
    if (connection == nullptr || connection->ended) continue;
    const auto& valid_until = connection->principal.valid_until;
    if (connection->login && connection->login->due <= context_.now.monotonic) {
      context_.metrics.timeouts.add();
      if (connection->session == nullptr && !connection->login->scram) {
        refuse(*connection, connection->login->slot, ReasonCode::server_busy, "the login was not judged in time");
        continue;
      }
      connection->mqtt.close(ReasonCode::not_authorized, "no AUTH in time");
    } else if (valid_until && *valid_until <= context_.now.wall_ms) {
      connection->mqtt.close(ReasonCode::not_authorized, "the token has expired");
    }
    context_.touch(*connection);
  }
}

std::optional<MonotonicTime> LoginPath::next_deadline() const {
  if (due_.empty()) return std::nullopt;
  return due_.begin()->first;
}

void LoginPath::on_settings() {
  const AccessSettings& access = context_.settings->access;
  for (const auto& [client_id, session] : sessions_.all()) {
    session->rights = Rights(access, session->principal, client_id);
    if (session->owner == nullptr) continue;
    Connection& connection = *session->owner;
    if (access.still_believes(session->principal, connection.origin.anonymous)) continue;
    connection.mqtt.close(ReasonCode::not_authorized, "the user was removed or has another password");
    context_.touch(connection);
  }
  delivery_.forget_matches();
}

}  // namespace bitacora::bridge
