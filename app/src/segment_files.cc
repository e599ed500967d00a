#include "segment_files.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

namespace bitacora::app {

bool is_directory(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::is_directory(path, ignored);
}

storage::Result<std::vector<std::string>> segment_files(const std::string& path) {
  std::error_code error;
  if (!is_directory(path)) {
    if (std::filesystem::exists(path, error)) return std::vector<std::string>{path};
    return storage::fail(storage::Errc::not_found, "there is no file or directory " + path);
  }
  std::vector<std::string> files;
  for (std::filesystem::recursive_directory_iterator entry(path, error), end; entry != end && !error;
       entry.increment(error)) {
    if (entry->path().extension() == ".log") files.push_back(entry->path().string());
  }
  if (error) return storage::fail(storage::Errc::io_error, path + " cannot be read: " + error.message(), error.value());
  if (files.empty()) {
    return storage::fail(storage::Errc::not_found, "there is no .log file in " + path +
                                                       "; give a segment file, a partition's or a data directory");
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace bitacora::app
