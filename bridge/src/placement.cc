// Which shard a client belongs to, and how that is seen before its CONNECT is.
#include "base/murmur2.h"
#include "bridge/shard.h"
#include "mqtt/codec.h"

namespace bitacora::bridge {

ShardIndex shard_of(std::string_view client_id, std::uint32_t shard_count) noexcept {
  return ShardIndex(murmur2(as_bytes(client_id)) % shard_count);
}

ClientIdPeek peek_client_id(ByteView bytes, const mqtt::ConnectionLimits& limits) {
  const ClientIdPeek anywhere{ClientIdPeek::State::known, {}};
  if (bytes.empty()) return {};
  if (std::to_integer<unsigned>(bytes.front()) != 0x10) return anywhere;
  const auto frame = mqtt::decode_frame(bytes);
  if (!frame) return anywhere;
  if (!*frame) return {};
  if ((*frame)->size() > limits.max_connect_packet_size) return anywhere;
  if (bytes.size() < (*frame)->size()) return {};
  const auto packet = mqtt::decode(bytes.first((*frame)->size()), mqtt::ProtocolVersion::v5, limits.codec);
  if (!packet || !std::holds_alternative<mqtt::Connect>(*packet)) return anywhere;
  return {ClientIdPeek::State::known, std::string(std::get<mqtt::Connect>(*packet).client_id)};
}

}  // namespace bitacora::bridge
