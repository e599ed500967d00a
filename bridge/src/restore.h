// From the journal's image of sessions back to sessions: those of one shard.
#pragma once

#include "connect_path.h"
#include "recovered_state.h"
#include "shard_context.h"

namespace bitacora::bridge {

void restore_sessions(const RecoveredState& recovered, ShardContext& context, ConnectPath& connecting);

}  // namespace bitacora::bridge
