// Passwords as they are kept: never themselves, only what it costs to check them.
//
//   $argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>   what `bitacora users` writes (RFC 9106, PHC string format)
//   $7$<iterations>$<salt>$<hash>                  mosquitto 2.0: PBKDF2 with HMAC-SHA-512
//   $6$<salt>$<hash>                               mosquitto before: SHA-512 of password and salt
//
// Salt and hash of mosquitto's are base64 with padding.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace bitacora::identity {

// OWASP's minimum for Argon2id.
struct Argon2Cost {
  std::uint32_t memory_kib = 19456;
  std::uint32_t passes = 2;
  std::uint32_t lanes = 1;
};

inline constexpr std::size_t salt_size = 16;            // bytes
inline constexpr std::size_t max_password_size = 4096;  // bytes; longer ones are never right

// What is wrong with a stored hash, for a person; nullopt if verify_password can check against it.
[[nodiscard]] std::optional<std::string> mistake_in_password_hash(std::string_view stored);

// Whether `password` is the one that was hashed. Takes milliseconds by intent; compares in constant time.
[[nodiscard]] bool verify_password(const std::string& stored, std::string_view password);

// `salt`: salt_size bytes that were never used before.
[[nodiscard]] std::string hash_password(std::string_view password, ByteView salt, const Argon2Cost& cost = {});

}  // namespace bitacora::identity
