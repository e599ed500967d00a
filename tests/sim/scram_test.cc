// Enhanced authentication (MQTT 5.0, section 4.12) with SCRAM-SHA-256, through the whole of a broker. The client's side
// is computed here, from RFC 5802.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "identity/scram.h"
#include "sim/broker_world.h"
#include "sim/client.h"

namespace bitacora::sim {
namespace {

using mqtt::CleanStart;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;
using R = mqtt::ReasonCode;
using V = mqtt::ProtocolVersion;

std::string base64(std::string_view bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

std::string hmac(std::string_view key, std::string_view text) {
  std::string mac(32, '\0');
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()),
       text.size(), reinterpret_cast<unsigned char*>(mac.data()), nullptr);
  return mac;
}

constexpr std::string_view first_bare = "n=ann,r=client-nonce";
constexpr std::uint32_t iterations = 4096;
const std::string salt = "sixteen bytes...";

// The client's last message for a challenge.
std::string proof(const std::string& challenge, const std::string& password, std::string_view bare = first_bare) {
  std::string salted(32, '\0'), stored(32, '\0');
  PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()),
                    reinterpret_cast<const unsigned char*>(salt.data()), static_cast<int>(salt.size()),
                    static_cast<int>(iterations), EVP_sha256(), 32, reinterpret_cast<unsigned char*>(salted.data()));
  std::string key = hmac(salted, "Client Key");
  EVP_Digest(key.data(), key.size(), reinterpret_cast<unsigned char*>(stored.data()), nullptr, EVP_sha256(), nullptr);
  const std::string without_proof = "c=biws," + challenge.substr(0, challenge.find(','));
  const std::string signature = hmac(stored, std::string(bare) + ',' + challenge + ',' + without_proof);
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<char>(key[i] ^ signature[i]);
  return without_proof + ",p=" + base64(key);
}

class Scram : public testing::Test {
 protected:
  Scram() {
    settings.access.names = bridge::NameChecks::asked;
    settings.access.anonymous = bridge::Anonymous::refused;
    settings.access.secret = "of this process";
    const auto verifier = [](std::string_view password) {
      return identity::format_scram_verifier(identity::make_scram_verifier(password, as_bytes(salt), iterations));
    };
    settings.access.users = {{"ann", {1, verifier("pencil")}}, {"bob", {2, verifier("pencil")}}};
    world.start();
    world.reload(settings);
    ann.authentication_method = identity::scram_method;
    ann.authentication_data = "n,," + std::string(first_bare);
  }
  void begin() {
    ann.challenges.clear();
    ann.connect();
    world.run();
  }
  void answer(std::string data, R reason = R::continue_authentication,
              std::string_view method = identity::scram_method) {
    mqtt::Auth auth{reason, {}};
    auth.properties.authentication_method = method;
    auth.properties.authentication_data = as_bytes(data);
    ann.send(auth);
    world.run();
  }
  void log_in() {
    begin();
    ASSERT_THAT(ann.challenges, SizeIs(1));
    answer(proof(ann.challenges[0].data, "pencil"));
    ASSERT_TRUE(ann.connack && ann.connack->reason == R::success);
  }

  bridge::BrokerSettings settings;
  BrokerWorld world;
  Client ann{world, "c", V::v5};
};

// [MQTT-4.12.0-2] [MQTT-4.12.0-5]
TEST_F(Scram, TheClientProvesItsPasswordAndTheServerThatItKnowsTheClient) {
  begin();
  ASSERT_THAT(ann.challenges, SizeIs(1));
  EXPECT_EQ(ann.challenges[0].reason, R::continue_authentication);
  EXPECT_THAT(ann.challenges[0].data, StartsWith("r=client-nonce"));
  EXPECT_FALSE(ann.connack.has_value());
  answer(proof(ann.challenges[0].data, "pencil"));
  ASSERT_TRUE(ann.connack.has_value());
  EXPECT_EQ(ann.connack->reason, R::success);
  ASSERT_THAT(ann.challenges, SizeIs(2));
  EXPECT_THAT(ann.challenges[1].data, StartsWith("v="));
  for (const Client::Challenge& challenge : ann.challenges) EXPECT_EQ(challenge.method, identity::scram_method);
}

TEST_F(Scram, ItsUserHasItsRights) {
  settings.access.rules = {{identity::Audience::user, "ann", identity::Effect::allow, identity::all_actions, "a"}};
  settings.access.otherwise = identity::Effect::deny;
  world.reload(settings);
  log_in();
  const auto yes = ann.publish("a", "x"), no = ann.publish("b", "x");
  world.run();
  EXPECT_TRUE(ann.acknowledged.contains(yes));
  EXPECT_EQ(ann.refused.at(no), R::not_authorized);
}

// [MQTT-3.1.4-2] [MQTT-4.12.0-4]
TEST_F(Scram, AWrongPasswordIsRefused) {
  begin();
  answer(proof(ann.challenges[0].data, "pencils"));
  EXPECT_EQ(ann.connack->reason, R::not_authorized);
  EXPECT_FALSE(ann.connected());
}

