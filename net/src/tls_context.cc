#include "tls_context.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509err.h>
#include <spdlog/spdlog.h>

#include <cerrno>
#include <fstream>
#include <system_error>
#include <utility>

namespace bitacora::net {
namespace {

using Failed = Failure<std::string>;

// Mozilla's "intermediate": forward secrecy and authenticated encryption only. TLS 1.3 has nothing else anyway.
constexpr const char* tls_1_2_ciphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

// What a client may send as its certificates, in bytes: several with long names, and no more.
constexpr long max_certificate_list = 32 << 10;

constexpr unsigned char session_context[] = "bitacora";

// An encrypted key would make OpenSSL ask on the terminal, where nobody sits.
int no_passphrase(char*, int, int, void*) { return -1; }

Failed cannot_use(const char* what, const std::string& file) {
  std::string why = take_openssl_error();
  if (std::ifstream readable(file, std::ios::binary); !readable) why = std::generic_category().message(errno);
  return Failed(std::string(what) + ' ' + file + " cannot be used: " + why);
}

Result<void, std::string> load_own(SSL_CTX* context, const TlsOptions& options) {
  if (SSL_CTX_use_certificate_chain_file(context, options.certificate_file.c_str()) != 1) {
    return cannot_use("the TLS certificate", options.certificate_file);
  }
  SSL_CTX_set_default_passwd_cb(context, &no_passphrase);
  if (SSL_CTX_use_PrivateKey_file(context, options.key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    const unsigned long error = ERR_peek_error();
    const int reason = ERR_GET_REASON(error);
    if (ERR_GET_LIB(error) == ERR_LIB_X509 &&
        (reason == X509_R_KEY_VALUES_MISMATCH || reason == X509_R_KEY_TYPE_MISMATCH)) {
      ERR_clear_error();
      return Failed("the TLS key " + options.key_file + " is not that of the certificate " + options.certificate_file);
    }
    return cannot_use("the TLS key (without a passphrase)", options.key_file);
  }
  X509* const certificate = SSL_CTX_get0_certificate(context);
  if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0) {
    spdlog::warn("the TLS certificate {} has expired: clients will not accept it", options.certificate_file);
  }
  return {};
}

Result<void, std::string> load_clients(SSL_CTX* context, const TlsOptions& options) {
  if (options.client_certificates == ClientCertificates::none) return {};
  const char* const file = options.client_ca_file.c_str();
  if (SSL_CTX_load_verify_file(context, file) != 1) return cannot_use("the client CA file", options.client_ca_file);
  STACK_OF(X509_NAME)* const names = SSL_load_client_CA_file(file);
  if (names == nullptr) return cannot_use("the client CA file", options.client_ca_file);
  SSL_CTX_set_client_CA_list(context, names);
  if (!options.crl_file.empty()) {
    X509_STORE* const store = SSL_CTX_get_cert_store(context);
    X509_LOOKUP* const lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file());
    if (lookup == nullptr || X509_load_crl_file(lookup, options.crl_file.c_str(), X509_FILETYPE_PEM) < 1) {
      return cannot_use("the revocation list", options.crl_file);
    }
    X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK);
  }
  const bool required = options.client_certificates == ClientCertificates::required;
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
  return {};
}

}  // namespace

std::string take_openssl_error() {
  const unsigned long error = ERR_get_error();
  ERR_clear_error();
  const char* const reason = error == 0 ? nullptr : ERR_reason_error_string(error);
  return reason == nullptr ? "unknown error" : reason;
}

Result<std::shared_ptr<const TlsContext>, std::string> TlsContext::load(const TlsOptions& options) {
  ERR_clear_error();
  Context context(SSL_CTX_new(TLS_server_method()));
  if (context == nullptr) return Failed("OpenSSL gives no TLS context: " + take_openssl_error());
  SSL_CTX* const raw = context.get();
  SSL_CTX_set_min_proto_version(raw, options.min_version == TlsVersion::v1_3 ? TLS1_3_VERSION : TLS1_2_VERSION);
  SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_PRIORITIZE_CHACHA |
                               SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS);  // an idle connection holds no record buffers
  SSL_CTX_set_max_cert_list(raw, max_certificate_list);
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);  // resumption is by ticket: the server keeps nothing
  SSL_CTX_set_num_tickets(raw, 1);
  // Without it a client that shows a certificate could not resume.
  SSL_CTX_set_session_id_context(raw, session_context, sizeof session_context - 1);
  if (SSL_CTX_set_cipher_list(raw, tls_1_2_ciphers) != 1) return Failed("OpenSSL: " + take_openssl_error());
  if (auto loaded = load_own(raw, options); !loaded) return Failed(std::move(loaded.error()));
  if (auto loaded = load_clients(raw, options); !loaded) return Failed(std::move(loaded.error()));
  return std::shared_ptr<const TlsContext>(new TlsContext(std::move(context)));
}

}  // namespace bitacora::net
