// Who a client is, between its CONNECT and its session. Three ways: nobody asks (anonymous, or a client certificate has
// said it), a name with a password or token that an Authenticator outside judges, and SCRAM, which is cheap enough to
// be done here. Meanwhile the connection waits, with a deadline, and what it sends is kept within its limit.
#pragma once

#include <functional>
#include <map>
#include <vector>

#include "connect_path.h"
#include "session.h"
#include "session_table.h"
#include "shard_context.h"

namespace bitacora::bridge {

class LoginPath {
 public:
  using FindConnection = std::function<Connection*(ConnectionId)>;

  LoginPath(ShardContext& context, SessionTable& sessions, Delivery& delivery, ConnectPath& connecting,
            FindConnection find)
      : context_(context), sessions_(sessions), delivery_(delivery), connecting_(connecting), find_(std::move(find)) {}

  void on_connect(Connection& connection, const mqtt::ConnectEvent& event);
  void on_verdict(Connection& connection, identity::Verdict verdict);
  void on_auth(Connection& connection, const mqtt::AuthEvent& event);
  [[nodiscard]] std::vector<Shard::LoginRequest> take_requests() { return std::exchange(requests_, {}); }

  // Who waits too long is told so, who was believed until now is not any more.
  void on_time();
  [[nodiscard]] std::optional<MonotonicTime> next_deadline() const;
  // New settings: every session's rights are made anew, and who would not be let in any more is disconnected.
  void on_settings();

 private:
  void ask(Connection& connection, const mqtt::ConnectEvent& event);
  void begin_scram(Connection& connection, const mqtt::ConnectEvent& event);
  void prove_again(Connection& connection, const mqtt::AuthEvent& event);
  void hold(Connection& connection, const mqtt::ConnectEvent& event);
  // Goes on with the CONNECT that was held.
  void go_on(Connection& connection, identity::Principal principal);
  void accept(Connection& connection, const mqtt::ConnectEvent& event, identity::Principal principal);
  void refuse(Connection& connection, mqtt::AnswerSlot slot, mqtt::ReasonCode reason, const std::string& why);
  // A SCRAM exchange has failed: its refusal takes the time that the Authenticator gives to wrong passwords.
  void disprove(Connection& connection, const std::string& why);
  // One step of SCRAM; false if it was refused, which `why` explains.
  [[nodiscard]] identity::ScramServer::Step first_step(Login& login, std::string_view client_first);
  [[nodiscard]] identity::Principal proved(const identity::ScramServer& scram) const;
  void send_challenge(Connection& connection, const std::string& message);

  ShardContext& context_;
  SessionTable& sessions_;
  Delivery& delivery_;
  ConnectPath& connecting_;
  FindConnection find_;
  std::vector<Shard::LoginRequest> requests_;
  std::multimap<MonotonicTime, ConnectionId> due_;  // logins and tokens that run out
  std::uint64_t nonces_ = 0;
};

}  // namespace bitacora::bridge
