// What decodes is encoded to bytes that decode to the same, and as many as were foretold.
#include "fuzz/fuzz_target.h"
#include "mqtt/codec.h"

namespace bitacora::mqtt {

FUZZ_TARGET(packet) {
  constexpr ProtocolVersion versions[] = {ProtocolVersion::v3_1, ProtocolVersion::v3_1_1, ProtocolVersion::v5};
  const ProtocolVersion version = versions[input.byte() % 3];
  const ByteView bytes = input.take_rest();
  if (const auto frame = decode_frame(bytes); !frame || !*frame || (*frame)->size() != bytes.size()) return;
  const auto packet = decode(bytes, version);
  if (!packet) return;
  Bytes again;
  encode(again, *packet, version);
  fuzz::must(again.size() == encoded_size(*packet, version), "encoded_size is the size of what is encoded");
  const auto second = decode(again, version);
  fuzz::must(second.has_value(), "what was encoded decodes");
  fuzz::must(format(*second) == format(*packet), "a packet comes back as it was");
}

}  // namespace bitacora::mqtt
