// What a rig knows, one fact at a time, in the order in which it came to know it: what clients did and were told, what
// readers were given, what was done to the server. Plain values; facts of several clients may stand in any order as
// long as each client's own are in theirs.
//
// A publish is recorded before its first byte is sent, everything else after its last byte was received: only then does
// "acknowledged" say what it must.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "proof/payload.h"

namespace bitacora::proof {

using Offset = std::int64_t;
struct Place {
  std::string log;
  std::int32_t partition = 0;
  Offset offset = 0;
  friend bool operator==(const Place&, const Place&) = default;
};

// --- the world ---

enum class Durability : std::uint8_t { sync, async, memory };
enum class Keep : std::uint8_t {
  all,      // nothing is ever removed
  recent,   // whole beginnings are: the log start offset moves
  compact,  // the last record of each key stays
};
// A log must be known before anything is said of its records.
struct LogKnown {
  std::string log;
  Durability durability = Durability::sync;
  Keep keep = Keep::all;
  friend bool operator==(const LogKnown&, const LogKnown&) = default;
};
enum class End : std::uint8_t { clean, kill, power };
// The server is gone. What it counted is gone too.
struct ServerEnded {
  End how = End::clean;
  std::int64_t at_ms = 0;  // any clock, the same for all facts
  friend bool operator==(const ServerEnded&, const ServerEnded&) = default;
};
// The disk works again, the process may run again: from here on the server is to become ready by itself.
struct FaultEnded {
  std::int64_t at_ms = 0;
  friend bool operator==(const FaultEnded&, const FaultEnded&) = default;
};
struct ServerReady {
  std::int64_t at_ms = 0;
  friend bool operator==(const ServerReady&, const ServerReady&) = default;
};
enum class Harm : std::uint8_t {
  quarantine,  // durable records cannot be read
  cut,         // a torn tail
};
// The rig has damaged these records: [begin, end) of a partition.
struct Injected {
  Harm harm = Harm::quarantine;
  std::string log;
  std::int32_t partition = 0;
  Offset begin = 0, end = 0;
  friend bool operator==(const Injected&, const Injected&) = default;
};
// The server says that it found harm: its recovery report, or an answer to a reader.
struct Reported {
  Harm harm = Harm::quarantine;
  std::string log;
  std::int32_t partition = 0;
  Offset begin = 0, end = 0;
  friend bool operator==(const Reported&, const Reported&) = default;
};
// The server's counter of refused publishes, since it was started.
struct RefusalsCounted {
  std::uint64_t count = 0;
  friend bool operator==(const RefusalsCounted&, const RefusalsCounted&) = default;
};

// --- publishers, over MQTT or HTTP ---

// One attempt. The first of each sequence number says what it is; later ones are the same message sent again. A
// publisher's sequence numbers begin at 0 and are dense.
struct Published {
  std::string publisher;
  std::uint32_t sequence = 0;
  std::string topic;
  std::uint8_t qos = 1;  // HTTP: 1
  enum class Kind : std::uint8_t {
    plain,
    retained,
    removal,  // retained with an empty payload
  } kind = Kind::plain;
  friend bool operator==(const Published&, const Published&) = default;
};
enum class Answer : std::uint8_t { puback, pubrec, pubcomp, produced };
struct Acknowledged {
  std::string publisher;
  std::uint32_t sequence = 0;
  Answer by = Answer::puback;
  std::optional<Place> place{};  // where the receipt named it
  friend bool operator==(const Acknowledged&, const Acknowledged&) = default;
};
// Told that it was not taken.
struct Refused {
  std::string publisher;
  std::uint32_t sequence = 0;
  std::string reason{};
  friend bool operator==(const Refused&, const Refused&) = default;
};

// The server did not take it, and its sender will never hear of that: told by a rig that sees into the server. How many
// there were, without names, is RefusalsCounted less Refused.
struct RefusedUnheard {
  std::string publisher;
  std::uint32_t sequence = 0;
  friend bool operator==(const RefusedUnheard&, const RefusedUnheard&) = default;
};

// --- readers of the log ---

// One reading of one partition: ReadingBegan, ReadRecord for each record in the order given, ReadingEnded. `reading` is
// unique in the ledger.
struct ReadingBegan {
  std::uint32_t reading = 0;
  std::string log;
  std::int32_t partition = 0;
  Offset log_start = 0;  // as the server says it
  Offset from = 0;       // >= log_start: what was asked for
  friend bool operator==(const ReadingBegan&, const ReadingBegan&) = default;
};
struct ReadRecord {
  std::uint32_t reading = 0;
  Offset offset = 0;
  std::string topic;  // the record's key
  Content content{};
  friend bool operator==(const ReadRecord&, const ReadRecord&) = default;
};
struct ReadingEnded {
  std::uint32_t reading = 0;
  Offset next = 0;  // one past the last record, as the server says it: the committed offset
  friend bool operator==(const ReadingEnded&, const ReadingEnded&) = default;
};

// --- subscribers ---

enum class Order : std::uint8_t {
  kept,  // of one partition's records the first copies come in the order of offsets
  any,   // $share
};
// From here on every message whose topic begins with `topic_prefix` is to reach this subscriber sooner or later: a
// persistent session's subscription was acknowledged, or a group has members. A group is one subscriber, whichever
// member is given a message.
struct Subscribed {
  std::string subscriber;
  std::string topic_prefix{};
  Order order = Order::kept;
  friend bool operator==(const Subscribed&, const Subscribed&) = default;
};
struct Delivered {
  std::string subscriber;
  std::string topic;
  Content content{};
  std::optional<Place> place{};  // where the delivery named it
  friend bool operator==(const Delivered&, const Delivered&) = default;
};
// A member of a group has acknowledged this record.
struct Consumed {
  std::string group;
  Place place;
  friend bool operator==(const Consumed&, const Consumed&) = default;
};
// Of a group, in a partition: the next record that it wants.
struct GroupCommitted {  // a client was told that this is its position now
  std::string group;
  Place place;
  friend bool operator==(const GroupCommitted&, const GroupCommitted&) = default;
};
struct GroupRead {  // the server says that this is its position
  std::string group;
  Place place;
  friend bool operator==(const GroupRead&, const GroupRead&) = default;
};
struct GroupReset {  // set by somebody, or told to have been set back: it may go anywhere
  std::string group;
  Place place;
  friend bool operator==(const GroupReset&, const GroupReset&) = default;
};
// What a new subscriber is given as the retained message of a topic; empty: none.
struct RetainedRead {
  std::string topic;
  Content content{};
  friend bool operator==(const RetainedRead&, const RetainedRead&) = default;
};

using Fact = std::variant<LogKnown, ServerEnded, FaultEnded, ServerReady, Injected, Reported, RefusalsCounted,
                          Published, Acknowledged, Refused, RefusedUnheard, ReadingBegan, ReadRecord, ReadingEnded,
                          Subscribed, Delivered, Consumed, GroupCommitted, GroupRead, GroupReset, RetainedRead>;

}  // namespace bitacora::proof
