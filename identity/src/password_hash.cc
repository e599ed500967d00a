#include "identity/password_hash.h"

#include <argon2.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <array>
#include <charconv>
#include <vector>

#include "base/assert.h"
#include "base/base64.h"
#include "raw_bytes.h"

namespace bitacora::identity {
namespace {

constexpr std::size_t sha512_size = 64;
constexpr std::size_t argon2_hash_size = 32;
constexpr std::string_view argon2_prefix = "$argon2id$";
constexpr int max_iterations = 10'000'000;

struct MosquittoHash {
  int iterations = 0;  // 0: "$6$", no PBKDF2
  Bytes salt;
  Bytes hash;
};

std::vector<std::string_view> fields_of(std::string_view stored) {
  std::vector<std::string_view> fields;
  while (true) {
    const std::size_t dollar = std::min(stored.find('$'), stored.size());
    fields.push_back(stored.substr(0, dollar));
    if (dollar == stored.size()) return fields;
    stored.remove_prefix(dollar + 1);
  }
}

std::optional<MosquittoHash> parse_mosquitto(std::string_view stored) {
  const auto fields = fields_of(stored);  // "", "6" or "7", ...
  const bool pbkdf2 = fields.size() == 5 && fields[1] == "7";
  if (!pbkdf2 && !(fields.size() == 4 && fields[1] == "6")) return std::nullopt;
  MosquittoHash parsed;
  if (pbkdf2) {
    const std::string_view text = fields[2];
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), parsed.iterations);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    if (parsed.iterations < 1 || parsed.iterations > max_iterations) return std::nullopt;
  }
  auto salt = decode_base64(fields[fields.size() - 2]);
  auto hash = decode_base64(fields.back());
  if (!salt || salt->empty() || !hash || hash->size() != sha512_size) return std::nullopt;
  parsed.salt = std::move(*salt);
  parsed.hash = std::move(*hash);
  return parsed;
}

bool verify_mosquitto(const MosquittoHash& stored, std::string_view password) {
  std::array<unsigned char, sha512_size> hash{};
  bool done = false;
  if (stored.iterations > 0) {
    done = PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), raw(stored.salt),
                             static_cast<int>(stored.salt.size()), stored.iterations, EVP_sha512(),
                             static_cast<int>(hash.size()), hash.data()) == 1;
  } else {
    Bytes text = to_bytes(password);
    append(text, stored.salt);
    unsigned size = 0;
    done = EVP_Digest(text.data(), text.size(), hash.data(), &size, EVP_sha512(), nullptr) == 1;
    OPENSSL_cleanse(text.data(), text.size());
  }
  return done && CRYPTO_memcmp(hash.data(), stored.hash.data(), hash.size()) == 0;
}

// libargon2 tells whether it can read a hash only by checking one.
std::optional<std::string> mistake_in_argon2(const std::string& stored) {
  const auto fields = fields_of(stored);  // "", "argon2id", "v=19", "m=...,t=...,p=...", salt, hash
  if (fields.size() != 6) return "an Argon2id hash has the form $argon2id$v=19$m=19456,t=2,p=1$SALT$HASH";
  const int code = argon2id_verify(stored.c_str(), "", 0);
  if (code == ARGON2_OK || code == ARGON2_VERIFY_MISMATCH) return std::nullopt;
  return std::string("this Argon2id hash cannot be used: ") + argon2_error_message(code);
}

}  // namespace

std::optional<std::string> mistake_in_password_hash(std::string_view stored) {
  if (stored.starts_with(argon2_prefix)) return mistake_in_argon2(std::string(stored));
  if (stored.starts_with("$6$") || stored.starts_with("$7$")) {
    if (parse_mosquitto(stored)) return std::nullopt;
    return "this hash is damaged: mosquitto writes $7$ITERATIONS$SALT$HASH or $6$SALT$HASH, in base64";
  }
  return "this is no password hash that is known ($argon2id$, $7$ or $6$): passwords themselves are not kept here; "
         "write the line with `bitacora users` or mosquitto_passwd";
}

bool verify_password(const std::string& stored, std::string_view password) {
  if (password.size() > max_password_size) return false;
  if (stored.starts_with(argon2_prefix)) {
    return argon2id_verify(stored.c_str(), password.data(), password.size()) == ARGON2_OK;
  }
  const auto parsed = parse_mosquitto(stored);
  return parsed && verify_mosquitto(*parsed, password);
}

std::string hash_password(std::string_view password, ByteView salt, const Argon2Cost& cost) {
  BITACORA_ASSERT(salt.size() == salt_size && password.size() <= max_password_size);
  std::string encoded(
      argon2_encodedlen(cost.passes, cost.memory_kib, cost.lanes, salt_size, argon2_hash_size, Argon2_id), '\0');
  const int code = argon2id_hash_encoded(cost.passes, cost.memory_kib, cost.lanes, password.data(), password.size(),
                                         salt.data(), salt.size(), argon2_hash_size, encoded.data(), encoded.size());
  BITACORA_ASSERT(code == ARGON2_OK);
  encoded.resize(encoded.find('\0'));
  return encoded;
}

}  // namespace bitacora::identity
