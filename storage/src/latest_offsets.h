// For each key its last offset: what a compaction pass learns from the records that no pass has seen yet. It holds the
// keys themselves, so that no two can be mistaken for each other, in a tree, so that no publisher can choose keys that
// make it slow.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "storage/offset.h"

namespace bitacora::storage {

class LatestOffsets {
 public:
  // Offsets must rise from call to call.
  void add(ByteView key, Offset offset);
  // nullopt for a key that was never added.
  [[nodiscard]] std::optional<Offset> find(ByteView key) const;
  // Roughly what it takes, with what the tree costs.
  [[nodiscard]] std::size_t size_bytes() const noexcept { return size_bytes_; }

 private:
  std::map<std::string, Offset, std::less<>> offsets_;
  std::size_t size_bytes_ = 0;
};

}  // namespace bitacora::storage
