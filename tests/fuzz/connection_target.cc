// However the network cuts a stream, the same events come of it and the same answers.
#include <string>
#include <vector>

#include "fuzz/fuzz_target.h"
#include "mqtt/server_connection_owner.h"

namespace bitacora::mqtt {
namespace {

struct Outcome {
  std::vector<std::string> events;
  Bytes output;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome talk(ByteView stream, std::size_t piece_size) {
  VirtualClock clock;
  ServerConnection connection({}, clock.now());
  BackwardsOwner owner(connection, clock);
  Outcome outcome;
  while (!stream.empty() && !connection.closed()) {
    const std::size_t size = std::min(piece_size, stream.size());
    const Bytes own(stream.begin(),
                    stream.begin() + static_cast<std::ptrdiff_t>(size));  // a view of it may not be kept
    stream = stream.subspan(size);
    connection.on_bytes(own, clock.now());
    owner.take_events();
    append(outcome.output, connection.output());
    connection.consume_output(connection.output().size());
  }
  owner.give_answers();
  append(outcome.output, connection.output());
  outcome.events = owner.events();
  return outcome;
}

}  // namespace

FUZZ_TARGET(connection) {
  const std::size_t piece_size = 1 + input.byte();
  const ByteView stream = input.take_rest();
  fuzz::must(talk(stream, piece_size) == talk(stream, stream.size() + 1), "pieces do not matter");
}

}  // namespace bitacora::mqtt
