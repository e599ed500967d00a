// SCRAM-SHA-256 against the example of RFC 7677, and against every way to get it wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "identity/scram.h"

namespace bitacora::identity {
namespace {

using testing::HasSubstr;

// RFC 7677, section 3: user "user", password "pencil".
const Bytes rfc_salt = from_hex("5b6d99689d12358eeca04b141236fa81");
constexpr std::string_view client_first = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
constexpr std::string_view server_nonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
constexpr std::string_view server_first =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
constexpr std::string_view client_final =
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
constexpr std::string_view server_final = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

std::string verifier_of(const std::string& user) {
  if (user != "user") return {};
  return format_scram_verifier(make_scram_verifier("pencil", rfc_salt, 4096));
}

TEST(Scram, IsTheExampleOfTheRfc) {
  ScramServer server("secret");
  const auto challenge = server.begin(client_first, server_nonce, verifier_of);
  EXPECT_FALSE(challenge.refused) << challenge.why;
  EXPECT_EQ(challenge.message, server_first);
  EXPECT_EQ(server.user(), "user");
  const auto end = server.finish(client_final);
  EXPECT_FALSE(end.refused) << end.why;
  EXPECT_EQ(end.message, server_final);
}

TEST(Scram, AVerifierIsReadBackAsItWasWritten) {
  const ScramVerifier verifier = make_scram_verifier("pencil", rfc_salt, 4096);
  EXPECT_EQ(parse_scram_verifier(format_scram_verifier(verifier)), verifier);
  const std::string text = format_scram_verifier(verifier);
  for (std::size_t size = 0; size < text.size(); ++size) {
    EXPECT_EQ(parse_scram_verifier(text.substr(0, size)), std::nullopt) << size;
  }
  EXPECT_EQ(parse_scram_verifier("SCRAM-SHA-256$1:" + text.substr(text.find(':') + 1)), std::nullopt) << "1 iteration";
}

TEST(Scram, AnotherProofNonceOrBindingIsRefused) {
  const auto answer_to = [](std::string last) {
    ScramServer server("secret");
    EXPECT_FALSE(server.begin(client_first, server_nonce, verifier_of).refused);
    return server.finish(last);
  };
  std::string last(client_final);
  for (const std::size_t at : {last.find("p=") + 2, last.find("r=") + 2, last.find("c=") + 2}) {
    std::string changed = last;
    changed[at] = changed[at] == 'A' ? 'B' : 'A';
    EXPECT_TRUE(answer_to(changed).refused) << changed;
  }
  for (std::size_t size = 0; size < last.size(); ++size) EXPECT_TRUE(answer_to(last.substr(0, size)).refused) << size;
}

TEST(Scram, AFirstMessageThatIsNotSoundIsRefused) {
  for (const std::string_view first : {"", "n", "n,", "n,,", "n,,n=user", "n,,n=,r=abc", "n,,r=abc,n=user",
                                       "n,,n=us=er,r=abc", "n,,n=user,r=", "p=tls-unique,,n=user,r=abc",
                                       "n,a=other,n=user,r=abc", "n,,m=x,n=user,r=abc", "x,,n=user,r=abc"}) {
    ScramServer server("secret");
    EXPECT_TRUE(server.begin(first, server_nonce, verifier_of).refused) << first;
  }
}

TEST(Scram, NamesMayHoldCommasAndEqualsSigns) {
  ScramServer server("secret");
  EXPECT_FALSE(server.begin("n,,n=a=2Cb=3Dc,r=abc", server_nonce, verifier_of).refused);
  EXPECT_EQ(server.user(), "a,b=c");
}

// CVE-2021-38153 and its like: who exists must not be told by how they are asked.
TEST(Scram, AUserThatDoesNotExistIsAskedLikeOneThatDoesAndAlwaysTheSame) {
  const auto challenge_of = [](const std::string& secret, const std::string& user) {
    ScramServer server(secret);
    const auto challenge = server.begin("n,,n=" + user + ",r=abc", "xyz", [](const std::string&) { return ""; });
    EXPECT_FALSE(challenge.refused);
    EXPECT_TRUE(server.finish("c=biws,r=abcxyz,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=").refused);
    return challenge.message;
  };
  EXPECT_THAT(challenge_of("secret", "nobody"), HasSubstr(",i=600000"));
  EXPECT_EQ(challenge_of("secret", "nobody"), challenge_of("secret", "nobody"));
  EXPECT_NE(challenge_of("secret", "nobody"), challenge_of("secret", "somebody"));
  EXPECT_NE(challenge_of("secret", "nobody"), challenge_of("another", "nobody"));
}

}  // namespace
}  // namespace bitacora::identity
