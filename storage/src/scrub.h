// Where a scrub of one partition stands. Everything that is sealed is read again now and then, whether somebody wants
// it or not, so that damage is found while there is still a copy to repair it from.
#pragma once

#include <cstdint>

#include "storage/offset.h"

namespace bitacora::storage {

struct ScrubPosition {
  Offset offset = 0;                // the next to be looked at
  Offset segment_base = -1;         // of the segment that it is in; -1: in none yet
  std::uint64_t generation = 0;     // of that segment: another one with this base is read from its start
  std::uint64_t file_position = 0;  // of the batch with `offset`
};

struct ScrubStep {
  std::uint64_t bytes = 0;    // read
  std::uint32_t damages = 0;  // not known before
};

}  // namespace bitacora::storage
