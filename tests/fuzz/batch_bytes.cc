#include "fuzz/batch_bytes.h"

#include "base/crc32c.h"
#include "base/endian.h"
#include "storage/batch.h"

namespace bitacora::fuzz {
namespace {

// docs/storage-format.md, "Batch".
constexpr std::size_t length_at = 8;
constexpr std::size_t magic_at = 16;
constexpr std::size_t crc_at = 17;
constexpr std::size_t covered_from = 21;
constexpr std::byte magic{2};

void seal(std::span<std::byte> batch) {
  batch[magic_at] = magic;
  store_be(batch.data() + crc_at, crc32c(batch.subspan(covered_from)));
}

}  // namespace

void mend_batch(std::span<std::byte> bytes) {
  if (bytes.size() < storage::batch_header_size) return;
  store_be(bytes.data() + length_at, static_cast<std::uint32_t>(bytes.size() - storage::batch_prefix_size));
  seal(bytes);
}

void mend_batches(std::span<std::byte> bytes) {
  for (;;) {
    const auto size = storage::BatchView::claimed_size(bytes);
    if (!size || *size > bytes.size()) return;
    seal(bytes.first(*size));
    bytes = bytes.subspan(*size);
  }
}

}  // namespace bitacora::fuzz
