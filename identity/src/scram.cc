#include "identity/scram.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/assert.h"
#include "base/base64.h"
#include "raw_bytes.h"

namespace bitacora::identity {
namespace {

constexpr std::size_t key_size = 32;
constexpr std::uint32_t min_iterations = 4096;  // RFC 7677, section 4
constexpr std::uint32_t max_iterations = 10'000'000;
constexpr std::size_t max_message = 8192;

Bytes hmac(ByteView key, std::string_view text) {
  Bytes result(key_size);
  unsigned size = 0;
  const auto* done = HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), raw(as_bytes(text)), text.size(),
                          reinterpret_cast<unsigned char*>(result.data()), &size);
  BITACORA_ASSERT(done != nullptr && size == key_size);
  return result;
}

Bytes sha256(ByteView bytes) {
  Bytes result(key_size);
  unsigned size = 0;
  const int done = EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(result.data()), &size,
                              EVP_sha256(), nullptr);
  BITACORA_ASSERT(done == 1 && size == key_size);
  return result;
}

// Takes "x=value" up to the next comma off the front; nullopt if another attribute is there.
std::optional<std::string_view> take_attribute(std::string_view& rest, char name) {
  if (rest.size() < 2 || rest[0] != name || rest[1] != '=') return std::nullopt;
  const std::size_t end = std::min(rest.find(','), rest.size());
  const std::string_view value = rest.substr(2, end - 2);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return value;
}

// saslname: "=2C" is a comma, "=3D" an equals sign, and no '=' comes otherwise.
std::optional<std::string> unescaped_name(std::string_view text) {
  std::string name;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '=') {
      name += text[i];
      continue;
    }
    const std::string_view code = text.substr(i, 3);
    if (code != "=2C" && code != "=3D") return std::nullopt;
    name += code == "=2C" ? ',' : '=';
    i += 2;
  }
  if (name.empty() || name.find('\0') != std::string::npos) return std::nullopt;
  return name;
}

bool is_nonce(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7F && c != ','; });
}

ScramServer::Step refused(std::string why) { return {true, {}, std::move(why)}; }

}  // namespace

std::optional<ScramVerifier> parse_scram_verifier(std::string_view text) {
  if (!text.starts_with(scram_method)) return std::nullopt;
  text.remove_prefix(scram_method.size());
  if (!text.starts_with('$')) return std::nullopt;
  text.remove_prefix(1);
  const std::size_t colon = text.find(':');
  const std::size_t dollar = text.find('$');
  const std::size_t second_colon = dollar == std::string_view::npos ? dollar : text.find(':', dollar);
  if (colon == std::string_view::npos || second_colon == std::string_view::npos || colon > dollar) return std::nullopt;
  ScramVerifier verifier;
  const auto [end, error] = std::from_chars(text.data(), text.data() + colon, verifier.iterations);
  if (error != std::errc() || end != text.data() + colon) return std::nullopt;
  auto salt = decode_base64(text.substr(colon + 1, dollar - colon - 1));
  auto stored_key = decode_base64(text.substr(dollar + 1, second_colon - dollar - 1));
  auto server_key = decode_base64(text.substr(second_colon + 1));
  if (!salt || salt->empty() || !stored_key || !server_key) return std::nullopt;
  if (stored_key->size() != key_size || server_key->size() != key_size) return std::nullopt;
  if (verifier.iterations < min_iterations || verifier.iterations > max_iterations) return std::nullopt;
  verifier.salt = std::move(*salt);
  verifier.stored_key = std::move(*stored_key);
  verifier.server_key = std::move(*server_key);
  return verifier;
}

std::string format_scram_verifier(const ScramVerifier& verifier) {
  return std::string(scram_method) + '$' + std::to_string(verifier.iterations) + ':' + encode_base64(verifier.salt) +
         '$' + encode_base64(verifier.stored_key) + ':' + encode_base64(verifier.server_key);
}

