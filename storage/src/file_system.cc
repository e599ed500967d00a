#include "storage/file_system.h"

#include <cerrno>

#include "base/failpoint.h"

namespace bitacora::storage {

Result<Bytes> read_file(FileSystem& fs, const std::string& path) {
  const auto file = fs.open(path, OpenMode::read);
  if (!file) return Failed(file.error());
  const auto size = (*file)->size();
  if (!size) return Failed(size.error());
  Bytes bytes(*size);
  const auto count = (*file)->read_at(0, bytes);
  if (!count) return Failed(count.error());
  bytes.resize(*count);
  return bytes;
}

Result<> write_file_durably(FileSystem& fs, const std::string& path, ByteView bytes) {
  const std::string temporary = path + ".tmp";
  {
    const auto file = fs.open(temporary, OpenMode::create);
    if (!file) return Failed(file.error());
    if (auto cut = (*file)->truncate(0); !cut) return cut;
    if (auto written = (*file)->write_at(0, bytes); !written) return written;
    if (auto synced = (*file)->sync(); !synced) return synced;
  }
  BITACORA_FAILPOINT("small_file.written");
  if (auto renamed = fs.rename(temporary, path); !renamed) return renamed;
  BITACORA_FAILPOINT("small_file.renamed");
  return fs.sync_directory(parent_directory(path));
}

std::string parent_directory(const std::string& path) {
  const std::size_t name_end = path.find_last_not_of('/');
  if (name_end == std::string::npos) return path.empty() ? "." : "/";
  const std::size_t slash = path.find_last_of('/', name_end);
  if (slash == std::string::npos) return ".";
  const std::size_t parent_end = path.find_last_not_of('/', slash);
  return parent_end == std::string::npos ? "/" : path.substr(0, parent_end + 1);
}

Result<> create_directories_durably(FileSystem& fs, const std::string& path) {
  const auto there = fs.exists(path);
  if (!there) return Failed(there.error());
  const std::string parent = parent_directory(path);
  if (!*there && parent != path) {
    if (auto made = create_directories_durably(fs, parent); !made) return made;
  }
  if (auto made = fs.create_directories(path); !made) return made;
  auto synced = fs.sync_directory(parent);
  // A parent that we may not read is not ours, and what was made in it before is its owner's to keep.
  if (*there && !synced && synced.error().os_error == EACCES) return {};
  return synced;
}

}  // namespace bitacora::storage
