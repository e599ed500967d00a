// Certificates for tests, made when they are wanted: a certificate authority with its own directory, which issues and
// revokes. Keys are P-256, for speed.
#pragma once

#include <openssl/x509.h>

#include <memory>
#include <string>
#include <vector>

namespace bitacora::net {

struct CertificateFiles {
  std::string certificate;
  std::string key;
};

struct CertificateRequest {
  std::string common_name;
  std::string alternative_names{};  // as OpenSSL writes them: "IP:127.0.0.1", "DNS:a,email:b@example.org"
  int valid_days = 1;               // negative: over since yesterday
};

class CertificateAuthority {
 public:
  explicit CertificateAuthority(const std::string& name);
  ~CertificateAuthority();  // removes the files
  CertificateAuthority(const CertificateAuthority&) = delete;
  CertificateAuthority& operator=(const CertificateAuthority&) = delete;

  [[nodiscard]] std::string file() const { return directory_ + "/ca.pem"; }
  [[nodiscard]] CertificateFiles issue(const CertificateRequest& request);
  // Of a server on 127.0.0.1.
  [[nodiscard]] CertificateFiles issue_server(const std::string& common_name = "bitacora");
  // A list with everything issued so far on it.
  [[nodiscard]] std::string revoke_all();
  [[nodiscard]] const std::string& directory() const { return directory_; }

 private:
  struct Free {
    void operator()(X509* certificate) const noexcept { X509_free(certificate); }
    void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
  };
  using Key = std::unique_ptr<EVP_PKEY, Free>;
  using Certificate = std::unique_ptr<X509, Free>;

  [[nodiscard]] Certificate make(const CertificateRequest& request, EVP_PKEY* key, X509* issuer, EVP_PKEY* issuer_key);

  std::string directory_;
  long last_serial_ = 0;
  Key key_;
  Certificate certificate_;
};

}  // namespace bitacora::net
