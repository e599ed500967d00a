// What of a session must survive the process, as records of the compacted log `__sessions`: written through the same
// group commit as publishes, read back at start. Grammar and reasons: docs/sessions.md.
//
//   key                          value (first byte: format version 1; integers big-endian)
//   s NUL client                 the session: epoch, protocol version, expiry, when its client left
//   f NUL client NUL filter      one subscription: epoch, options, identifier, where it starts
//   c NUL client NUL feed        one cursor: epoch, "live", or a position for each partition
//   q NUL client                 QoS 2 ids received and not released: epoch, sequence up to which this is all, the ids,
//                                those refused of which a record may come back, digests of what may be another message
//   w NUL client                 the Will of the connection, or the delayed one of the last: epoch, the message
//   i NUL client                 what was in flight when its client left: epoch, whether all packet ids that the client
//                                may hold are known, the next sequence, the messages. Removed while it is connected
//   m NUL shard                  a mark: positions up to which the shard had seen every partition
//
// No value (a tombstone) removes. What carries another epoch than its session's is of an earlier session of that client
// and does not count.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "bridge/in_flight.h"
#include "bridge/named_position.h"
#include "bridge/stored_will.h"
#include "mqtt/packet.h"
#include "storage/batch.h"
#include "storage/offset.h"

namespace bitacora::bridge {

struct SessionEntry {
  std::string client_id;
  std::uint64_t epoch = 0;  // never 0 in a record
  mqtt::ProtocolVersion version = mqtt::ProtocolVersion::v3_1_1;
  std::uint32_t expiry_s = 0;     // 0xFFFFFFFF: never
  Timestamp disconnected_at = 0;  // ms since the epoch; 0: the client was connected when this was written
  std::string user{};             // whose session it is; empty: an anonymous client's
  friend bool operator==(const SessionEntry&, const SessionEntry&) = default;
};

struct SubscriptionEntry {
  std::string client_id;
  std::string filter;  // as in the SUBSCRIBE
  std::uint64_t epoch = 0;
  mqtt::SubscriptionOptions options;
  std::uint32_t identifier = 0;  // 0: none
  NamedPositions start;          // records below are not for it; empty: it is as old as the cursor
  friend bool operator==(const SubscriptionEntry&, const SubscriptionEntry&) = default;
};

struct FeedEntry {
  std::string client_id;
  std::string feed;  // "": the ordinary subscriptions; else the replay filter
  std::uint64_t epoch = 0;
  bool live = false;         // everything below the shard's next mark was delivered and acknowledged
  NamedPositions positions;  // in any case everything below these was; empty: an earlier version's, of a live one
  friend bool operator==(const FeedEntry&, const FeedEntry&) = default;
};

struct Qos2Entry {
  std::string client_id;
  std::uint64_t epoch = 0;
  std::uint32_t complete_below = 0;  // of every publish with a lower sequence, `received` and `refused` say all
  struct Received {
    mqtt::PacketId packet_id;
    std::uint32_t sequence = 0;
    std::optional<std::uint64_t> digest{};  // of its record: see Qos2Inbound::Entry
    friend bool operator==(const Received&, const Received&) = default;
  };
  std::vector<Received> received;  // each packet id once
  struct Refused {
    mqtt::PacketId packet_id;
    std::uint32_t sequence = 0;
    friend bool operator==(const Refused&, const Refused&) = default;
  };
  std::vector<Refused> refused{};  // after a failed write, which may have left a record all the same
  friend bool operator==(const Qos2Entry&, const Qos2Entry&) = default;
};

struct WillEntry {
  std::string client_id;
  std::uint64_t epoch = 0;
  StoredWill will;
  friend bool operator==(const WillEntry&, const WillEntry&) = default;
};

struct InFlightEntry {
  std::string client_id;
  std::uint64_t epoch = 0;
  bool ids_known = true;
  std::uint64_t next_sequence = 0;
  struct Message {
    std::uint64_t sequence = 0;
    NamedPosition place;              // of the record
    std::optional<std::string> feed;  // by name; none: a retained message, or its feed is gone
    InFlightMessage::Awaiting awaiting = InFlightMessage::Awaiting::puback;
    mqtt::Retain retain = mqtt::Retain::no;
    std::uint32_t identifier = 0;
    friend bool operator==(const Message&, const Message&) = default;
  };
  std::vector<Message> messages;  // in the order of sending
  friend bool operator==(const InFlightEntry&, const InFlightEntry&) = default;
};

struct MarkEntry {
  std::uint32_t shard = 0;
  NamedPositions positions;
  friend bool operator==(const MarkEntry&, const MarkEntry&) = default;
};

// A record of the journal in bytes; an empty value is a tombstone.
struct JournalRecord {
  Bytes key;
  std::optional<Bytes> value;
};

[[nodiscard]] JournalRecord encode(const SessionEntry& entry);
[[nodiscard]] JournalRecord encode(const SubscriptionEntry& entry);
[[nodiscard]] JournalRecord encode(const FeedEntry& entry);
[[nodiscard]] JournalRecord encode(const Qos2Entry& entry);
[[nodiscard]] JournalRecord encode(const WillEntry& entry);
[[nodiscard]] JournalRecord encode(const InFlightEntry& entry);
[[nodiscard]] JournalRecord encode(const MarkEntry& entry);
[[nodiscard]] JournalRecord session_tombstone(std::string_view client_id);
[[nodiscard]] JournalRecord subscription_tombstone(std::string_view client_id, std::string_view filter);
[[nodiscard]] JournalRecord feed_tombstone(std::string_view client_id, std::string_view feed);
[[nodiscard]] JournalRecord qos2_tombstone(std::string_view client_id);
[[nodiscard]] JournalRecord will_tombstone(std::string_view client_id);
[[nodiscard]] JournalRecord in_flight_tombstone(std::string_view client_id);
[[nodiscard]] JournalRecord mark_tombstone(std::uint32_t shard);

// All of the journal put together, record after record in log order.
class JournalImage {
 public:
  struct Session {
    SessionEntry entry;
    std::map<std::string, SubscriptionEntry> subscriptions;  // by filter
    std::map<std::string, FeedEntry> feeds;                  // by feed
    std::optional<Qos2Entry> qos2;
    std::optional<WillEntry> will;
    std::optional<InFlightEntry> in_flight;
  };

  // False if the record is not of a form this version knows; it then changed nothing.
  [[nodiscard]] bool apply(const storage::RecordView& record);
  // After the last record: takes out what belongs to no session or to an earlier one of its client.
  void finish();

  [[nodiscard]] const std::map<std::string, Session>& sessions() const noexcept { return sessions_; }
  [[nodiscard]] std::map<std::string, Session>& sessions() noexcept { return sessions_; }
  [[nodiscard]] const std::map<std::uint32_t, MarkEntry>& marks() const noexcept { return marks_; }

  // For each partition the lowest offset that any mark names; a partition that no mark names is not in it.
  [[nodiscard]] std::map<std::pair<std::string, std::int32_t>, storage::Offset> lowest_marks() const;

 private:
  std::map<std::string, Session> sessions_;
  std::map<std::uint32_t, MarkEntry> marks_;
};

}  // namespace bitacora::bridge
