// What the server keeps of a client beyond a network connection: subscriptions, feeds (its cursors), what is in flight
// both ways, the Will. Plain state; what happens to it is connect_path, subscribe_path, publish_path and delivery.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/strong.h"
#include "bridge/append_queue.h"
#include "bridge/connection_origin.h"
#include "bridge/cursor.h"
#include "bridge/group_message.h"
#include "bridge/in_flight.h"
#include "bridge/message.h"
#include "bridge/rights.h"
#include "bridge/shard.h"
#include "bridge/stored_will.h"
#include "identity/scram.h"
#include "mqtt/packet.h"
#include "publish_history.h"

namespace bitacora::bridge {

struct Session;
struct Connection;
struct Membership;

// Where a subscription made while its cursor was behind begins: nothing below is for it. By PartitionIndex.
using StartOffsets = std::vector<storage::Offset>;

struct Subscription {
  std::string filter;        // as in the SUBSCRIBE: its name in the session
  std::string topic_filter;  // what topics are matched against: without $replay/<from>/
  mqtt::SubscriptionOptions options;
  std::uint32_t identifier = 0;  // 0: none
  Feed* feed = nullptr;
  std::shared_ptr<const StartOffsets> start;  // null: as old as the feed's cursor
};

// One cursor of a session and the subscriptions it serves: all ordinary ones share a feed, each replay has its own.
// Live: it is where the shard is, and gets records as they are committed. Otherwise `cursor` says where it is and it
// reads the log until it has caught up.
struct Feed {
  Session* session = nullptr;
  std::string name;  // "": the ordinary feed; else the replay filter
  // $log: this partition and no other. $stream: this log's partitions and no others.
  struct Only {
    storage::Partition* partition = nullptr;
    storage::Log* log = nullptr;
  } only;
  std::vector<Subscription*> subscriptions;  // the session's, served by this feed
  bool live = false;
  Cursor cursor;                 // live == false
  StartOffsets skip_qos0_below;  // offline then: what was published at QoS 0 is not delivered; may be empty
  bool written_as_live = false;  // what the journal says of it
  bool written = false;
  Membership* membership = nullptr;  // a group's: it has no cursor, the group's home hands records over

  [[nodiscard]] bool is_group() const noexcept { return membership != nullptr; }
  [[nodiscard]] bool is_replay() const noexcept { return !name.empty() && !is_group(); }
  // 5.0 deliveries say where the record lies.
  [[nodiscard]] bool tells_place() const noexcept;
  [[nodiscard]] bool may_deliver(std::string_view topic) const;  // its client's rights
  [[nodiscard]] bool reads(const storage::Partition& partition) const {
    if (only.partition != nullptr) return only.partition == &partition;
    return only.log == nullptr || partition.log_name() == only.log->name();
  }
};

// A session's part in a group. docs/groups.md
struct Membership {
  std::string group;  // catalog_name()
  GroupKind kind = GroupKind::share;
  Feed feed;                        // one subscription, no cursor
  std::uint64_t attachment = 0;     // number of the latest
  std::deque<RecordPlace> pending;  // handed over, not sent yet
  RecordPlaces settled;             // the home is to be told
  bool full = false;                // the home was told
  bool leaving = false;             // unsubscribed; what was sent is finished
  bool touched = false;             // in the list of those whose home is to be told something
};

inline bool Feed::tells_place() const noexcept {
  return is_replay() || (is_group() && membership->kind == GroupKind::partitioned);
}

// Retained messages on their way to a new subscription, paced: one walk over the index, resumed by topic.
struct RetainedWalk {
  std::string filter;  // the subscription's topic_filter
  mqtt::QoS maximum_qos = mqtt::QoS::at_most_once;
  std::uint32_t identifier = 0;
  bool no_local = false;
  std::optional<std::string> after;
};

// The QoS 2 publishes of a client that it has not released yet: why the second copy of one is not a second record.
struct Qos2Inbound {
  struct Entry {
    std::uint32_t sequence = 0;
    bool committed = false;   // false: PUBREC has to wait for the log
    bool restored = false;    // read from the log at start
    bool lacks_copy = false;  // it was retained, and its copy in the retained log may not be stored
    // Of a record that the start found and the journal did not vouch for: it may be of a publish that was refused, and
    // the client may have heard it and use the id for another message.
    std::optional<std::uint64_t> digest{};
  };
  std::map<mqtt::PacketId, Entry> received;
  struct Refused {
    mqtt::PacketId packet_id;
    std::uint32_t sequence = 0;
  };
  std::deque<Refused> refused;  // their write failed: a start may find that it left a record all the same
  std::uint32_t next_sequence = 0;

