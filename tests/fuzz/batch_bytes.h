// Lets a fuzzer past the checksums: without it hardly any of its batches would ever be looked at.
#pragma once

#include "base/bytes.h"

namespace bitacora::fuzz {

// Sets the length, the magic and the CRC of the batch at the front of `bytes` to what they must be for these bytes, if
// there are enough for a header.
void mend_batch(std::span<std::byte> bytes);
// The same for every batch in a file of them, each as long as it claims.
void mend_batches(std::span<std::byte> bytes);

}  // namespace bitacora::fuzz
