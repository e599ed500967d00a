#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>

#include <array>

#include "identity/jwt.h"
#include "raw_bytes.h"

namespace bitacora::identity {
namespace {

constexpr std::size_t min_secret = 32;  // bytes (RFC 7518, section 3.2)
constexpr int min_rsa_bits = 2048;      // RFC 7518, section 3.3
constexpr std::size_t es256_half = 32;  // of a signature: r, then s (RFC 7518, section 3.4)

template <class T, void (*Free)(T*)>
struct Freed {
  void operator()(T* object) const noexcept { Free(object); }
};
using EcdsaSignature = std::unique_ptr<ECDSA_SIG, Freed<ECDSA_SIG, ECDSA_SIG_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX, EVP_MD_CTX_free>>;
using Bio = std::unique_ptr<BIO, Freed<BIO, BIO_free_all>>;

// r and s side by side, as DER.
Bytes der_of(ByteView signature) {
  const EcdsaSignature parsed(ECDSA_SIG_new());
  BIGNUM* r = BN_bin2bn(raw(signature), es256_half, nullptr);
  BIGNUM* s = BN_bin2bn(raw(signature.subspan(es256_half)), es256_half, nullptr);
  if (!parsed || ECDSA_SIG_set0(parsed.get(), r, s) != 1) {
    BN_free(r);
    BN_free(s);
    return {};
  }
  const int size = i2d_ECDSA_SIG(parsed.get(), nullptr);
  if (size <= 0) return {};
  Bytes der(static_cast<std::size_t>(size));
  auto* at = reinterpret_cast<unsigned char*>(der.data());
  i2d_ECDSA_SIG(parsed.get(), &at);
  return der;
}

bool is_p256(EVP_PKEY* key) {
  std::array<char, 64> name{};
  std::size_t size = 0;
  return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
         EVP_PKEY_get_group_name(key, name.data(), name.size(), &size) == 1 &&
         std::string_view(name.data(), size) == SN_X9_62_prime256v1;
}

}  // namespace

std::string_view name_of(JwtAlgorithm algorithm) noexcept {
  switch (algorithm) {
    case JwtAlgorithm::hs256: return "HS256";
    case JwtAlgorithm::rs256: return "RS256";
    case JwtAlgorithm::es256: return "ES256";
  }
  return {};
}

Result<JwtKey, std::string> JwtKey::create(JwtAlgorithm algorithm, std::string_view text) {
  JwtKey key;
  key.algorithm_ = algorithm;
  key.fingerprint_ = fingerprint_of(std::string(name_of(algorithm)).append(text));
  if (algorithm == JwtAlgorithm::hs256) {
    if (text.ends_with('\n')) text.remove_suffix(1);
    if (text.ends_with('\r')) text.remove_suffix(1);
    if (text.find("-----BEGIN") != std::string_view::npos) {
      return Failure<std::string>("this is a PEM file: with HS256 everybody who has it could sign; say RS256 or ES256");
    }
    if (text.size() < min_secret) return Failure<std::string>("the secret of HS256 must have at least 32 bytes");
    key.secret_ = text;
    return key;
  }
  const Bio bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  EVP_PKEY* parsed = bio ? PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr) : nullptr;
  if (parsed == nullptr) return Failure<std::string>("this is no public key in PEM form (-----BEGIN PUBLIC KEY-----)");
  key.public_key_ = std::shared_ptr<void>(parsed, [](void* object) { EVP_PKEY_free(static_cast<EVP_PKEY*>(object)); });
  if (algorithm == JwtAlgorithm::rs256 &&
      (EVP_PKEY_get_base_id(parsed) != EVP_PKEY_RSA || EVP_PKEY_get_bits(parsed) < min_rsa_bits)) {
    return Failure<std::string>("RS256 needs an RSA key of at least 2048 bits");
  }
  if (algorithm == JwtAlgorithm::es256 && !is_p256(parsed)) {
    return Failure<std::string>("ES256 needs a key on the curve P-256");
  }
  return key;
}

bool JwtKey::verify(std::string_view text, ByteView signature) const {
  if (algorithm_ == JwtAlgorithm::hs256) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> expected{};
    unsigned size = 0;
    const auto* done = HMAC(EVP_sha256(), secret_.data(), static_cast<int>(secret_.size()), raw(as_bytes(text)),
                            text.size(), expected.data(), &size);
    return done != nullptr && signature.size() == size && CRYPTO_memcmp(expected.data(), signature.data(), size) == 0;
  }
  Bytes der;
  if (algorithm_ == JwtAlgorithm::es256) {
    if (signature.size() != 2 * es256_half) return false;
    der = der_of(signature);
    signature = der;
  }
  const DigestContext context(EVP_MD_CTX_new());
  return context &&
         EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr,
                              static_cast<EVP_PKEY*>(public_key_.get())) == 1 &&
         EVP_DigestVerify(context.get(), raw(signature), signature.size(), raw(as_bytes(text)), text.size()) == 1;
}

}  // namespace bitacora::identity