// Else it would be the way to guess passwords fast.
TEST_F(Scram, AWrongProofIsCountedWhereWrongPasswordsAreAndRefusedWhenThatWasDone) {
  std::vector<identity::Credentials> asked;
  world.judge = [&](const identity::Credentials& credentials) {
    asked.push_back(credentials);
    return identity::Verdict{};
  };
  world.hold_verdicts = true;
  begin();
  answer(proof(ann.challenges[0].data, "guess"));
  EXPECT_FALSE(ann.connack.has_value());
  world.hold_verdicts = false;
  world.run();
  ASSERT_TRUE(ann.connack.has_value());
  EXPECT_EQ(ann.connack->reason, R::not_authorized);
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_EQ(asked[0].user_name, "ann");
  EXPECT_FALSE(asked[0].disproved.empty());
  EXPECT_TRUE(asked[0].password.empty());
}

TEST_F(Scram, AProofDoesNotServeTwice) {
  begin();
  const std::string used = proof(ann.challenges[0].data, "pencil");
  answer(used);
  ASSERT_EQ(ann.connack->reason, R::success);
  begin();
  answer(used);
  EXPECT_EQ(ann.connack->reason, R::not_authorized);
}

// [MQTT-4.12.0-1]
TEST_F(Scram, AnUnknownMethodIsRefused) {
  ann.authentication_method = "GS2-KRB5";
  begin();
  EXPECT_EQ(ann.connack->reason, R::bad_authentication_method);
  ann.authentication_method = identity::scram_method;
  for (auto& [name, user] : settings.access.users) user.scram.clear();
  world.reload(settings);
  begin();
  EXPECT_EQ(ann.connack->reason, R::bad_authentication_method) << "nobody here can use it";
}

TEST_F(Scram, SilenceAfterTheChallengeEndsInARefusal) {
  begin();
  world.advance(settings.connection.connect_timeout);
  world.run();
  EXPECT_FALSE(ann.connected());
  EXPECT_EQ(ann.connack->reason, R::not_authorized);
}

TEST_F(Scram, APublishInsteadOfTheProofIsAProtocolError) {
  begin();
  ann.publish("a", "x");
  world.run();
  EXPECT_FALSE(ann.connected());
  EXPECT_EQ(ann.connack->reason, R::protocol_error);
  EXPECT_THAT(world.records(), IsEmpty());
}

TEST_F(Scram, AuthOutOfPlaceIsAProtocolError) {
  log_in();
  answer("c=biws");
  EXPECT_EQ(ann.disconnect_reason, R::protocol_error);
  log_in();
  answer("n,,n=ann,r=x", R::reauthenticate, "PLAIN");
  EXPECT_EQ(ann.disconnect_reason, R::protocol_error) << "another method";
  log_in();
  answer("n,," + std::string(first_bare), R::reauthenticate);
  answer("n,," + std::string(first_bare), R::reauthenticate);
  EXPECT_EQ(ann.disconnect_reason, R::protocol_error) << "twice at once";
}

TEST_F(Scram, TheClientMayProveItselfAgainAndGoesOnMeanwhile) {
  log_in();
  ann.challenges.clear();
  answer("n,," + std::string(first_bare), R::reauthenticate);
  ASSERT_THAT(ann.challenges, SizeIs(1));
  const auto id = ann.publish("a", "meanwhile");
  world.run();
  EXPECT_TRUE(ann.acknowledged.contains(id));
  answer(proof(ann.challenges[0].data, "pencil"));
  ASSERT_THAT(ann.challenges, SizeIs(2));
  EXPECT_EQ(ann.challenges[1].reason, R::success);
  EXPECT_THAT(ann.challenges[1].data, StartsWith("v="));
  EXPECT_TRUE(ann.connected());
}

// [MQTT-4.12.1-2]
TEST_F(Scram, ProvingAgainWithAWrongPasswordDisconnects) {
  log_in();
  ann.challenges.clear();
  answer("n,," + std::string(first_bare), R::reauthenticate);
  answer(proof(ann.challenges[0].data, "wrong"));
  EXPECT_EQ(ann.disconnect_reason, R::not_authorized);
  EXPECT_FALSE(ann.connected());
}

TEST_F(Scram, ProvingAgainDoesNotMakeAnotherUser) {
  log_in();
  ann.challenges.clear();
  answer("n,,n=bob,r=client-nonce", R::reauthenticate);
  ASSERT_THAT(ann.challenges, SizeIs(1));
  answer(proof(ann.challenges[0].data, "pencil", "n=bob,r=client-nonce"));
  EXPECT_EQ(ann.disconnect_reason, R::not_authorized);
}

TEST_F(Scram, NoncesDoNotComeAgain) {
  begin();
  const std::string first = ann.challenges[0].data;
  begin();
  EXPECT_NE(ann.challenges[0].data, first);
  world.kill();
  world.start();
  settings.access.secret = "of the next process";
  world.reload(settings);
  begin();
  EXPECT_NE(ann.challenges[0].data, first);
}

}  // namespace
}  // namespace bitacora::sim
