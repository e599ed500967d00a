#include "sim/broker_world.h"

#include <spdlog/spdlog.h>

#include "base/assert.h"
#include "bridge/cursor.h"

namespace bitacora::sim {

BrokerWorld::BrokerWorld(WorldOptions options)
    : options_(std::move(options)), disk_(storage::make_memory_file_system()) {
  spdlog::set_level(spdlog::level::off);
  if (options_.between) between_ = options_.between(*disk_);
  faulty_ = storage::make_faulty_file_system(between_ ? *between_ : *disk_);
  auto catalog = storage::Catalog::open(":memory:");
  BITACORA_ASSERT(catalog.has_value());
  catalog_ = std::move(*catalog);
}

BrokerWorld::~BrokerWorld() { drop_process(); }

void BrokerWorld::start() {
  const auto started = try_start();
  BITACORA_ASSERT(started.has_value());
}

storage::Result<> BrokerWorld::try_start() {
  BITACORA_ASSERT(!running());
  ++starts_;
  const storage::StoreOptions store_options{.directory = "data",
                                            .preallocate_bytes = options_.preallocate_bytes,
                                            .topic_id_seed = options_.seed * 1000 + starts_};
  auto store = storage::Store::open(*faulty_, clock_, *catalog_, store_options);
  if (!store) return storage::Failed(store.error());
  store_ = std::move(*store);
  auto rest = start_on_store();
  if (!rest) drop_process();
  return rest;
}

storage::Result<> BrokerWorld::start_on_store() {
  std::map<std::string, storage::LogSettings> logs = options_.other_logs;
  for (const std::string& log : options_.more_logs) logs[log] = options_.log;
  logs["mqtt"] = options_.log;
  for (const auto& [log, settings] : logs) {
    if (store_->find_log(log) != nullptr) continue;
    if (auto created = store_->create_log(log, settings); !created) return storage::Failed(created.error());
  }
  if (auto internal = bridge::create_internal_logs(*store_); !internal) return internal;
  committer_ = std::make_unique<storage::Committer>(*store_, clock_, storage::CommitterOptions{});
  auto recovered = bridge::recover_state(*store_, *committer_, options_.shards, clock_.now().wall_ms);
  if (!recovered) return storage::Failed(recovered.error());
  metrics_ = std::make_unique<bridge::BrokerMetrics>();
  const auto settings = std::make_shared<const bridge::BrokerSettings>(options_.broker);
  for (std::uint32_t i = 0; i < options_.shards; ++i) {
    bridge::ShardOptions shard{
        bridge::ShardIndex(i), options_.shards, i, settings, *recovered, (options_.seed + starts_) * 1000 + i};
    shards_.push_back(std::make_unique<bridge::Shard>(*store_, *committer_, *metrics_, shard, clock_.now()));
  }
  offset_service_ = std::make_unique<bridge::OffsetService>(*store_, *committer_, *catalog_, options_.shards);
  committer_->add_listener([this](const auto& notice) { notices_.push_back(notice); });
  return {};
}

// FNV-1a.
void BrokerWorld::add_to_trace(std::uint64_t what, ByteView bytes) {
  const auto add = [&](std::uint64_t byte) { trace_ = (trace_ ^ byte) * 0x100000001b3; };
  add(what);
  add(bytes.size());
  for (const std::byte byte : bytes) add(std::to_integer<std::uint64_t>(byte));
}

void BrokerWorld::drop_process() {
  for (const auto& [id, link] : links_) link.peer->on_closed();
  links_.clear();
  offset_service_.reset();
  shards_.clear();
  notices_.clear();
  logins_.clear();
  mail_.clear();
  offset_requests_.clear();
  committer_.reset();
  store_.reset();
}

void BrokerWorld::kill() {
  disk_->kill();
  drop_process();
}

void BrokerWorld::crash(std::uint64_t seed) {
  disk_->crash(seed);
  drop_process();
}

void BrokerWorld::stop() {
  const auto stopped = try_stop();
  BITACORA_ASSERT(stopped.has_value());
}

storage::Result<> BrokerWorld::try_stop() {
  for (const auto& shard : shards_) shard->shut_down(clock_.now());
  run();
  for (const auto& shard : shards_) BITACORA_ASSERT(shard->idle());
  unheard_answers_ = offset_service_->take_produced();
  offset_service_.reset();
  shards_.clear();
  notices_.clear();
  committer_.reset();
  auto closed = store_->close();
  drop_process();
  return closed;
}

bridge::ConnectionId BrokerWorld::open(Peer& peer, std::string_view client_id) {
  const bridge::ConnectionId id(next_connection_++);
  const std::uint32_t shard = client_id.empty() ? 0 : bridge::shard_of(client_id, options_.shards).value();
  links_[id.value()] = {&peer, shard, true};
  shards_[shard]->open(id, origin, clock_.now());
  return id;
}

void BrokerWorld::send(bridge::ConnectionId id, ByteView bytes) {
  const auto link = links_.find(id.value());
  if (link != links_.end()) shards_[link->second.shard]->on_bytes(id, bytes, clock_.now());
}

void BrokerWorld::hang_up(bridge::ConnectionId id) {
  const auto link = links_.find(id.value());
  if (link == links_.end()) return;
  bridge::Shard& shard = *shards_[link->second.shard];
  links_.erase(link);
  shard.on_transport_closed(id, clock_.now());
  shard.forget(id);
}

void BrokerWorld::set_reading(bridge::ConnectionId id, bool reading) { links_.at(id.value()).reading = reading; }

bool BrokerWorld::reads(bridge::ConnectionId id) const { return shards_[links_.at(id.value()).shard]->wants_input(id); }

bool BrokerWorld::carry_output(std::uint32_t shard) {
  bool moved = !shards_[shard]->take_touched().empty();
  std::vector<std::uint64_t> ids;
  for (const auto& [id, link] : links_) {
    if (link.shard == shard) ids.push_back(id);
  }
  for (const std::uint64_t raw : ids) {
    const bridge::ConnectionId id(raw);
    const auto link = links_.find(raw);
    if (link == links_.end()) continue;
    Peer& peer = *link->second.peer;
    const ByteView output = shards_[shard]->output(id);
    const bool closed = shards_[shard]->closed(id);
    if (!output.empty() && (link->second.reading || closed)) {
      const Bytes copy(output.begin(), output.end());
      add_to_trace(raw, copy);
      shards_[shard]->consume_output(id, copy.size(), clock_.now());
      if (closed) links_.erase(raw);
      peer.on_bytes(copy);
      moved = true;
    } else if (closed) {
      links_.erase(raw);
    }
    if (!closed) continue;
    shards_[shard]->forget(id);
    peer.on_closed();
    moved = true;
  }
  return moved;
}

bool BrokerWorld::carry_logins(std::uint32_t shard) {
  for (auto& request : shards_[shard]->take_logins()) logins_.emplace_back(shard, std::move(request));
  if (hold_verdicts || logins_.empty()) return false;
  for (const auto& [of_shard, request] : std::exchange(logins_, {})) {
    shards_[of_shard]->on_verdict(request.connection, judge(request.credentials), clock_.now());
  }
  return true;
}

// Mail of one turn arrives with the next.
bool BrokerWorld::carry_mail(std::uint32_t shard) {
  for (bridge::ShardMail& mail : shards_[shard]->take_mail()) mail_.push_back(std::move(mail));
  for (bridge::OffsetRequest& request : shards_[shard]->take_offset_requests()) {
    offset_requests_.push_back(std::move(request));
  }
  return !mail_.empty();
}

bool BrokerWorld::serve_catalog() {
  if (offset_requests_.empty()) return false;
  for (bridge::OffsetAnswer& answer : bridge::serve(*catalog_, std::exchange(offset_requests_, {}))) {
    const std::uint32_t shard = answer.shard;
    shards_[shard]->on_offset_answer(std::move(answer), clock_.now());
  }
  return true;
}

void BrokerWorld::reload(const bridge::BrokerSettings& settings) {
  const auto shared = std::make_shared<const bridge::BrokerSettings>(settings);
  for (const auto& shard : shards_) shard->on_settings(shared, clock_.now());
  options_.broker = settings;
}

std::map<std::int32_t, storage::Offset> BrokerWorld::group_offsets(const std::string& group) const {
  std::map<std::int32_t, storage::Offset> offsets;
  const auto found = catalog_->group_offsets(group);
  BITACORA_ASSERT(found.has_value());
  for (const storage::GroupOffset& offset : *found) offsets[offset.partition] = offset.offset;
  return offsets;
}

bool BrokerWorld::turn() {
  bool moved = false;
  for (bridge::ShardMail& mail : std::exchange(mail_, {})) {
    shards_[mail.to]->on_mail(std::move(mail.message), clock_.now());
    moved = true;
  }
  for (std::uint32_t i = 0; i < shards_.size(); ++i) {
    shards_[i]->end_turn(clock_.now());
    moved |= shards_[i]->has_work();
    moved |= carry_output(i);
    moved |= carry_logins(i);
    moved |= carry_mail(i);
  }
  return moved;
}

bool BrokerWorld::commit() {
  if (committer_->run_once() == 0 && notices_.empty()) return false;
  while (!notices_.empty()) {
    const auto notice = std::move(notices_.front());
    notices_.pop_front();
    for (const auto& shard : shards_) shard->on_commit(notice, clock_.now());
    offset_service_->on_commit(*notice);
    for (const storage::CommittedBatch& batch : notice->batches)
      add_to_trace(batch.partition->index().value(), batch.bytes);
    for (const storage::AppendOutcome& outcome : notice->outcomes) {
      add_to_trace(static_cast<std::uint64_t>(outcome.base_offset),
                   as_bytes(outcome.error ? outcome.error->message : ""));
    }
  }
  return true;
}

void BrokerWorld::commit_unheard() {
  (void)committer_->run_once();
  for (const auto& notice : notices_) offset_service_->on_commit(*notice);
  unheard_answers_ = offset_service_->take_produced();
}

void BrokerWorld::run(Commit allowed) {
  bool moved = true;
  while (moved) {
    moved = turn();
    if (allowed == Commit::yes) moved |= commit();
    moved |= serve_catalog();
  }
}

void BrokerWorld::advance(std::chrono::nanoseconds by) {
  clock_.advance(by);
  for (const auto& shard : shards_) shard->on_time(clock_.now());
}

std::vector<BrokerWorld::Record> BrokerWorld::records(const std::string& log) const {
  std::vector<Record> records;
  const storage::Log& found = *store_->find_log(log);
  for (std::int32_t number = 0; number < found.partition_count(); ++number) {
    storage::Partition& partition = found.partition(number);
    bridge::Cursor cursor({{&partition, partition.offsets().log_start}});
    while (true) {
      auto next = cursor.next();
      BITACORA_ASSERT(next.has_value());
      if (!*next) break;
      const storage::RecordView& record = (*next)->record;
      records.push_back({number, record.offset, std::string(as_text(record.key.value_or(ByteView()))),
                         std::string(as_text(record.value.value_or(ByteView())))});
      for (const storage::HeaderView& header : record.headers) {
        records.back().headers.emplace(header.name, as_text(header.value.value_or(ByteView())));
      }
    }
  }
  return records;
}

}  // namespace bitacora::sim
