#include "bridge/shard.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <queue>
#include <unordered_map>

#include "base/assert.h"
#include "checkpoint.h"
#include "connect_path.h"
#include "delivery.h"
#include "group_home.h"
#include "group_members.h"
#include "journal.h"
#include "login_path.h"
#include "operations.h"
#include "publish_path.h"
#include "recovered_state.h"
#include "restore.h"
#include "session_table.h"
#include "shard_context.h"
#include "subscribe_path.h"

namespace bitacora::bridge {
namespace {

// Retained messages are read one by one.
constexpr std::size_t retained_batch_bytes = 16 << 10;

// How soon batches that the committer had no room for are handed over again. What a notice holds counts until the last
// shard has let go of it, so the notice itself may come too early to try.
constexpr std::chrono::milliseconds retry_interval{1};

Router must_create_router(const BrokerSettings& settings, storage::Store& store) {
  auto router = Router::create(settings, store);
  if (!router) spdlog::critical("route {}: {}", router.error().index, router.error().message);
  BITACORA_ASSERT(router.has_value());  // app/ has checked the settings
  return std::move(*router);
}

storage::Partition& must_find(storage::Store& store, std::string_view log) {
  storage::Log* found = store.find_log(log);
  BITACORA_ASSERT(found != nullptr);  // create_internal_logs
  return found->partition(0);
}

ShardContext make_context(storage::Store& store, storage::Committer& committer, BrokerMetrics& metrics,
                          const ShardOptions& options, Now now) {
  ShardContext context{store,
                       metrics,
                       options.settings,
                       options.index,
                       options.shard_count,
                       AppendQueue(committer, options.origin, options.settings->max_batch_bytes),
                       must_create_router(*options.settings, store),
                       must_find(store, sessions_log),
                       must_find(store, retained_log),
                       now,
                       {},
                       {},
                       {},
                       {},
                       false};
  for (std::uint32_t i = 0; i < store.partition_count(); ++i) {
    const storage::Partition& partition = store.partition(storage::PartitionIndex(i));
    context.set_tail(partition, partition.offsets().committed);
  }
  context.queue.limit_batches(context.retained_partition, retained_batch_bytes);
  return context;
}

}  // namespace

struct Shard::State {
  State(storage::Store& store, storage::Committer& committer, BrokerMetrics& metrics, const ShardOptions& options,
        Now now)
      : context(make_context(store, committer, metrics, options, now)),
        system(metrics, store, now),
        delivery(context, options.recovered->retained, system),
        journal(context, delivery),
        mark(context, journal, options.recovered->has_marks ? Mark::Recovered::in_force : Mark::Recovered::none),
        publishing(context, journal, operations, delivery.retained()),
        members(context, sessions, delivery),
        groups(context, *options.recovered),
        subscribing(context, delivery, members, journal, operations),
        connecting(context, sessions, delivery, members, journal, mark, publishing, operations, options.seed),
        login(context, sessions, delivery, connecting, [this](ConnectionId id) { return find(id); }),
        checkpoint(context, sessions, journal, mark) {
    restore_sessions(*options.recovered, context, connecting);
    if (context.index.value() == 0) metrics.retained_messages.add(delivery.retained().size());
  }

  struct Timer {
    MonotonicTime at;
    ConnectionId connection;
    friend bool operator>(const Timer& a, const Timer& b) { return a.at > b.at; }
  };

  [[nodiscard]] Connection* find(ConnectionId id) const {
    const auto found = connections.find(id);
    return found == connections.end() ? nullptr : found->second.get();
  }

  void handle_events(Connection& connection);
  void handle(Connection& connection, const mqtt::ConnectEvent& event) { login.on_connect(connection, event); }
  void handle(Connection& connection, const mqtt::PublishEvent& event) { publishing.on_publish(connection, event); }
  void handle(Connection& connection, const mqtt::PubrelEvent& event) { publishing.on_pubrel(connection, event); }
  void handle(Connection& connection, const mqtt::SubscribeEvent& event) {
    subscribing.on_subscribe(connection, event);
  }
  void handle(Connection& connection, const mqtt::UnsubscribeEvent& event) {
    subscribing.on_unsubscribe(connection, event);
  }
  void handle(Connection& connection, const mqtt::AuthEvent& event) { login.on_auth(connection, event); }
  void handle(Connection& connection, const mqtt::AckEvent& event) { delivery.on_ack(*connection.session, event); }
  void handle(Connection& connection, const mqtt::ClosedEvent& event) { connecting.on_closed(connection, event); }

