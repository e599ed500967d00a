// JSON Web Tokens: signed here with OpenSSL, one thing wrong at a time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>

#include "identity/jwt.h"

namespace bitacora::identity {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr Timestamp now_ms = 1'700'000'000'000;
const std::string secret = "a secret of more than thirty-two bytes";

std::string base64url(std::string_view bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  while (text.ends_with('=')) text.pop_back();
  for (char& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
  return text;
}

std::string hmac(std::string_view text, std::string_view key) {
  std::string mac(32, '\0');
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()),
       text.size(), reinterpret_cast<unsigned char*>(mac.data()), nullptr);
  return mac;
}

std::string hs256(const std::string& claims, const std::string& header = R"({"alg":"HS256","typ":"JWT"})",
                  std::string_view key = secret) {
  const std::string text = base64url(header) + '.' + base64url(claims);
  return text + '.' + base64url(hmac(text, key));
}

class KeyPair {
 public:
  explicit KeyPair(EVP_PKEY* key) : key_(key, EVP_PKEY_free) {}
  [[nodiscard]] std::string public_pem() const {
    const std::unique_ptr<BIO, decltype(&BIO_free_all)> bio(BIO_new(BIO_s_mem()), BIO_free_all);
    PEM_write_bio_PUBKEY(bio.get(), key_.get());
    char* text = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &text);
    return {text, static_cast<std::size_t>(size)};
  }
  [[nodiscard]] std::string sign(std::string_view text) const {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get());
    std::size_t size = 1024;
    std::string signature(size, '\0');
    EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                   reinterpret_cast<const unsigned char*>(text.data()), text.size());
    signature.resize(size);
    return signature;
  }

 private:
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_;
};

// DER to r and s side by side.
std::string raw_ecdsa(const std::string& der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> parsed(
      d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())), ECDSA_SIG_free);
  std::string raw(64, '\0');
  BN_bn2binpad(ECDSA_SIG_get0_r(parsed.get()), reinterpret_cast<unsigned char*>(raw.data()), 32);
  BN_bn2binpad(ECDSA_SIG_get0_s(parsed.get()), reinterpret_cast<unsigned char*>(raw.data()) + 32, 32);
  return raw;
}

const std::string good_claims = R"({"sub":"ann","exp":1700000060})";

Result<Principal, std::string> verify(const std::string& token, const JwtTerms& terms = {}) {
  return verify_jwt(token, JwtKey::create(JwtAlgorithm::hs256, secret).value(), terms, now_ms);
}

TEST(Jwt, NamesItsBearerUntilItExpires) {
  const auto principal = verify(hs256(R"({"sub":"ann","exp":1700000060,"groups":["plant","ops"]})"));
  ASSERT_TRUE(principal.has_value()) << principal.error();
  EXPECT_EQ(principal->user, "ann");
  EXPECT_EQ(principal->source, Principal::Source::token);
  EXPECT_THAT(principal->groups, ElementsAre("plant", "ops"));
  EXPECT_EQ(principal->own_rules, std::nullopt);
  EXPECT_EQ(principal->valid_until, 1'700'000'070'000) << "with the leeway";
}

// RFC 7515, appendix A.1.
TEST(Jwt, IsTheExampleOfTheRfc) {
  const std::string key = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
  const std::string token =
      "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
      "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
      "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
  std::string padded = key + "==";
  for (char& c : padded) c = c == '-' ? '+' : c == '_' ? '/' : c;
  std::string raw(padded.size() / 4 * 3, '\0');
  EVP_DecodeBlock(reinterpret_cast<unsigned char*>(raw.data()), reinterpret_cast<const unsigned char*>(padded.data()),
                  static_cast<int>(padded.size()));
  raw.resize(64);
  JwtTerms terms;
  terms.user_claim = "iss";
  const auto principal = verify_jwt(token, JwtKey::create(JwtAlgorithm::hs256, raw).value(), terms, 1'300'000'000'000);
  ASSERT_TRUE(principal.has_value()) << principal.error();
  EXPECT_EQ(principal->user, "joe");
}

