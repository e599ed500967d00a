// How the log library fails, in ways that a caller must expect. One table in bridge/ maps these to MQTT reason codes,
// another in http/ to statuses; both are tested over every value.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "storage/offset.h"

namespace bitacora::storage {

enum class Errc {
  io_error,  // The file system said no; Error::os_error has the errno.
  no_space,  // ENOSPC, EDQUOT or EFBIG: room must be made before this can work.
  corrupt,   // Bytes below the durable end do not pass their checks; Error::range has the offsets that are lost.
  offset_out_of_range,  // Below the log start offset or past the committed offset.
  not_found,            // No such log, partition, file or group.
  already_exists,
  invalid_argument,    // The caller's value is outside what the contract allows.
  partition_offline,   // A sync or write failed twice; this partition takes no appends until the next start.
  overloaded,          // The committer's bound of bytes in flight is reached; nothing was queued.
  locked,              // Another process has this data directory open.
  unsupported_format,  // Written by a newer version; nothing was changed.
  too_large,           // A batch over the limit.
  closed,              // The store is shutting down.
};

[[nodiscard]] const char* name_of(Errc code) noexcept;

struct Error {
  Errc code = Errc::io_error;
  std::string message;  // For a person: what was wrong, where (path, log, partition, offset), what to do.
  int os_error = 0;     // errno, or 0.
  std::optional<OffsetRange> range{};  // For corrupt: the offsets that cannot be read.
};

template <class T = void>
using Result = bitacora::Result<T, Error>;
using Failed = bitacora::Failure<Error>;

// `return fail(Errc::not_found, "no log named x");`
[[nodiscard]] inline Failed fail(Errc code, std::string message, int os_error = 0) {
  return Failed(Error{code, std::move(message), os_error, std::nullopt});
}

}  // namespace bitacora::storage
