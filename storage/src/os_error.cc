#include "os_error.h"

#include <cerrno>
#include <string>
#include <system_error>

namespace bitacora::storage {

Errc errc_of(int os_error) noexcept {
  switch (os_error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return Errc::no_space;
    case ENOENT: return Errc::not_found;
    case EEXIST: return Errc::already_exists;
    case EWOULDBLOCK: return Errc::locked;
    case EINVAL:
    case EISDIR:
    case ENOTDIR:
    case ENOTEMPTY:
    case ENAMETOOLONG: return Errc::invalid_argument;
    default: return Errc::io_error;
  }
}

Failed fail_os(std::string_view call, std::string_view path, int os_error) {
  std::string message(call);
  message.append(" ").append(path).append(": ").append(std::generic_category().message(os_error));
  return fail(errc_of(os_error), std::move(message), os_error);
}

}  // namespace bitacora::storage
