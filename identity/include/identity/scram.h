// SCRAM-SHA-256 (RFC 5802, RFC 7677), the server's side: a client proves that it knows its password without sending it,
// and the server proves that it knows the client. A pure state machine: messages in, messages out, no I/O, no chance.
//
//   ScramServer server(secret);
//   auto challenge = server.begin(client_first, nonce, find_verifier);   // send challenge.message, or refuse
//   auto end = server.finish(client_final);                              // send end.message, or refuse
//
// No channel binding (SCRAM-SHA-256-PLUS is not offered). Names and passwords are compared as the UTF-8 that they are:
// SASLprep changes nothing about ASCII, and a client that prepares other text differently is refused.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace bitacora::identity {

inline constexpr std::string_view scram_method = "SCRAM-SHA-256";
inline constexpr std::uint32_t scram_iterations = 600'000;  // OWASP's minimum for PBKDF2 with HMAC-SHA-256

// What the server keeps: enough to check a proof, not enough to make one.
//   SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>     base64; PostgreSQL's form
struct ScramVerifier {
  std::uint32_t iterations = 0;  // at least 4096
  Bytes salt;
  Bytes stored_key;  // 32 bytes
  Bytes server_key;  // 32 bytes
  friend bool operator==(const ScramVerifier&, const ScramVerifier&) = default;
};
[[nodiscard]] std::optional<ScramVerifier> parse_scram_verifier(std::string_view text);
[[nodiscard]] std::string format_scram_verifier(const ScramVerifier& verifier);
// Takes as long as `iterations` say.
[[nodiscard]] ScramVerifier make_scram_verifier(std::string_view password, ByteView salt, std::uint32_t iterations);

// A nonce that nobody can guess who does not know `secret`, and that does not come again while `number` does not.
[[nodiscard]] std::string make_scram_nonce(std::string_view secret, std::uint64_t number);

class ScramServer {
 public:
  struct Step {
    bool refused = false;
    std::string message{};  // for the client
    std::string why{};      // refused: for the log
  };
  // The verifier's text of a user, empty if there is none.
  using FindVerifier = std::function<std::string(const std::string& user)>;

  // `secret`: of the server, the same for all exchanges. From it comes what a user that does not exist is asked, so
  // that asking does not tell who exists.
  explicit ScramServer(std::string secret) : secret_(std::move(secret)) {}

  // `nonce`: printable, without commas, never used before.
  [[nodiscard]] Step begin(std::string_view client_first, std::string_view nonce, const FindVerifier& find);
  // After begin() that did not refuse; once.
  [[nodiscard]] Step finish(std::string_view client_final);

  [[nodiscard]] const std::string& user() const noexcept { return user_; }  // who it claims to be, after begin()

 private:
  [[nodiscard]] ScramVerifier invented_verifier() const;

  std::string secret_;
  std::string user_;
  std::string gs2_header_;
  std::string nonce_;
  std::string auth_message_;  // as far as it is known
  ScramVerifier verifier_;
  bool user_exists_ = false;
};

}  // namespace bitacora::identity
