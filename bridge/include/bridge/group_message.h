// What a group's home shard and its members' shards tell each other. A group lives on one shard, its home, which alone
// reads the log for it; a member is a session on the shard of its client id. Messages from one shard to another arrive
// in the order of sending; nothing else is assumed.
//
//   member's shard -> home                              home -> member's shard
//   JoinGroup      a new member; wants an answer        GroupJoined   the answer: its SUBACK may leave
//   MemberOnline   its connection is up                 HandOver      records to be delivered
//   MemberOffline  its connection is gone
//   RecordsSettled delivered and acknowledged, or passed over
//   MemberFull, MemberHasRoom
//   LeaveSoon      wants no more, finishes what it has
//   LeaveGroup     is no member any more
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/strong.h"
#include "bridge/append_queue.h"
#include "bridge/group_filter.h"
#include "mqtt/reason_code.h"
#include "storage/partition.h"

namespace bitacora::bridge {

struct MemberId {
  std::uint32_t shard = 0;
  std::uint64_t session_epoch = 0;
  friend auto operator<=>(const MemberId&, const MemberId&) = default;
};

struct RecordPlace {
  storage::Partition* partition = nullptr;
  storage::Offset offset = 0;
  friend bool operator==(const RecordPlace&, const RecordPlace&) = default;
};
using RecordPlaces = std::vector<RecordPlace>;

enum class Lifetime : std::uint8_t { connection, persistent };  // of a member's session

// How one connection of a member takes records. An attachment is one connection's time: records that were handed over
// to an earlier one are not for this one.
struct Attachment {
  std::uint64_t number = 0;  // rises with each of the member's connections, and each time it joins
  std::size_t window = 1;    // records it takes before one of them is settled
  Lifetime lifetime = Lifetime::connection;
};

// `in_flight`: what it still has from before, when it comes back while it was leaving; all else that it was handed over
// did not reach it.
struct JoinGroup {
  GroupKind kind = GroupKind::share;
  std::string topic_filter;
  std::optional<StartPosition> from;
  Attachment attachment;
  RecordPlaces in_flight;
  Ticket ticket;          // of the SUBSCRIBE that waits
  std::size_t entry = 0;  // which of its filters this is
};
struct MemberOnline {
  Attachment attachment;
};
// `kept`: QoS 2 deliveries that will be finished with this client and nobody else [MQTT-4.8.2-4]. All else that it had
// not settled goes to others.
struct MemberOffline {
  RecordPlaces kept;
};
struct RecordsSettled {
  RecordPlaces places;
};
// Its window or its socket is full: hands back what it could not send, and takes no more until MemberHasRoom.
struct MemberFull {
  RecordPlaces returned;
};
struct MemberHasRoom {};
struct LeaveSoon {
  RecordPlaces returned;
};
// `settled`: not given to anybody else [MQTT-4.8.2-5]; all else is.
struct LeaveGroup {
  RecordPlaces settled;
};

struct GroupJoined {
  Ticket ticket;
  std::size_t entry = 0;
  mqtt::ReasonCode reason = mqtt::ReasonCode::success;
  std::string why;  // a refusal, for a person
};
struct HandOver {
  std::uint64_t attachment = 0;  // Attachment::number
  RecordPlaces places;           // in offset order within a partition
};

struct GroupMessage {
  std::string group;  // catalog_name()
  MemberId member;
  std::variant<JoinGroup, MemberOnline, MemberOffline, RecordsSettled, MemberFull, MemberHasRoom, LeaveSoon, LeaveGroup,
               GroupJoined, HandOver>
      body;
};

// A message and the shard it is for, which may be the sender.
struct ShardMail {
  std::uint32_t to = 0;
  GroupMessage message;
};

// hash % count, as with client ids.
[[nodiscard]] std::uint32_t home_shard_of(std::string_view group, std::uint32_t shard_count) noexcept;

}  // namespace bitacora::bridge
