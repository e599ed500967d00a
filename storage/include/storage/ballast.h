// The ballast: a file in the data directory whose only use is to be removed when the disk is full. The room that it
// gives back is what a start (the catalog's files, the new leader epochs) and retention (the new log start offsets,
// which must be durable before files go) need to write on a disk that somebody else has filled. Until it is made anew
// clients' logs leave that room alone: where no more is free they take no appends (SpaceLevel::exhausted).
#pragma once

#include <cstdint>
#include <string>

#include "storage/errc.h"
#include "storage/file_system.h"

namespace bitacora::storage {

// Removes it. false: there was none.
[[nodiscard]] Result<bool> release_ballast(FileSystem& fs, const std::string& directory);
// Removes it if fewer than `bytes` are available. true: it was there and is gone.
[[nodiscard]] Result<bool> release_ballast_if_short(FileSystem& fs, const std::string& directory, std::uint64_t bytes);
// Makes it, durably, if it is not there with `bytes` and three times as many are available; with 0 bytes removes it.
[[nodiscard]] Result<> restore_ballast(FileSystem& fs, const std::string& directory, std::uint64_t bytes);

}  // namespace bitacora::storage
