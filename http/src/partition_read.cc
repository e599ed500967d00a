#include "partition_read.h"

namespace bitacora::http {

Parsed<bridge::StartPosition> offset_parameter(const Request& request) {
  const std::string* offset = request.parameter("offset");
  const auto from = bridge::parse_start_position(offset != nullptr ? std::string_view(*offset) : "earliest");
  if (!from) return Refused(error_answer(400, "offset: " + from.error()));
  return *from;
}

void add_bounds(Answer& answer, const storage::Partition& partition) {
  const storage::PartitionOffsets bounds = partition.offsets();
  answer.headers.push_back({"X-Log-Start-Offset", std::to_string(bounds.log_start)});
  answer.headers.push_back({"X-Committed-Offset", std::to_string(bounds.committed)});
}

Answer refuse_read(const storage::Error& error, const storage::Partition& partition) {
  Answer answer = error_answer(error);
  std::string more;
  if (error.code == storage::Errc::offset_out_of_range) {
    const storage::PartitionOffsets bounds = partition.offsets();
    more = ",\"log_start_offset\":" + std::to_string(bounds.log_start) +
           ",\"committed_offset\":" + std::to_string(bounds.committed);
  } else if (error.range) {
    more = ",\"damaged_from_offset\":" + std::to_string(error.range->begin) +
           ",\"damaged_to_offset\":" + std::to_string(error.range->end);
    answer.headers.push_back({"X-Next-Offset", std::to_string(error.range->end)});
  }
  answer.body.insert(answer.body.size() - 1, more);
  add_bounds(answer, partition);
  return answer;
}

}  // namespace bitacora::http
