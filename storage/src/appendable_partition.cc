#include "appendable_partition.h"

#include <algorithm>

namespace bitacora::storage {

std::optional<OffsetAtTime> first_at_or_after(const BatchView& batch, Timestamp timestamp, Offset lowest) {
  if (batch.codec() != Codec::none) return OffsetAtTime{std::max(batch.base_offset(), lowest), batch.max_timestamp()};
  RecordReader reader(batch);
  while (true) {
    const Result<std::optional<RecordView>> record = reader.next();
    if (!record || !*record) return std::nullopt;
    if ((*record)->timestamp >= timestamp && (*record)->offset >= lowest) {
      return OffsetAtTime{(*record)->offset, (*record)->timestamp};
    }
  }
}

}  // namespace bitacora::storage
