// The catalog: what cannot be had by scanning the log, in one SQLite file (WAL, synchronous=FULL, one connection that
// all callers share behind a lock). The log is the truth; what is here is settings, group offsets, and snapshots that
// say up to which offset they hold.
//
// Threads: any. Every write is durable when it returns.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "storage/errc.h"
#include "storage/offset.h"
#include "storage/settings.h"

namespace bitacora::storage {

struct CatalogLog {
  std::string name;
  std::string topic_id;
  LogSettings settings;
  friend bool operator==(const CatalogLog&, const CatalogLog&) = default;
};

struct GroupOffset {
  std::string log;
  std::int32_t partition = 0;
  Offset offset = -1;              // the next record the group wants; -1: none committed
  std::int32_t leader_epoch = -1;  // -1: not known
  std::string metadata{};          // the committer's own words, at most 4096 bytes
  Timestamp committed_at = 0;
  friend bool operator==(const GroupOffset&, const GroupOffset&) = default;
};

// Who writes a group's offsets: the members that claimed it, or somebody beside them.
enum class GroupWriter : std::uint8_t { members, outsider };

struct Snapshot {
  Bytes bytes;
  // For each partition that the snapshot depends on, the offset up to which (not including) it holds.
  std::map<std::pair<std::string, std::int32_t>, Offset> upto;
  friend bool operator==(const Snapshot&, const Snapshot&) = default;
};

class Catalog {
 public:
  // Opens or creates `path` and the directories above it; ":memory:" for one that lives in this object. A file that
  // fails its check is moved aside, with its -wal and -shm, to `<path>.broken-<n>` and a new one is made;
  // `broken_copy()` then says where. Errc::unsupported_format for a newer schema or another program's database: nothing
  // was changed.
  [[nodiscard]] static Result<std::unique_ptr<Catalog>> open(const std::string& path);
  // Opens an existing file without changing it, also beside a running server. Errc::not_found if there is none or
  // nothing in it, Errc::corrupt if it fails its check. Every put_x then fails with io_error.
  [[nodiscard]] static Result<std::unique_ptr<Catalog>> open_read_only(const std::string& path);
  ~Catalog();

  [[nodiscard]] const std::string& broken_copy() const noexcept;  // empty if all was well

  [[nodiscard]] Result<std::vector<CatalogLog>> logs() const;  // sorted by name
  [[nodiscard]] Result<> put_log(const CatalogLog& log);

  [[nodiscard]] Result<std::optional<Offset>> log_start(const std::string& log, std::int32_t partition) const;
  [[nodiscard]] Result<> put_log_start(const std::string& log, std::int32_t partition, Offset offset);
  // durability = memory: the offset up to which numbers may have been given out.
  [[nodiscard]] Result<std::optional<Offset>> offset_reservation(const std::string& log, std::int32_t partition) const;
  [[nodiscard]] Result<> put_offset_reservation(const std::string& log, std::int32_t partition, Offset upto);

  [[nodiscard]] Result<std::vector<std::string>> groups() const;  // sorted
  // Sorted by log and partition; empty if there is no such group.
  [[nodiscard]] Result<std::vector<GroupOffset>> group_offsets(const std::string& group) const;
  // All or none; the group's other partitions stay. Errc::invalid_argument for metadata over 4096 bytes,
  // Errc::already_exists for an outsider while the group is claimed.
  [[nodiscard]] Result<> put_group_offsets(const std::string& group, const std::vector<GroupOffset>& offsets,
                                           GroupWriter writer = GroupWriter::members);
  // Errc::not_found if there is no such group, Errc::already_exists as above.
  [[nodiscard]] Result<> remove_group(const std::string& group, GroupWriter writer = GroupWriter::members);
  // While it has members who hold its position, nobody else writes it: they would only write it over. Of this object
  // alone, never on disk.
  void claim_group(const std::string& group);
  void release_group(const std::string& group);

  // Errc::corrupt if the bytes do not pass their checksum.
  [[nodiscard]] Result<std::optional<Snapshot>> snapshot(const std::string& name) const;
  // Replaces the one of that name, bytes and offsets together. Errc::too_large over 1 GB.
  [[nodiscard]] Result<> put_snapshot(const std::string& name, const Snapshot& snapshot);

 private:
  struct State;
  explicit Catalog(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace bitacora::storage
