// TLS for a door that is not MQTT's: the layer of MQTT's listeners (docs/adr/0008-transports.md), to be put between a
// socket and whatever is spoken over it.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "net/listener_options.h"
#include "net/stream.h"

namespace bitacora::net {

// Certificate, key and whose client certificates are good, read from their files. Immutable and thread-safe; a reload
// makes another, and connections keep the one they began with.
class TlsContext;

// The error says for a person which file is wrong and why.
[[nodiscard]] Result<std::shared_ptr<const TlsContext>, std::string> load_tls(const TlsOptions& options);

// The server's side of one new connection.
[[nodiscard]] std::unique_ptr<Stream> open_tls(std::shared_ptr<const TlsContext> context,
                                               CertificateUser certificate_user);

}  // namespace bitacora::net
