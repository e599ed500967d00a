#include "key_index_file.h"

#include <array>

#include "base/assert.h"
#include "file_names.h"

namespace bitacora::storage {
namespace {

constexpr std::string_view file_head = "bitacora-keys 1\n";

}  // namespace

Result<std::optional<KeyIndexWalk>> KeyIndexWalk::open(FileSystem& fs, const std::string& stem, Offset base,
                                                       const File& segment) {
  auto file = fs.open(stem + std::string(key_index_suffix), OpenMode::read);
  if (!file) {
    if (file.error().code == Errc::not_found) return std::optional<KeyIndexWalk>();
    return Failed(std::move(file.error()));
  }
  const auto size = (*file)->size();
  if (!size) return Failed(size.error());
  return KeyIndexWalk(std::move(*file), *size, base, segment);
}

Result<std::optional<KeySection>> KeyIndexWalk::next() {
  if (end_.file_size == 0) {
    std::array<std::byte, file_head.size()> head{};
    const auto count = file_->read_at(0, head);
    if (!count) return Failed(count.error());
    if (*count != head.size() || as_text(head) != file_head) return std::optional<KeySection>();
    end_.file_size = file_head.size();
  }
  std::array<std::byte, KeySection::head_size> head{};
  const auto count = file_->read_at(end_.file_size, head);
  if (!count) return Failed(count.error());
  if (*count != head.size()) return std::optional<KeySection>();
  const std::uint64_t size = KeySection::claimed_size(head);
  if (size > file_size_ - end_.file_size) return std::optional<KeySection>();
  bytes_.resize(static_cast<std::size_t>(size));
  const auto read = file_->read_at(end_.file_size, bytes_);
  if (!read) return Failed(read.error());
  if (*read != bytes_.size()) return std::optional<KeySection>();
  std::optional<KeySection> section = KeySection::check(bytes_);
  if (!section || section->scope().offsets.begin != end_.offset) return std::optional<KeySection>();
  const Result<bool> bound = is_bound(section->scope());
  if (!bound) return Failed(bound.error());
  if (!*bound) return std::optional<KeySection>();
  end_.offset = section->scope().offsets.end;
  end_.position = section->scope().end_position;
  end_.file_size += size;
  return section;
}

// Does the batch that the section ended with stand where it stood?
Result<bool> KeyIndexWalk::is_bound(const KeySectionScope& scope) const {
  if (scope.last_position == KeySectionScope::no_batch) return true;  // it holds nothing but what nobody can read
  Bytes header(batch_header_size);
  const auto count = segment_->read_at(scope.last_position, header);
  if (!count) return Failed(count.error());
  if (*count != header.size() || !BatchView::claimed_size(header)) return false;
  const BatchView batch = BatchView::header_only(header);
  return batch.crc() == scope.last_crc && batch.base_offset() >= scope.offsets.begin &&
         batch.next_offset() <= scope.offsets.end;
}

Result<> append_key_section(FileSystem& fs, const std::string& stem, const KeySectionScope& scope, ByteView section,
                            KeyIndexEnd& end) {
  BITACORA_ASSERT(scope.offsets.begin == end.offset);
  const auto file = fs.open(stem + std::string(key_index_suffix), OpenMode::create);
  if (!file) return Failed(file.error());
  if (auto done = (*file)->truncate(end.file_size); !done) return done;
  Result<> written;
  std::uint64_t size = section.size();
  if (end.file_size == 0) {
    const std::array<ByteView, 2> pieces{as_bytes(file_head), section};
    written = (*file)->write_at(0, pieces);
    size += file_head.size();
  } else {
    written = (*file)->write_at(end.file_size, section);
  }
  if (!written) return written;
  end = {.offset = scope.offsets.end, .position = scope.end_position, .file_size = end.file_size + size};
  return {};
}

}  // namespace bitacora::storage