ScramVerifier make_scram_verifier(std::string_view password, ByteView salt, std::uint32_t iterations) {
  BITACORA_ASSERT(iterations >= min_iterations && iterations <= max_iterations && !salt.empty());
  Bytes salted(key_size);
  const int done = PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), raw(salt),
                                     static_cast<int>(salt.size()), static_cast<int>(iterations), EVP_sha256(),
                                     static_cast<int>(key_size), reinterpret_cast<unsigned char*>(salted.data()));
  BITACORA_ASSERT(done == 1);
  ScramVerifier verifier{iterations, Bytes(salt.begin(), salt.end()), sha256(hmac(salted, "Client Key")),
                         hmac(salted, "Server Key")};
  OPENSSL_cleanse(salted.data(), salted.size());
  return verifier;
}

std::string make_scram_nonce(std::string_view secret, std::uint64_t number) {
  return encode_base64(hmac(as_bytes(secret), "nonce " + std::to_string(number)));
}

ScramVerifier ScramServer::invented_verifier() const {
  const ByteView key = as_bytes(secret_);
  Bytes salt = hmac(key, "salt of " + user_);
  salt.resize(16);
  return {scram_iterations, std::move(salt), hmac(key, "stored key of " + user_), hmac(key, "server key of " + user_)};
}

ScramServer::Step ScramServer::begin(std::string_view client_first, std::string_view nonce, const FindVerifier& find) {
  BITACORA_ASSERT(is_nonce(nonce) && auth_message_.empty());
  if (client_first.size() > max_message) return refused("the first message is too long");
  std::string_view rest = client_first;
  if (rest.starts_with("p=")) return refused("channel binding is not offered");
  if (!rest.starts_with("n,") && !rest.starts_with("y,")) return refused("the first message is not SCRAM's");
  rest.remove_prefix(2);
  const auto authorization = take_attribute(rest, 'a');
  if (!authorization) {
    if (!rest.starts_with(',')) return refused("the first message is not SCRAM's");
    rest.remove_prefix(1);
  }
  gs2_header_ = client_first.substr(0, client_first.size() - rest.size());
  const std::string_view bare = rest;
  if (rest.starts_with("m=")) return refused("an extension is demanded that is not known");
  const auto escaped = take_attribute(rest, 'n');
  const auto name = escaped ? unescaped_name(*escaped) : std::nullopt;
  if (!name) return refused("the first message names no user");
  const auto client_nonce = take_attribute(rest, 'r');
  if (!client_nonce || !is_nonce(*client_nonce)) return refused("the first message has no nonce");
  if (authorization && unescaped_name(*authorization) != name) return refused("it wants to act for another user");

  user_ = *name;
  const auto known = parse_scram_verifier(find(user_));
  user_exists_ = known.has_value();
  verifier_ = known ? *known : invented_verifier();
  nonce_.assign(*client_nonce).append(nonce);
  std::string server_first =
      "r=" + nonce_ + ",s=" + encode_base64(verifier_.salt) + ",i=" + std::to_string(verifier_.iterations);
  auth_message_.assign(bare).append(",").append(server_first).append(",");
  return {false, std::move(server_first), {}};
}

ScramServer::Step ScramServer::finish(std::string_view client_final) {
  BITACORA_ASSERT(!auth_message_.empty());
  if (client_final.size() > max_message) return refused("the last message is too long");
  std::string_view rest = client_final;
  const auto binding = take_attribute(rest, 'c');
  if (!binding || decode_base64(*binding) != to_bytes(gs2_header_)) return refused("the channel binding is another");
  if (take_attribute(rest, 'r') != std::string_view(nonce_)) return refused("the nonce is another");
  const std::size_t proof_at = client_final.rfind(",p=");
  if (proof_at == std::string_view::npos) return refused("the last message has no proof");
  const auto proof = decode_base64(client_final.substr(proof_at + 3));
  if (!proof || proof->size() != key_size) return refused("the last message has no proof");

  auth_message_ += client_final.substr(0, proof_at);
  Bytes client_key = hmac(verifier_.stored_key, auth_message_);
  for (std::size_t i = 0; i < key_size; ++i) client_key[i] ^= (*proof)[i];
  const Bytes stored_key = sha256(client_key);
  const bool right = CRYPTO_memcmp(stored_key.data(), verifier_.stored_key.data(), key_size) == 0;
  if (!right || !user_exists_) return refused("wrong name or password");
  return {false, "v=" + encode_base64(hmac(verifier_.server_key, auth_message_)), {}};
}

}  // namespace bitacora::identity