TEST(Jwt, IsVerifiedWithAnRsaAndAnEllipticKey) {
  const KeyPair rsa(EVP_RSA_gen(2048));
  const KeyPair ec(EVP_EC_gen("P-256"));
  const std::string rs_text = base64url(R"({"alg":"RS256"})") + '.' + base64url(good_claims);
  const std::string es_text = base64url(R"({"alg":"ES256"})") + '.' + base64url(good_claims);
  const auto rs_key = JwtKey::create(JwtAlgorithm::rs256, rsa.public_pem());
  const auto es_key = JwtKey::create(JwtAlgorithm::es256, ec.public_pem());
  ASSERT_TRUE(rs_key && es_key);
  const std::string rs_signature = rsa.sign(rs_text);
  const std::string es_signature = raw_ecdsa(ec.sign(es_text));
  EXPECT_TRUE(verify_jwt(rs_text + '.' + base64url(rs_signature), *rs_key, {}, now_ms).has_value());
  EXPECT_TRUE(verify_jwt(es_text + '.' + base64url(es_signature), *es_key, {}, now_ms).has_value());
  for (std::size_t i = 0; i < es_signature.size(); ++i) {
    std::string changed = es_signature;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(verify_jwt(es_text + '.' + base64url(changed), *es_key, {}, now_ms).has_value()) << i;
  }
  EXPECT_FALSE(verify_jwt(es_text + '.' + base64url(ec.sign(es_text)), *es_key, {}, now_ms).has_value()) << "DER";
  EXPECT_FALSE(verify_jwt(es_text + '.' + base64url(es_signature), *rs_key, {}, now_ms).has_value());
}

// RFC 8725, section 3.1: the classes of CVE-2015-9235.
TEST(Jwt, TheTokenDoesNotChooseItsAlgorithm) {
  const std::string none = base64url(R"({"alg":"none"})") + '.' + base64url(good_claims) + '.';
  EXPECT_THAT(verify(none).error(), HasSubstr("none"));
  EXPECT_FALSE(verify(hs256(good_claims, R"({"alg":"None"})")).has_value());
  EXPECT_FALSE(verify(hs256(good_claims, R"({"typ":"JWT"})")).has_value());
  EXPECT_FALSE(verify(hs256(good_claims, R"({"alg":"HS256","crit":["x"]})")).has_value());

  // The public key of RS256, taken for the secret of HS256.
  const KeyPair rsa(EVP_RSA_gen(2048));
  const auto key = JwtKey::create(JwtAlgorithm::rs256, rsa.public_pem());
  const std::string confused = hs256(good_claims, R"({"alg":"HS256"})", rsa.public_pem());
  EXPECT_FALSE(verify_jwt(confused, *key, {}, now_ms).has_value());
  EXPECT_FALSE(JwtKey::create(JwtAlgorithm::hs256, rsa.public_pem()).has_value());
}

TEST(Jwt, AnyOtherByteIsAnotherToken) {
  const std::string token = hs256(good_claims);
  for (std::size_t i = 0; i < token.size(); ++i) {
    std::string changed = token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(verify(changed).has_value()) << i;
  }
  for (std::size_t size = 0; size < token.size(); ++size) EXPECT_FALSE(verify(token.substr(0, size)).has_value());
}

TEST(Jwt, ADateThatHasPassedOrIsMissingOrIsNoDateRefuses) {
  for (const std::string claims :
       {R"({"sub":"ann"})", R"({"sub":"ann","exp":1699999989})", R"({"sub":"ann","exp":"1700000060"})",
        R"({"sub":"ann","exp":-1})", R"({"sub":"ann","exp":1e300})", R"({"sub":"ann","exp":null})",
        R"({"sub":"ann","exp":1700000060,"nbf":1700000011})", R"({"sub":"ann","exp":1700000060,"nbf":"x"})"}) {
    EXPECT_FALSE(verify(hs256(claims)).has_value()) << claims;
  }
  EXPECT_TRUE(verify(hs256(R"({"sub":"ann","exp":1699999991})")).has_value()) << "within the leeway";
  EXPECT_TRUE(verify(hs256(R"({"sub":"ann","exp":1700000060.5,"nbf":1700000009})")).has_value());
}

