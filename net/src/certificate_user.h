// The user's name in a client certificate.
#pragma once

#include <openssl/x509.h>

#include <optional>
#include <string>

#include "net/listener_options.h"

namespace bitacora::net {

// nullopt: the certificate has no such name, or one that cannot be a user's: empty, longer than MQTT's strings, or with
// a control character in it (a NUL would make two different names look the same).
[[nodiscard]] std::optional<std::string> user_of(X509* certificate, CertificateUser which);

}  // namespace bitacora::net