  void settle(const RecordFate& fate);
  void on_group_joined(const GroupMessage& message, const GroupJoined& answer);
  void finish(Operation& operation);
  void fail(const AppendQueue::Refused& refused);
  void queue_deadline(Connection& connection);
  void close_what_was_closed();
  void apply_back_pressure();
  using Wait = bool Connection::*;
  void pause(Connection& connection, Wait wait);
  void resume(Connection& connection, Wait wait);
  void take_off_account(Connection& connection, std::size_t bytes);
  void count_packets(Connection& connection);
  void publish_system();
  [[nodiscard]] std::optional<MonotonicTime> system_due() const;

  ShardContext context;
  Operations operations;
  SessionTable sessions;
  std::unordered_map<ConnectionId, std::unique_ptr<Connection>> connections;
  SystemTopics system;
  MonotonicTime system_published = context.now.monotonic;
  Delivery delivery;
  Journal journal;
  Mark mark;
  PublishPath publishing;
  GroupMembers members;
  GroupHome groups;
  SubscribePath subscribing;
  ConnectPath connecting;
  LoginPath login;
  Checkpoint checkpoint;
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers;
  std::vector<ConnectionId> paused;
  std::vector<ConnectionId> published;  // connections that published in this turn
};

// --- events ---

void Shard::State::handle_events(Connection& connection) {
  while (auto event = connection.mqtt.poll_event()) {
    const bool closed = std::holds_alternative<mqtt::ClosedEvent>(*event);
    if (connection.ended && !closed) continue;
    std::visit([&](const auto& known) { handle(connection, known); }, *event);
  }
  if (connection.published) {
    connection.published = false;
    published.push_back(connection.id);
  }
  context.touch(connection);
  queue_deadline(connection);
}

void Shard::State::queue_deadline(Connection& connection) {
  if (connection.ended) return;
  const auto deadline = connection.mqtt.next_deadline();
  if (!deadline || (connection.queued_deadline && *connection.queued_deadline <= *deadline)) return;
  connection.queued_deadline = *deadline;
  timers.push({*deadline, connection.id});
}

// --- the log's answers ---

void Shard::State::settle(const RecordFate& fate) {
  if (auto finished = operations.settle(fate)) finish(*finished);
}

void Shard::State::on_group_joined(const GroupMessage& message, const GroupJoined& answer) {
  if (mqtt::is_error(answer.reason)) {
    Session* session = sessions.find_epoch(message.member.session_epoch);
    subscribing.on_join_refused(operations.at(answer.ticket), session, message.group, answer);
  }
  settle({answer.ticket, nullptr, -1, 0, nullptr});
}

void Shard::State::finish(Operation& operation) {
  Connection* connection = find(operation.connection);
  if (connection != nullptr) take_off_account(*connection, operation.unwritten_bytes);
  if (connection != nullptr && connection->ended) connection = nullptr;
  Session* session = sessions.find_epoch(operation.session_epoch);
  switch (operation.kind) {
    case Operation::Kind::publish: publishing.on_published(operation, connection, session); break;
    case Operation::Kind::release: publishing.on_released(operation, connection); break;
    case Operation::Kind::subscribe:
    case Operation::Kind::unsubscribe:
      if (connection != nullptr) subscribing.on_settled(operation, *connection);
      break;
    case Operation::Kind::connect:
      if (connection == nullptr) break;
      connecting.on_settled(operation, *connection, session);
      handle_events(*connection);  // what the client sent without waiting for CONNACK
      break;
  }
}

void Shard::State::fail(const AppendQueue::Refused& refused) {
  for (const Ticket ticket : refused.tickets) {
    if (ticket.value() != 0) settle({ticket, refused.partition, -1, 0, &refused.error});
  }
}

// --- the end of a turn ---

// Connections that were closed from inside (a refusal, a full disk) have an event waiting.
void Shard::State::close_what_was_closed() {
  for (std::size_t i = 0; i < context.touched.size(); ++i) {  // grows on the way
    Connection* connection = find(context.touched[i]);
    if (connection != nullptr && connection->mqtt.closed() && !connection->ended) handle_events(*connection);
  }
}

// Who published is not read while the committer is full, or while too much of its own is on the way there.
void Shard::State::apply_back_pressure() {
  const bool full = context.queue.backlogged();
  for (const ConnectionId id : std::exchange(published, {})) {
    Connection* connection = find(id);
    if (connection == nullptr) continue;
    connection->charged = {};
    if (connection->ended) continue;
    if (full && !connection->waits_for_log) {
      pause(*connection, &Connection::waits_for_log);
      paused.push_back(id);
    }
    if (connection->unwritten_bytes > context.settings->sessions.max_unwritten_bytes && !connection->waits_for_own) {
      context.metrics.reached(Limit::unwritten_bytes);
      pause(*connection, &Connection::waits_for_own);
    }
  }
  if (full) return;
  for (const ConnectionId id : std::exchange(paused, {})) {
    if (Connection* connection = find(id)) resume(*connection, &Connection::waits_for_log);
  }
}

void Shard::State::pause(Connection& connection, Wait wait) {
  if (!connection.paused()) connection.mqtt.on_reading_paused();
  connection.*wait = true;
  context.touch(connection);
}

void Shard::State::resume(Connection& connection, Wait wait) {
  connection.*wait = false;
  if (connection.paused() || connection.ended) return;
  connection.mqtt.on_reading_resumed(context.now);
  context.touch(connection);
  queue_deadline(connection);
}

void Shard::State::take_off_account(Connection& connection, std::size_t bytes) {
  BITACORA_ASSERT(connection.unwritten_bytes >= bytes);
  connection.unwritten_bytes -= bytes;
  const std::size_t resume_at = context.settings->sessions.max_unwritten_bytes / 2;
  if (connection.waits_for_own && connection.unwritten_bytes <= resume_at) {
    resume(connection, &Connection::waits_for_own);
  }
}

void Shard::State::count_packets(Connection& connection) {
  const mqtt::PacketCounts counts = connection.mqtt.take_packet_counts();
  context.metrics.packets_received.add(counts.received);
  context.metrics.packets_sent.add(counts.sent);
}

std::optional<MonotonicTime> Shard::State::system_due() const {
  const auto interval = context.settings->sys_interval;
  if (interval.count() == 0) return std::nullopt;
  return system_published + interval;
}

void Shard::State::publish_system() {
  const auto due = system_due();
  if (!due || *due > context.now.monotonic) return;
  system_published = context.now.monotonic;
  for (const std::string_view topic : system.update(context.now)) {
    delivery.publish_system(topic, system.values().find(topic)->second);
  }
}

// --- the interface ---

Shard::Shard(storage::Store& store, storage::Committer& committer, BrokerMetrics& metrics, const ShardOptions& options,
             Now now)
    : state_(std::make_unique<State>(store, committer, metrics, options, now)) {}
Shard::~Shard() = default;

void Shard::open(ConnectionId id, ConnectionOrigin origin, Now now) {
  state_->context.now = now;
  auto connection = std::make_unique<Connection>(id, std::move(origin), state_->context.settings->connection, now);
  Connection& opened = *connection;
  const bool is_new = state_->connections.emplace(id, std::move(connection)).second;
  BITACORA_ASSERT(is_new);
  state_->context.metrics.connections.add();
  state_->context.metrics.connections_opened.add();
  state_->queue_deadline(opened);
}

void Shard::on_bytes(ConnectionId id, ByteView bytes, Now now) {
  state_->context.now = now;
  Connection* connection = state_->find(id);
  if (connection == nullptr || connection->ended) return;
  state_->context.metrics.bytes_received.add(bytes.size());
  connection->mqtt.on_bytes(bytes, now);
  state_->handle_events(*connection);
}

void Shard::on_transport_closed(ConnectionId id, Now now) {
  state_->context.now = now;
  Connection* connection = state_->find(id);
  if (connection == nullptr || connection->ended) return;
  connection->mqtt.on_transport_closed();
  state_->handle_events(*connection);
}

void Shard::on_commit(const std::shared_ptr<const storage::CommitNotice>& notice, Now now) {
  state_->context.now = now;
  for (const storage::CommittedBatch& batch : notice->batches) {
    state_->delivery.on_batch(batch);
    state_->groups.on_batch(*batch.partition);
    if (!batch.partition->is_internal()) state_->context.checkpoint_wanted = true;
  }
  for (const storage::AppendOutcome& outcome : notice->outcomes) {
    state_->context.queue.on_outcome(outcome, [&](const RecordFate& fate) { state_->settle(fate); });
  }
}

void Shard::on_mail(GroupMessage message, Now now) {
  state_->context.now = now;
  if (const auto* joined = std::get_if<GroupJoined>(&message.body)) {
    state_->on_group_joined(message, *joined);
  } else if (const auto* hand_over = std::get_if<HandOver>(&message.body)) {
    state_->members.on_hand_over(message, *hand_over);
  } else {
    state_->groups.on_message(std::move(message));
  }
}

void Shard::on_offset_answer(OffsetAnswer answer, Now now) {
  state_->context.now = now;
  state_->groups.on_answer(std::move(answer));
}

void Shard::on_time(Now now) {
  state_->context.now = now;
  auto& timers = state_->timers;
  while (!timers.empty() && timers.top().at <= now.monotonic) {
    Connection* connection = state_->find(timers.top().connection);
    timers.pop();
    if (connection == nullptr || connection->ended) continue;
    connection->queued_deadline.reset();
    connection->mqtt.on_time(now);
    state_->handle_events(*connection);
  }
  state_->login.on_time();
  state_->connecting.on_time();
  state_->delivery.drop_expired_retained();
  state_->publish_system();
}

void Shard::on_verdict(ConnectionId id, identity::Verdict verdict, Now now) {
  state_->context.now = now;
  Connection* connection = state_->find(id);
  if (connection == nullptr) return;
  state_->login.on_verdict(*connection, std::move(verdict));
  state_->handle_events(*connection);
}

std::vector<Shard::LoginRequest> Shard::take_logins() { return state_->login.take_requests(); }

void Shard::on_settings(std::shared_ptr<const BrokerSettings> settings, Now now) {
  state_->context.now = now;
  state_->context.router = must_create_router(*settings, state_->context.store);
  state_->context.settings = std::move(settings);
  state_->login.on_settings();
  state_->groups.on_settings();
}

void Shard::end_turn(Now now) {
  state_->context.now = now;
  state_->delivery.run();
  state_->close_what_was_closed();
  state_->members.flush();
  state_->groups.run();
  state_->checkpoint.run_if_due();
  std::vector<AppendQueue::Refused> refused;
  state_->context.queue.flush(refused);
  for (const auto& batch : refused) state_->fail(batch);
  if (!refused.empty()) state_->close_what_was_closed();
  state_->apply_back_pressure();
}

void Shard::shut_down(Now now) {
  state_->context.now = now;
  state_->connecting.shut_down();
  const std::string& elsewhere = state_->context.settings->server_reference;
  mqtt::Properties properties;
  if (!elsewhere.empty()) properties.server_reference = elsewhere;
  const auto reason = elsewhere.empty() ? mqtt::ReasonCode::server_shutting_down : mqtt::ReasonCode::use_another_server;
  state_->groups.shut_down();
  for (const auto& [id, connection] : state_->connections) {
    if (connection->ended) continue;
    connection->mqtt.close(reason, {}, properties);
    state_->handle_events(*connection);
  }
}

std::vector<ConnectionId> Shard::take_touched() {
  std::vector<ConnectionId> touched = std::exchange(state_->context.touched, {});
  for (const ConnectionId id : touched) {
    Connection* connection = state_->find(id);
    if (connection == nullptr) continue;
    connection->touched = false;
    state_->count_packets(*connection);
  }
  return touched;
}

std::vector<ShardMail> Shard::take_mail() { return std::exchange(state_->context.mail, {}); }

std::vector<OffsetRequest> Shard::take_offset_requests() { return state_->groups.take_requests(); }

ByteView Shard::output(ConnectionId id) const {
  const Connection* connection = state_->find(id);
  return connection == nullptr ? ByteView() : connection->mqtt.output();
}

void Shard::consume_output(ConnectionId id, std::size_t size, Now now) {
  state_->context.now = now;
  Connection* connection = state_->find(id);
  if (connection == nullptr) return;
  state_->context.metrics.bytes_sent.add(size);
  connection->mqtt.consume_output(size);
  if (connection->session != nullptr && connection->session->connection == connection) {
    state_->delivery.on_output_drained(*connection->session);
  }
}

bool Shard::closed(ConnectionId id) const {
  const Connection* connection = state_->find(id);
  return connection == nullptr || connection->ended;
}

bool Shard::wants_input(ConnectionId id) const {
  const Connection* connection = state_->find(id);
  return connection != nullptr && !connection->ended && !connection->paused();
}

void Shard::forget(ConnectionId id) {
  Connection* connection = state_->find(id);
  if (connection == nullptr) return;
  BITACORA_ASSERT(connection->ended);
  state_->count_packets(*connection);
  state_->connections.erase(id);
  state_->context.metrics.connections.subtract();
}

bool Shard::has_work() const {
  return state_->delivery.has_work() || state_->groups.has_work() || state_->context.queue.has_open_batches();
}

bool Shard::idle() const {
  return state_->context.queue.idle() && state_->operations.empty() && state_->groups.idle() &&
         state_->context.mail.empty();
}

std::optional<MonotonicTime> Shard::next_deadline() const {
  std::optional<MonotonicTime> earliest = state_->connecting.next_deadline();
  const auto consider = [&](std::optional<MonotonicTime> at) {
    if (at && (!earliest || *at < *earliest)) earliest = at;
  };
  consider(state_->login.next_deadline());
  if (!state_->timers.empty()) consider(state_->timers.top().at);
  consider(state_->checkpoint.due());
  consider(state_->groups.next_deadline());
  consider(state_->system_due());
  if (state_->context.queue.backlogged()) consider(state_->context.now.monotonic + retry_interval);
  return earliest;
}

std::size_t Shard::connection_count() const { return state_->connections.size(); }
std::size_t Shard::session_count() const { return state_->sessions.size(); }

}  // namespace bitacora::bridge
