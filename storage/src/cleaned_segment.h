// The file that compaction builds beside a segment: `<base>.log.cleaned`. Batches go in in offset order; the offsets of
// an emptied one are given to the batch before it, so that the chain stays dense.
//
// Where an old segment began a batch begins in the new one too. So the new file may take the first old one's name while
// the others are still there: by the rule that a segment ends where the next begins, each state in between is whole.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "segment_index.h"
#include "storage/batch.h"
#include "storage/errc.h"
#include "storage/file_system.h"

namespace bitacora::storage {

class CleanedSegment {
 public:
  // Replaces a file that is there. `fs` outlives the result.
  [[nodiscard]] static Result<CleanedSegment> create(FileSystem& fs, std::string path, Offset base,
                                                     std::int64_t index_interval);

  // A batch begins here: offsets of what comes next are not given to what was before.
  [[nodiscard]] Result<> begin_section();
  [[nodiscard]] Result<> add_unchanged(const BatchView& batch);
  // `bytes`: one unsealed batch with base offset and leader epoch.
  [[nodiscard]] Result<> add_rewritten(Bytes bytes);
  [[nodiscard]] Result<> add_emptied(const BatchView& batch);
  // Writes what is left and syncs: the bytes are durable, the name is not.
  [[nodiscard]] Result<> finish();

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  // After finish().
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  [[nodiscard]] const SegmentIndex& index() const noexcept { return index_; }
  [[nodiscard]] const std::shared_ptr<File>& file() const noexcept { return file_; }

 private:
  CleanedSegment(std::string path, std::shared_ptr<File> file, SegmentIndex index)
      : path_(std::move(path)), file_(std::move(file)), index_(std::move(index)) {}
  [[nodiscard]] Result<> put(Bytes bytes, bool is_sealed);
  [[nodiscard]] Result<> release_last();
  [[nodiscard]] Result<> write_buffer();

  std::string path_;
  std::shared_ptr<File> file_;
  SegmentIndex index_;
  Bytes last_;  // the last batch: it may still be given offsets. Empty: there is none in this section yet
  bool last_is_sealed_ = false;
  Bytes buffer_;
  std::uint64_t size_ = 0;  // with the buffer
};

}  // namespace bitacora::storage
