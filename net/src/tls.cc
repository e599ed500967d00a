#include "net/tls.h"

#include <utility>
#include <vector>

#include "tls_context.h"
#include "tls_layer.h"

namespace bitacora::net {

Result<std::shared_ptr<const TlsContext>, std::string> load_tls(const TlsOptions& options) {
  return TlsContext::load(options);
}

std::unique_ptr<Stream> open_tls(std::shared_ptr<const TlsContext> context, CertificateUser certificate_user) {
  std::vector<std::unique_ptr<Layer>> layers;
  layers.push_back(std::make_unique<TlsLayer>(std::move(context), certificate_user));
  return std::make_unique<Stream>(std::move(layers));
}

}  // namespace bitacora::net
