#include "bridge/group_offsets.h"

#include <algorithm>
#include <map>
#include <utility>

namespace bitacora::bridge {
namespace {

using Kind = OffsetRequest::Kind;

std::optional<storage::Error> error_of(const storage::Result<>& result) {
  if (result) return std::nullopt;
  return result.error();
}

// The answer to each commit of one group among requests[first..]: those before another request of that group.
void commit_together(storage::Catalog& catalog, const std::vector<OffsetRequest>& requests, std::size_t first,
                     std::vector<std::optional<OffsetAnswer>>& answers) {
  const std::string& group = requests[first].group;
  std::map<std::pair<std::string, std::int32_t>, storage::GroupOffset> merged;
  std::vector<std::size_t> members;
  for (std::size_t i = first; i < requests.size(); ++i) {
    if (requests[i].group != group) continue;
    if (requests[i].kind != Kind::commit) break;
    for (const storage::GroupOffset& offset : requests[i].offsets) merged[{offset.log, offset.partition}] = offset;
    members.push_back(i);
  }
  std::vector<storage::GroupOffset> offsets;
  offsets.reserve(merged.size());
  for (auto& [place, offset] : merged) offsets.push_back(std::move(offset));
  const auto error = error_of(catalog.put_group_offsets(group, offsets));
  for (const std::size_t i : members) answers[i] = OffsetAnswer{requests[i].shard, requests[i].id, {}, error};
}

OffsetAnswer load(storage::Catalog& catalog, const OffsetRequest& request) {
  catalog.claim_group(request.group);
  OffsetAnswer answer{request.shard, request.id, {}, std::nullopt};
  auto offsets = catalog.group_offsets(request.group);
  if (offsets) {
    answer.offsets = std::move(*offsets);
  } else {
    answer.error = std::move(offsets.error());
  }
  return answer;
}

OffsetAnswer remove(storage::Catalog& catalog, const OffsetRequest& request) {
  OffsetAnswer answer{request.shard, request.id, {}, error_of(catalog.remove_group(request.group))};
  if (answer.error && answer.error->code == storage::Errc::not_found) answer.error.reset();
  return answer;
}

}  // namespace

std::vector<OffsetAnswer> serve(storage::Catalog& catalog, std::vector<OffsetRequest> requests) {
  std::vector<std::optional<OffsetAnswer>> answers(requests.size());
  for (std::size_t i = 0; i < requests.size(); ++i) {
    if (answers[i]) continue;
    switch (requests[i].kind) {
      case Kind::load: answers[i] = load(catalog, requests[i]); break;
      case Kind::remove: answers[i] = remove(catalog, requests[i]); break;
      case Kind::commit: commit_together(catalog, requests, i, answers); break;
      case Kind::release:
        catalog.release_group(requests[i].group);
        answers[i] = OffsetAnswer{requests[i].shard, requests[i].id, {}, std::nullopt};
        break;
    }
  }
  std::vector<OffsetAnswer> done;
  done.reserve(answers.size());
  for (auto& answer : answers) done.push_back(std::move(*answer));
  return done;
}

}  // namespace bitacora::bridge
