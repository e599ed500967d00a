// Finding the records of some keys without reading all: what is wanted, and where it may be. The answer comes from the
// key index beside each segment (docs/storage-format.md) and errs on one side only: it may name too much, never too
// little.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/offset.h"

namespace bitacora::storage {

// A record without a key is never wanted.
struct KeyFilter {
  std::string prefix;                             // every wanted key begins with it; empty says nothing
  std::function<bool(std::string_view)> matches;  // a pure function of the key; from any thread
};

struct KeySearch {
  struct Range {
    OffsetRange offsets;      // begins and ends where batches do
    std::uint64_t bytes = 0;  // about how many of the log that is
  };
  std::vector<Range>
      ranges;        // rising, apart from each other. Between `from` and `until` nothing wanted is outside them
  Offset until = 0;  // the answer ends here, with the segment; past `from` unless that was the committed offset
};

}  // namespace bitacora::storage
