// The real file system: pread, pwritev, fdatasync, flock. Files are 0600, directories 0700, O_CLOEXEC and O_NOFOLLOW.
#pragma once

#include "storage/file_system.h"

namespace bitacora::storage {

[[nodiscard]] std::unique_ptr<FileSystem> make_posix_file_system();

}  // namespace bitacora::storage
