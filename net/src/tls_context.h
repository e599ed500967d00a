// What the TLS connections of one listener share: the server's certificate and key, and whose client certificates are
// good. Immutable and thread-safe; a reload makes a new one, and connections keep the one they began with.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "base/result.h"
#include "net/listener_options.h"

namespace bitacora::net {

class TlsContext {
 public:
  // Reads the files. The error says for a person which file is wrong and why.
  [[nodiscard]] static Result<std::shared_ptr<const TlsContext>, std::string> load(const TlsOptions& options);

  [[nodiscard]] SSL_CTX* get() const noexcept { return context_.get(); }

 private:
  struct Free {
    void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
  };
  using Context = std::unique_ptr<SSL_CTX, Free>;

  explicit TlsContext(Context context) : context_(std::move(context)) {}

  Context context_;
};

// The oldest error that OpenSSL noted on this thread, as it words it; the others are dropped.
[[nodiscard]] std::string take_openssl_error();

}  // namespace bitacora::net
