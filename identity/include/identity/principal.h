// Who a client turned out to be, once it was believed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "identity/rule.h"

namespace bitacora::identity {

// Tells one password hash or key from another without being one: what a client was believed by, so that it can be asked
// later whether that is still so.
using Fingerprint = std::uint64_t;
[[nodiscard]] Fingerprint fingerprint_of(std::string_view credential) noexcept;  // FNV-1a, never 0

struct Principal {
  enum class Source : std::uint8_t {
    none,         // anonymous: it gave no name, or nobody checks names here
    password,     // of the password file; SCRAM too
    token,        // a JWT
    certificate,  // the name of a verified client certificate
  };

  Source source = Source::none;
  std::string user{};                            // empty exactly when source is none
  std::vector<std::string> groups{};             // that a token names; those of the configuration are not repeated here
  std::optional<std::vector<Rule>> own_rules{};  // of a token that has rights in it: these alone hold for it
  Fingerprint credential = 0;                    // of the password hash, or of the key that a token was verified with
  std::optional<Timestamp> valid_until{};        // ms since the epoch: when a token expires

  [[nodiscard]] bool anonymous() const noexcept { return source == Source::none; }
  friend bool operator==(const Principal&, const Principal&) = default;
};

}  // namespace bitacora::identity
