// A broker with two users, ann and bob, whose password is their name backwards, and rules that a test may change.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "sim/broker_world.h"
#include "sim/client.h"

namespace bitacora::sim {

inline constexpr identity::Fingerprint first_password = 1, second_password = 2;

inline identity::Rule of_user(std::string name, std::string filter, identity::Actions actions = identity::all_actions,
                              identity::Effect effect = identity::Effect::allow) {
  return {identity::Audience::user, std::move(name), effect, actions, std::move(filter)};
}

class BrokerWithUsers : public testing::Test {
 protected:
  BrokerWithUsers() {
    world.judge = [](const identity::Credentials& credentials) {
      identity::Verdict verdict;
      verdict.principal.source = identity::Principal::Source::password;
      verdict.principal.user = credentials.user_name;
      verdict.principal.credential = first_password;
      const std::string& name = credentials.user_name;
      const bool known = name == "ann" || name == "bob";
      if (known && credentials.password == std::string(name.rbegin(), name.rend()))
        verdict.answer = identity::Verdict::Answer::accepted;
      return verdict;
    };
    settings.access.names = bridge::NameChecks::asked;
    settings.access.anonymous = bridge::Anonymous::refused;
    settings.access.users = {{"ann", {first_password}}, {"bob", {first_password}}};
    world.start();
    world.reload(settings);
  }

  void rules(std::vector<identity::Rule> all) {
    settings.access.rules = std::move(all);
    settings.access.otherwise = identity::Effect::deny;
    world.reload(settings);
    world.run();
  }
  void let_in_anonymous() {
    settings.access.anonymous = bridge::Anonymous::allowed;
    world.reload(settings);
  }
  // Connected as `user`, whose password is right.
  std::unique_ptr<Client> client(const std::string& client_id, const std::string& user,
                                 mqtt::ProtocolVersion version = mqtt::ProtocolVersion::v5,
                                 mqtt::CleanStart clean = mqtt::CleanStart::yes,
                                 std::optional<mqtt::Will> will = std::nullopt) {
    auto made = std::make_unique<Client>(world, client_id, version);
    log_in(*made, user, clean, will);
    EXPECT_TRUE(made->connack && made->connack->reason == mqtt::ReasonCode::success);
    return made;
  }
  void log_in(Client& client, const std::string& user, mqtt::CleanStart clean = mqtt::CleanStart::yes,
              std::optional<mqtt::Will> will = std::nullopt) {
    client.user_name = user;
    client.password = std::string(user.rbegin(), user.rend());
    client.connect(clean, std::move(will));
    world.run();
  }
  std::vector<mqtt::ReasonCode> subscribe(Client& client, std::string_view filter) {
    client.subscribe(filter);
    world.run();
    return client.suback;
  }
  std::vector<std::string> stored() {
    std::vector<std::string> values;
    for (const auto& record : world.records()) values.push_back(record.value);
    return values;
  }

  bridge::BrokerSettings settings;
  BrokerWorld world;
};

}  // namespace bitacora::sim
