#include "latest_offsets.h"

namespace bitacora::storage {
namespace {

constexpr std::size_t node_size = 96;  // of the tree's node, the string and the allocator's share

}  // namespace

void LatestOffsets::add(ByteView key, Offset offset) {
  const std::string_view text = as_text(key);
  if (const auto found = offsets_.find(text); found != offsets_.end()) {
    found->second = offset;
    return;
  }
  offsets_.emplace(text, offset);
  size_bytes_ += node_size + key.size();
}

std::optional<Offset> LatestOffsets::find(ByteView key) const {
  const auto found = offsets_.find(as_text(key));
  return found == offsets_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace bitacora::storage
