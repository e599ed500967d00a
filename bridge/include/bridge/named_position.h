// A place in a partition by the partition's name: what is written down, since indexes are not stable across starts.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "storage/offset.h"

namespace bitacora::bridge {

struct NamedPosition {
  std::string log;
  std::int32_t partition = 0;
  storage::Offset offset = 0;
  friend bool operator==(const NamedPosition&, const NamedPosition&) = default;
};
using NamedPositions = std::vector<NamedPosition>;

}  // namespace bitacora::bridge