TEST(Jwt, AudienceAndIssuerMustBeThoseOfTheTerms) {
  const JwtTerms terms{"bitacora", "https://id.example", "sub", "groups", 10};
  const auto claims = [](const std::string& rest) { return R"({"sub":"ann","exp":1700000060)" + rest + "}"; };
  EXPECT_TRUE(verify(hs256(claims(R"(,"aud":"bitacora","iss":"https://id.example")")), terms).has_value());
  EXPECT_TRUE(verify(hs256(claims(R"(,"aud":["x","bitacora"],"iss":"https://id.example")")), terms).has_value());
  for (const std::string rest :
       {R"(,"iss":"https://id.example")", R"(,"aud":"bitacora")", R"(,"aud":"other","iss":"https://id.example")",
        R"(,"aud":[],"iss":"https://id.example")", R"(,"aud":"bitacora","iss":"https://id.example.org")"}) {
    EXPECT_FALSE(verify(hs256(claims(rest)), terms).has_value()) << rest;
  }
}

TEST(Jwt, ATokenWithoutAUserIsNobodys) {
  for (const std::string claims : {R"({"exp":1700000060})", R"({"exp":1700000060,"sub":""})",
                                   R"({"exp":1700000060,"sub":7})", R"({"exp":1700000060,"sub":"a","groups":7})"}) {
    EXPECT_FALSE(verify(hs256(claims)).has_value()) << claims;
  }
}

TEST(Jwt, RightsInTheTokenAreItsOwn) {
  const auto principal =
      verify(hs256(R"({"sub":"ann","exp":1700000060,"acl":{"pub":["a/#"],"sub":"b/%u","all":["c"]}})"));
  ASSERT_TRUE(principal.has_value()) << principal.error();
  ASSERT_TRUE(principal->own_rules.has_value());
  const auto& rules = *principal->own_rules;
  ASSERT_EQ(rules.size(), 3U);
  EXPECT_EQ(rules[0].filter, "a/#");
  EXPECT_EQ(rules[0].actions, (Actions{true, false, false}));
  EXPECT_EQ(rules[1].filter, "b/%u");
  EXPECT_EQ(rules[1].actions, reading);
  EXPECT_EQ(rules[2].actions, all_actions);
  for (const std::string acl : {R"("x")", R"({"publish":["a"]})", R"({"pub":[7]})", R"([])"}) {
    EXPECT_FALSE(verify(hs256(R"({"sub":"ann","exp":1700000060,"acl":)" + acl + "}")).has_value()) << acl;
  }
}

TEST(Jwt, AKeyThatIsTooWeakIsNotTaken) {
  EXPECT_FALSE(JwtKey::create(JwtAlgorithm::hs256, "short").has_value());
  EXPECT_FALSE(JwtKey::create(JwtAlgorithm::rs256, KeyPair(EVP_RSA_gen(1024)).public_pem()).has_value());
  EXPECT_FALSE(JwtKey::create(JwtAlgorithm::es256, KeyPair(EVP_EC_gen("P-384")).public_pem()).has_value());
  EXPECT_FALSE(JwtKey::create(JwtAlgorithm::es256, KeyPair(EVP_RSA_gen(2048)).public_pem()).has_value());
  EXPECT_FALSE(JwtKey::create(JwtAlgorithm::rs256, "nonsense").has_value());
}

TEST(Jwt, APasswordIsNotTakenForAToken) {
  EXPECT_TRUE(looks_like_jwt(hs256(good_claims)));
  for (const std::string_view text : {"", "a.b.c", "eyJ", "ey.a", "eyJ.a.b.c", "ey J.a.b"}) {
    EXPECT_FALSE(looks_like_jwt(text)) << text;
  }
}

}  // namespace
}  // namespace bitacora::identity
