#include "net/test_certificates.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include <cstdio>
#include <filesystem>
#include <stdexcept>

namespace bitacora::net {
namespace {

constexpr long day_s = 24 * 60 * 60;

void must(bool succeeded, const char* what) {
  if (!succeeded) throw std::runtime_error(what);
}

template <class Write>
void write_file(const std::string& path, Write write) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "w"), &std::fclose);
  must(file != nullptr && write(file.get()) == 1, "a test's file cannot be written");
}

void add_extension(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
  must(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1, "extension");
  X509_EXTENSION_free(extension);
}

}  // namespace

CertificateAuthority::CertificateAuthority(const std::string& name) {
  std::string path = std::filesystem::temp_directory_path() / "bitacora-ca-XXXXXX";
  must(::mkdtemp(path.data()) != nullptr, "mkdtemp");
  directory_ = path;
  key_.reset(EVP_EC_gen("P-256"));
  certificate_ = make({.common_name = name}, key_.get(), nullptr, key_.get());
  write_file(file(), [this](std::FILE* to) { return PEM_write_X509(to, certificate_.get()); });
}

CertificateAuthority::~CertificateAuthority() {
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

CertificateAuthority::Certificate CertificateAuthority::make(const CertificateRequest& request, EVP_PKEY* key,
                                                             X509* issuer, EVP_PKEY* issuer_key) {
  Certificate certificate(X509_new());
  X509* const raw = certificate.get();
  X509_set_version(raw, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(raw), ++last_serial_);
  X509_gmtime_adj(X509_getm_notBefore(raw), -2 * day_s);
  X509_gmtime_adj(X509_getm_notAfter(raw), request.valid_days * day_s);
  X509_set_pubkey(raw, key);
  const auto* const name = reinterpret_cast<const unsigned char*>(request.common_name.data());
  X509_NAME* const subject = X509_get_subject_name(raw);
  if (!request.common_name.empty()) {
    must(X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8, name,
                                    static_cast<int>(request.common_name.size()), -1, 0) == 1,
         "common name");
  }
  X509* const signer = issuer == nullptr ? raw : issuer;
  X509_set_issuer_name(raw, X509_get_subject_name(signer));
  add_extension(raw, signer, NID_basic_constraints, issuer == nullptr ? "critical,CA:TRUE" : "CA:FALSE");
  if (!request.alternative_names.empty()) {
    add_extension(raw, signer, NID_subject_alt_name, request.alternative_names);
  }
  must(X509_sign(raw, issuer_key, EVP_sha256()) > 0, "sign");
  return certificate;
}

CertificateFiles CertificateAuthority::issue(const CertificateRequest& request) {
  const Key key(EVP_EC_gen("P-256"));
  const Certificate certificate = make(request, key.get(), certificate_.get(), key_.get());
  const std::string base = directory_ + '/' + std::to_string(last_serial_);
  CertificateFiles files{base + ".crt", base + ".key"};
  write_file(files.certificate, [&](std::FILE* to) { return PEM_write_X509(to, certificate.get()); });
  write_file(files.key,
             [&](std::FILE* to) { return PEM_write_PrivateKey(to, key.get(), nullptr, nullptr, 0, nullptr, nullptr); });
  return files;
}

CertificateFiles CertificateAuthority::issue_server(const std::string& common_name) {
  return issue({.common_name = common_name, .alternative_names = "IP:127.0.0.1,DNS:localhost"});
}

std::string CertificateAuthority::revoke_all() {
  const std::unique_ptr<X509_CRL, decltype(&X509_CRL_free)> list(X509_CRL_new(), &X509_CRL_free);
  const std::unique_ptr<ASN1_TIME, decltype(&ASN1_TIME_free)> time(ASN1_TIME_new(), &ASN1_TIME_free);
  X509_CRL_set_version(list.get(), X509_CRL_VERSION_2);
  X509_CRL_set_issuer_name(list.get(), X509_get_subject_name(certificate_.get()));
  X509_gmtime_adj(time.get(), -day_s);
  X509_CRL_set1_lastUpdate(list.get(), time.get());
  for (long serial = 2; serial <= last_serial_; ++serial) {
    const std::unique_ptr<ASN1_INTEGER, decltype(&ASN1_INTEGER_free)> number(ASN1_INTEGER_new(), &ASN1_INTEGER_free);
    ASN1_INTEGER_set(number.get(), serial);
    X509_REVOKED* const revoked = X509_REVOKED_new();
    X509_REVOKED_set_serialNumber(revoked, number.get());
    X509_REVOKED_set_revocationDate(revoked, time.get());
    must(X509_CRL_add0_revoked(list.get(), revoked) == 1, "revoke");
  }
  X509_gmtime_adj(time.get(), day_s);
  X509_CRL_set1_nextUpdate(list.get(), time.get());
  must(X509_CRL_sign(list.get(), key_.get(), EVP_sha256()) > 0, "sign");
  std::string path = directory_ + "/revoked.pem";
  write_file(path, [&list](std::FILE* to) { return PEM_write_X509_CRL(to, list.get()); });
  return path;
}

}  // namespace bitacora::net
