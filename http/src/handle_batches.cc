// GET /topics/{log}/partitions/{partition}/batches: the log's bytes, whole batches, unparsed and by sendfile.
#include "bridge/start_position.h"
#include "caller.h"
#include "handlers.h"
#include "parameters.h"
#include "partition_read.h"

namespace bitacora::http {
namespace {

constexpr std::string_view media_type = "application/vnd.bitacora.batches.v2";
constexpr std::int64_t default_max_bytes = 16 << 20;
constexpr std::int64_t max_max_bytes = std::int64_t{1} << 30;

}  // namespace

Answer get_batches(Door& door, const Request& request) {
  const auto found = partition_of(door, request);
  if (!found) return found.error();
  const storage::Partition& partition = **found;
  const auto log = log_of(door, request);
  if (!log) return log.error();
  // Topics are not looked at on the way out.
  if (!request.caller->may_read_everything_of(**log)) return forbidden(door, "replay all of this log");
  const auto position = offset_parameter(request);
  if (!position) return position.error();
  const auto max_bytes = number_parameter(request, "max_bytes", 1, max_max_bytes, default_max_bytes);
  if (!max_bytes) return max_bytes.error();

  const auto from = bridge::resolve(*position, partition, door.now_ms());
  if (!from) return refuse_read(from.error(), partition);
  auto stored = partition.stored_batches(*from, static_cast<std::uint64_t>(*max_bytes));
  if (!stored) return refuse_read(stored.error(), partition);
  Answer answer;
  answer.content_type = media_type;
  answer.headers.push_back({"X-First-Offset", std::to_string(stored->offsets.begin)});
  answer.headers.push_back({"X-Next-Offset", std::to_string(stored->offsets.end)});
  add_bounds(answer, partition);
  answer.stored = std::move(*stored);
  return answer;
}

}  // namespace bitacora::http
