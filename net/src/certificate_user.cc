#include "certificate_user.h"

#include <openssl/x509v3.h>

#include <algorithm>
#include <memory>

namespace bitacora::net {
namespace {

constexpr std::size_t max_name_size = 65'535;

std::optional<std::string> acceptable(const unsigned char* bytes, int size) {
  if (size <= 0 || static_cast<std::size_t>(size) > max_name_size) return std::nullopt;
  const bool has_control = std::any_of(bytes, bytes + size, [](unsigned char c) { return c < 0x20 || c == 0x7F; });
  if (has_control) return std::nullopt;
  return std::string(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
}

// The last CN is the most specific one.
std::optional<std::string> common_name_of(X509* certificate) {
  X509_NAME* const subject = X509_get_subject_name(certificate);
  int last = -1;
  for (int at = -1; (at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0;) last = at;
  if (last < 0) return std::nullopt;
  unsigned char* utf8 = nullptr;
  const int size = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, last)));
  if (size < 0) return std::nullopt;
  auto name = acceptable(utf8, size);
  OPENSSL_free(utf8);
  return name;
}

std::optional<std::string> alternative_name_of(X509* certificate, int kind) {
  const std::unique_ptr<GENERAL_NAMES, decltype(&GENERAL_NAMES_free)> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)),
      &GENERAL_NAMES_free);
  if (names == nullptr) return std::nullopt;
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* const name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != kind) continue;
    const ASN1_IA5STRING* const text = name->d.ia5;  // dNSName, rfc822Name and URI are all of this type
    return acceptable(ASN1_STRING_get0_data(text), ASN1_STRING_length(text));
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> user_of(X509* certificate, CertificateUser which) {
  switch (which) {
    case CertificateUser::none: return std::nullopt;
    case CertificateUser::common_name: return common_name_of(certificate);
    case CertificateUser::dns_name: return alternative_name_of(certificate, GEN_DNS);
    case CertificateUser::email: return alternative_name_of(certificate, GEN_EMAIL);
    case CertificateUser::uri: return alternative_name_of(certificate, GEN_URI);
  }
  return std::nullopt;
}

}  // namespace bitacora::net