  // `most`: so many its client can still have unanswered.
  void refuse(std::map<mqtt::PacketId, Entry>::iterator entry, std::size_t most) {
    refused.push_back({entry->first, entry->second.sequence});
    if (refused.size() > most) refused.pop_front();
    received.erase(entry);
  }
  // The record is in its log. Earlier ones of the id, which stood in its place, cannot come back.
  void commit(mqtt::PacketId id, Entry& entry) {
    entry.committed = true;
    std::erase_if(refused, [id](const Refused& r) { return r.packet_id == id; });
  }

  [[nodiscard]] std::uint32_t complete_below() const noexcept {
    std::uint32_t lowest = next_sequence;
    for (const auto& [id, entry] : received) {
      if (!entry.committed && entry.sequence < lowest) lowest = entry.sequence;
    }
    return lowest;
  }
};

inline constexpr std::uint32_t never_expires = 0xFFFFFFFF;

struct Session {
  std::string client_id;
  std::uint64_t epoch = 0;  // tells this session from any other of the same client id
  mqtt::ProtocolVersion version = mqtt::ProtocolVersion::v3_1_1;
  std::uint32_t expiry_s = 0;        // after the connection ended; 0: the session ends with it
  identity::Principal principal;     // whose it is: the last who connected
  Rights rights;                     // of the principal under this client id, by the settings of now
  Connection* owner = nullptr;       // the connection whose CONNECT claimed it; null while offline
  Connection* connection = nullptr;  // the same from CONNACK on: only now may anything be sent
  bool journaled = false;            // the journal knows it
  Timestamp disconnected_at = 0;
  std::optional<MonotonicTime> expires_at;  // while offline

  std::map<std::string, std::unique_ptr<Subscription>, std::less<>> subscriptions;  // by filter
  std::vector<std::unique_ptr<Feed>> feeds;                                         // [0] is the ordinary one
  std::vector<std::unique_ptr<Membership>> memberships;
  std::vector<RetainedWalk> retained_walks;
  InFlightWindow in_flight;
  std::size_t to_resend = 0;      // of those in flight: not sent yet on this connection
  bool restored = false;          // from the journal: which packet ids its client holds at QoS 2 is not known
  std::uint64_t clear_below = 0;  // so QoS 2 deliveries below this sequence begin with PUBREL: each id once
  Qos2Inbound qos2;
  PublishHistory published;
  std::optional<StoredWill> will;
  std::uint32_t last_will = 0;            // its number
  bool in_flight_journaled = false;       // the journal has what was in flight when the client left
  bool will_journaled = false;            // the journal has a Will of this session
  std::optional<MonotonicTime> will_due;  // while offline: the Will Delay Interval, or its turn
  bool will_has_turn = false;             // it is due, and waits for no more than its turn among many
  std::string gap_notice;                 // told with the next delivery to a 5.0 client; empty: none

  bool ready = false;       // in the delivery's list of sessions that can move on
  bool dirty = false;       // something that the next checkpoint has to write
  bool qos2_dirty = false;  // the journal's QoS 2 record is behind

  [[nodiscard]] bool persistent() const noexcept { return expiry_s != 0; }
  [[nodiscard]] Feed& ordinary_feed() noexcept { return *feeds.front(); }
};

inline bool Feed::may_deliver(std::string_view topic) const {
  return session->rights.may(is_replay() ? identity::Action::replay : identity::Action::subscribe, topic);
}

// What a connection has between CONNECT and the moment its client is believed.
struct Login {
  Bytes connect;  // the CONNECT, without its password
  mqtt::AnswerSlot slot;
  MonotonicTime due{};  // when the server gives up
  std::unique_ptr<identity::ScramServer> scram;
  std::string disproved{};  // why its SCRAM exchange failed: it is told when the failure has been counted
};

// A network connection as the shard knows it.
struct Connection {
  Connection(ConnectionId connection_id, ConnectionOrigin came_from, const mqtt::ConnectionLimits& limits, Now now)
      : id(connection_id), origin(std::move(came_from)), mqtt(limits, now) {}

  ConnectionId id;
  ConnectionOrigin origin;
  mqtt::ServerConnection mqtt;
  std::unique_ptr<Login> login;                  // while it is not known who it is, or is proved again
  identity::Principal principal;                 // once it is known, for the session to take over
  std::string scram_final;                       // what CONNACK has to carry: the proof of the server
  Session* session = nullptr;                    // from CONNECT on; the session's `connection` is set at CONNACK
  std::optional<MonotonicTime> queued_deadline;  // what is in the shard's timer queue for it
  bool touched = false;
  bool ended = false;         // `closed` was handled
  bool published = false;     // in this turn
  bool refusal_told = false;  // that a publish was not authorized was logged; the next ones are not news
  // Back-pressure: its socket is not read, since the committer is full or since too much of its own waits there.
  bool waits_for_log = false;
  bool waits_for_own = false;
  std::size_t unwritten_bytes = 0;  // of its publishes, on their way to the log
  Ticket charged;                   // whose operation carries what it published in this turn; none yet

  [[nodiscard]] bool paused() const noexcept { return waits_for_log || waits_for_own; }
};

}  // namespace bitacora::bridge
