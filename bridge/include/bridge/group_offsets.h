// The catalog as groups ask for it. SQLite may wait for the disk, so a shard never calls it: it hands out requests,
// whose owner serves them elsewhere (a thread in net/, a step of the simulator) and hands back the answers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "storage/catalog.h"

namespace bitacora::bridge {

struct OffsetRequest {
  enum class Kind : std::uint8_t {
    load,  // and claim: from now on nobody else writes its offsets
    commit,
    remove,
    release,  // it has no members any more
  };
  Kind kind = Kind::load;
  std::uint32_t shard = 0;  // who gets the answer
  std::uint64_t id = 0;     // chosen by the shard, handed back
  std::string group;
  std::vector<storage::GroupOffset> offsets{};  // commit
};

struct OffsetAnswer {
  std::uint32_t shard = 0;
  std::uint64_t id = 0;
  std::vector<storage::GroupOffset> offsets;  // load: all the group has; empty if there is no such group
  std::optional<storage::Error> error;
};

// Serves all requests in their order and returns an answer for each, in that order. A commit is durable when its answer
// says so. Of commits of one group that stand together only one transaction is made, with the last offset of each
// partition. Removing a group that is not there is no error.
[[nodiscard]] std::vector<OffsetAnswer> serve(storage::Catalog& catalog, std::vector<OffsetRequest> requests);

}  // namespace bitacora::bridge
