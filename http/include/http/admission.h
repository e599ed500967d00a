// Whom an HTTP listener lets in, and what they may do: a plain value that a reload replaces as a whole.
#pragma once

#include <chrono>
#include <memory>

#include "bridge/access.h"
#include "bridge/connection_origin.h"
#include "net/listener_options.h"
#include "net/tls.h"

namespace bitacora::http {

struct Admission {
  // Users, rules, whether anonymous clients are let in: the same value as MQTT's. Never null; as it is here everybody
  // may do everything.
  std::shared_ptr<const bridge::AccessSettings> access = std::make_shared<const bridge::AccessSettings>();
  bridge::AnonymousAccess anonymous = bridge::AnonymousAccess::as_the_server_says;
  // For connections to come. Null: without TLS.
  std::shared_ptr<const net::TlsContext> tls{};
  net::CertificateUser certificate_user = net::CertificateUser::none;
  std::chrono::milliseconds handshake_timeout{10'000};
};

}  // namespace bitacora::http
