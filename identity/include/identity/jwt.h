// JSON Web Tokens (RFC 7519) as passwords: signed by somebody whom the operator trusts, checked here without asking
// anybody. The algorithm is the key's; a token that names another, or "none", is refused (RFC 8725).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"
#include "identity/principal.h"

namespace bitacora::identity {

enum class JwtAlgorithm : std::uint8_t {
  hs256,  // HMAC-SHA-256: one secret of at least 32 bytes, for signing and checking
  rs256,  // RSA with PKCS #1 v1.5 and SHA-256: a public key of at least 2048 bits, PEM
  es256,  // ECDSA on P-256 with SHA-256: a public key, PEM
};
[[nodiscard]] std::string_view name_of(JwtAlgorithm algorithm) noexcept;  // "HS256"

class JwtKey {
 public:
  // `text`: what the key file has; for hs256 one line end behind the secret is not part of it. The error is for a
  // person.
  [[nodiscard]] static Result<JwtKey, std::string> create(JwtAlgorithm algorithm, std::string_view text);

  [[nodiscard]] JwtAlgorithm algorithm() const noexcept { return algorithm_; }
  [[nodiscard]] Fingerprint fingerprint() const noexcept { return fingerprint_; }
  [[nodiscard]] bool verify(std::string_view text, ByteView signature) const;

 private:
  JwtKey() = default;
  JwtAlgorithm algorithm_ = JwtAlgorithm::hs256;
  Fingerprint fingerprint_ = 0;
  std::string secret_;                // hs256
  std::shared_ptr<void> public_key_;  // EVP_PKEY
};

// What a token must say besides being signed. `exp` must always be there and not have passed, `nbf` must have.
struct JwtTerms {
  std::string audience{};               // one of its `aud`; empty: not looked at
  std::string issuer{};                 // its `iss`; empty: not looked at
  std::string user_claim = "sub";       // a string: the user name
  std::string groups_claim = "groups";  // a string or an array of them; may be absent
  std::int64_t leeway_s = 10;           // by which clocks may differ
};

// Whether a password has the form of a token: three parts in base64url with dots between them.
[[nodiscard]] bool looks_like_jwt(std::string_view text) noexcept;

// Who the token says its bearer is, with the rights in its claim "acl" if it has one:
//   "acl": {"pub": ["a/#"], "sub": ["b/+"], "all": ["c"]}        topic filters with %c and %u; `sub` is replay too
// The error is for the log.
[[nodiscard]] Result<Principal, std::string> verify_jwt(std::string_view token, const JwtKey& key,
                                                        const JwtTerms& terms, Timestamp now_ms);

}  // namespace bitacora::identity
