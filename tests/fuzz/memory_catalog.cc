// storage::Catalog without SQLite: what storage/catalog.h promises, kept in maps. The programs of libFuzzer that open a
// store are linked with this one in the library's place, so that they spend their time in what they are to test;
// fuzz_test runs the same targets over the real catalog.
//
// Nothing here is on a disk, and one thread alone may call it.
#include <set>
#include <utility>

#include "storage/catalog.h"

namespace bitacora::storage {
namespace {

constexpr std::size_t max_metadata_size = 4096;

using PartitionKey = std::pair<std::string, std::int32_t>;  // log and number
using OffsetTable = std::map<PartitionKey, Offset>;

std::optional<Offset> find_offset(const OffsetTable& table, const std::string& log, std::int32_t partition) {
  const auto found = table.find({log, partition});
  return found == table.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace

struct Catalog::State {
  std::string broken_copy;  // never one
  std::map<std::string, CatalogLog> logs;
  OffsetTable log_starts;
  OffsetTable reservations;
  std::map<std::string, std::map<PartitionKey, GroupOffset>> groups;
  std::set<std::string> claimed;  // groups
  std::map<std::string, Snapshot> snapshots;

  [[nodiscard]] Result<> check_writer(const std::string& group, GroupWriter writer) const {
    if (writer == GroupWriter::members || !claimed.contains(group)) return {};
    return fail(Errc::already_exists, "group " + group + " has members");
  }
};

Catalog::Catalog(std::unique_ptr<State> state) : state_(std::move(state)) {}
Catalog::~Catalog() = default;

Result<std::unique_ptr<Catalog>> Catalog::open(const std::string& path) {
  if (path != ":memory:") return fail(Errc::invalid_argument, path + ": this catalog is kept in memory alone");
  return std::unique_ptr<Catalog>(new Catalog(std::make_unique<State>()));
}

Result<std::unique_ptr<Catalog>> Catalog::open_read_only(const std::string& path) {
  return fail(Errc::not_found, "catalog " + path + ": there is no such file");
}

const std::string& Catalog::broken_copy() const noexcept { return state_->broken_copy; }

Result<std::vector<CatalogLog>> Catalog::logs() const {
  std::vector<CatalogLog> logs;
  logs.reserve(state_->logs.size());
  for (const auto& [name, log] : state_->logs) logs.push_back(log);
  return logs;
}

Result<> Catalog::put_log(const CatalogLog& log) {
  state_->logs.insert_or_assign(log.name, log);
  return {};
}

Result<std::optional<Offset>> Catalog::log_start(const std::string& log, std::int32_t partition) const {
  return find_offset(state_->log_starts, log, partition);
}

Result<> Catalog::put_log_start(const std::string& log, std::int32_t partition, Offset offset) {
  state_->log_starts.insert_or_assign({log, partition}, offset);
  return {};
}

Result<std::optional<Offset>> Catalog::offset_reservation(const std::string& log, std::int32_t partition) const {
  return find_offset(state_->reservations, log, partition);
}

Result<> Catalog::put_offset_reservation(const std::string& log, std::int32_t partition, Offset upto) {
  state_->reservations.insert_or_assign({log, partition}, upto);
  return {};
}

Result<std::vector<std::string>> Catalog::groups() const {
  std::vector<std::string> groups;
  for (const auto& [name, offsets] : state_->groups) groups.push_back(name);
  return groups;
}

Result<std::vector<GroupOffset>> Catalog::group_offsets(const std::string& group) const {
  std::vector<GroupOffset> offsets;
  const auto found = state_->groups.find(group);
  if (found == state_->groups.end()) return offsets;
  for (const auto& [partition, offset] : found->second) offsets.push_back(offset);
  return offsets;
}

Result<> Catalog::put_group_offsets(const std::string& group, const std::vector<GroupOffset>& offsets,
                                    GroupWriter writer) {
  for (const GroupOffset& offset : offsets) {
    if (offset.metadata.size() > max_metadata_size) {
      return fail(Errc::invalid_argument, "group " + group + ": metadata that is too large");
    }
  }
  if (auto checked = state_->check_writer(group, writer); !checked) return checked;
  for (const GroupOffset& offset : offsets) {
    state_->groups[group].insert_or_assign({offset.log, offset.partition}, offset);
  }
  return {};
}

Result<> Catalog::remove_group(const std::string& group, GroupWriter writer) {
  if (auto checked = state_->check_writer(group, writer); !checked) return checked;
  if (state_->groups.erase(group) == 0) return fail(Errc::not_found, "there is no group named " + group);
  return {};
}

void Catalog::claim_group(const std::string& group) { state_->claimed.insert(group); }

void Catalog::release_group(const std::string& group) { state_->claimed.erase(group); }

Result<std::optional<Snapshot>> Catalog::snapshot(const std::string& name) const {
  const auto found = state_->snapshots.find(name);
  return found == state_->snapshots.end() ? std::nullopt : std::optional(found->second);
}

Result<> Catalog::put_snapshot(const std::string& name, const Snapshot& snapshot) {
  state_->snapshots.insert_or_assign(name, snapshot);
  return {};
}

}  // namespace bitacora::storage
