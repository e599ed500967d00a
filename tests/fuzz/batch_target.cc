// Any bytes as a batch: what passes the check can be walked, and built again from its records.
#include "base/crc32c.h"
#include "fuzz/batch_bytes.h"
#include "fuzz/fuzz_target.h"
#include "storage/batch.h"

namespace bitacora::storage {
namespace {

void rebuild(BatchView batch) {
  BatchBuilder builder;
  RecordReader reader(batch);
  for (;;) {
    const auto record = reader.next();
    if (!record || !*record) break;
    builder.add(**record);
  }
  if (builder.empty()) return;
  const std::int32_t count = builder.record_count();
  Bytes bytes = builder.take();
  seal_batch(bytes, batch.base_offset(), batch.leader_epoch(), CommitMark::absent, 0);
  const auto again = BatchView::check(bytes);
  fuzz::must(again.has_value(), "a batch that was built passes the check");
  fuzz::must(again->record_count() == count, "it has the records that were added");
  fuzz::must(check_records(*again).has_value(), "its records are whole");
}

}  // namespace

FUZZ_TARGET(batch) {
  const bool mend = input.byte() % 2 == 1;
  const ByteView given = input.take_rest();
  Bytes bytes(given.begin(), given.end());
  if (mend) fuzz::mend_batch(bytes);
  const auto batch = BatchView::check(bytes);
  if (!batch) return;
  fuzz::must(batch->size() <= bytes.size(), "a batch lies within its bytes");
  const auto records = check_records(*batch);
  if (batch->codec() != Codec::none && batch->record_count() > 0) {
    fuzz::must(!records && records.error().code == Errc::unsupported_format, "what is compressed is told, not read");
  }
  rebuild(*batch);
}

}  // namespace bitacora::storage
