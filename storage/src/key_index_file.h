// The file beside a segment that says which keys are where in it: `<base>.keyindex`. Sections one behind the other,
// from the segment's first offset on; it grows while the segment does. docs/storage-format.md, "Key index".
//
// It is a cache and never trusted in doubt: what ends the walk (a torn section, one that does not continue the one
// before, one that speaks of other batches than stand in the segment) ends what is known, and behind that everything
// has to be read.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "key_section.h"
#include "storage/errc.h"
#include "storage/file_system.h"

namespace bitacora::storage {

// How far an index goes.
struct KeyIndexEnd {
  Offset offset = 0;            // one past the last one covered
  std::uint64_t position = 0;   // where the batch with that offset stands in the segment, or will
  std::uint64_t file_size = 0;  // of what is good
};

// Walks the good sections.
class KeyIndexWalk {
 public:
  // nullopt if there is no index file. `segment` is the segment's file and outlives the walk.
  [[nodiscard]] static Result<std::optional<KeyIndexWalk>> open(FileSystem& fs, const std::string& stem, Offset base,
                                                                const File& segment);

  // The next section, good until the next call; nullopt where what is good ends.
  [[nodiscard]] Result<std::optional<KeySection>> next();
  // Behind the last section that next() gave.
  [[nodiscard]] const KeyIndexEnd& end() const noexcept { return end_; }
  // After next() gave none: is there something behind the end?
  [[nodiscard]] bool has_rest() const noexcept { return end_.file_size < file_size_; }

 private:
  KeyIndexWalk(std::unique_ptr<File> file, std::uint64_t file_size, Offset base, const File& segment)
      : file_(std::move(file)), file_size_(file_size), segment_(&segment), end_{.offset = base} {}
  [[nodiscard]] Result<bool> is_bound(const KeySectionScope& scope) const;

  std::unique_ptr<File> file_;
  std::uint64_t file_size_;
  const File* segment_;
  KeyIndexEnd end_;
  Bytes bytes_;
};

// Writes a section behind `end`, cutting off what may lie there, and moves `end` on. Not durable: what a crash takes is
// made again.
[[nodiscard]] Result<> append_key_section(FileSystem& fs, const std::string& stem, const KeySectionScope& scope,
                                          ByteView section, KeyIndexEnd& end);

}  // namespace bitacora::storage
