#include "storage/errc.h"

namespace bitacora::storage {

const char* name_of(Errc code) noexcept {
  switch (code) {
    case Errc::io_error: return "io_error";
    case Errc::no_space: return "no_space";
    case Errc::corrupt: return "corrupt";
    case Errc::offset_out_of_range: return "offset_out_of_range";
    case Errc::not_found: return "not_found";
    case Errc::already_exists: return "already_exists";
    case Errc::invalid_argument: return "invalid_argument";
    case Errc::partition_offline: return "partition_offline";
    case Errc::overloaded: return "overloaded";
    case Errc::locked: return "locked";
    case Errc::unsupported_format: return "unsupported_format";
    case Errc::too_large: return "too_large";
    case Errc::closed: return "closed";
  }
  return "unknown";
}

}  // namespace bitacora::storage
