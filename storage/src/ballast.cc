#include "storage/ballast.h"

#include <algorithm>
#include <random>

#include "base/endian.h"
#include "file_names.h"

namespace bitacora::storage {
namespace {

constexpr std::uint64_t restore_factor = 3;  // so that restoring it never is what makes the disk short
constexpr std::size_t write_size = 1 << 20;

// Random, so that a file system which compresses gives it all its room.
Result<> write_random(File& file, std::uint64_t size) {
  std::mt19937_64 random(size);
  Bytes chunk;
  for (std::uint64_t at = 0; at < size; at += chunk.size()) {
    chunk.resize(static_cast<std::size_t>(std::min<std::uint64_t>(write_size, size - at)));
    for (std::size_t i = 0; i + sizeof(std::uint64_t) <= chunk.size(); i += sizeof(std::uint64_t)) {
      store_be<std::uint64_t>(chunk.data() + i, random());
    }
    if (auto done = file.write_at(at, chunk); !done) return done;
  }
  return file.sync();
}

Result<std::uint64_t> size_of(FileSystem& fs, const std::string& path) {
  const auto file = fs.open(path, OpenMode::read);
  if (!file) return Failed(file.error());
  return (*file)->size();
}

}  // namespace

Result<bool> release_ballast(FileSystem& fs, const std::string& directory) {
  if (auto done = fs.remove(join(directory, ballast_file)); !done) {
    if (done.error().code == Errc::not_found) return false;
    return Failed(std::move(done.error()));
  }
  if (auto done = fs.sync_directory(directory); !done) return Failed(std::move(done.error()));
  return true;
}

Result<bool> release_ballast_if_short(FileSystem& fs, const std::string& directory, std::uint64_t bytes) {
  const Result<Space> space = fs.space(directory);
  if (!space) return Failed(space.error());
  return space->available < bytes ? release_ballast(fs, directory) : Result<bool>(false);
}

Result<> restore_ballast(FileSystem& fs, const std::string& directory, std::uint64_t bytes) {
  const std::string path = join(directory, ballast_file);
  const Result<std::uint64_t> size = size_of(fs, path);
  if (!size && size.error().code != Errc::not_found) return Failed(size.error());
  if (size && *size == bytes) return {};
  if (auto done = release_ballast(fs, directory); !done) return Failed(std::move(done.error()));
  const Result<Space> space = fs.space(directory);
  if (!space) return Failed(space.error());
  if (bytes == 0 || space->available / restore_factor < bytes) return {};
  // Under its own name from the start: cut short by a crash it has another size and is made anew.
  const auto file = fs.open(path, OpenMode::create_new);
  if (!file) return Failed(file.error());
  if (auto done = write_random(**file, bytes); !done) {
    static_cast<void>(fs.remove(path));
    return done;
  }
  return fs.sync_directory(directory);
}

}  // namespace bitacora::storage
