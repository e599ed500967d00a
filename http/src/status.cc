#include "http/status.h"

namespace bitacora::http {

unsigned status_of(storage::Errc code) noexcept {
  using storage::Errc;
  switch (code) {
    case Errc::io_error: return 500;
    case Errc::no_space: return 507;
    case Errc::corrupt: return 500;
    case Errc::offset_out_of_range: return 416;
    case Errc::not_found: return 404;
    case Errc::already_exists: return 409;
    case Errc::invalid_argument: return 400;
    case Errc::partition_offline: return 503;
    case Errc::overloaded: return 503;
    case Errc::locked: return 503;
    case Errc::unsupported_format: return 500;
    case Errc::too_large: return 413;
    case Errc::closed: return 503;
  }
  return 500;
}

}  // namespace bitacora::http
