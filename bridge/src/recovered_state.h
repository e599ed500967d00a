// What the logs say at start, put together once for all shards.
#pragma once

#include <vector>

#include "bridge/retained_index.h"
#include "bridge/session_journal.h"

namespace bitacora::bridge {

class RecoveredState {
 public:
  // Every feed has explicit positions; `qos2` is complete.
  std::vector<JournalImage::Session> sessions;
  RetainedIndex retained;
  bool has_marks = false;  // the journal holds a mark for each shard
};

}  // namespace bitacora::bridge
