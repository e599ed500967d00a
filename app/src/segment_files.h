// The segment files that a path on the command line stands for.
#pragma once

#include <string>
#include <vector>

#include "storage/errc.h"

namespace bitacora::app {

// `path` itself if it is a file; else every `.log` file below it, by partition and offset. Errc::not_found if there is
// none.
[[nodiscard]] storage::Result<std::vector<std::string>> segment_files(const std::string& path);

[[nodiscard]] bool is_directory(const std::string& path);

}  // namespace bitacora::app
