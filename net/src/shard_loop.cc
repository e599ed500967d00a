#include "shard_loop.h"

#include <pthread.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <string>
#include <utility>

#include "base/assert.h"

namespace bitacora::net {

using bridge::ConnectionId;

ShardLoop::ShardLoop(const Broker& broker, bridge::ShardOptions shard, std::chrono::milliseconds linger)
    : clock_(broker.clock),
      metrics_(broker.metrics),
      authenticator_(broker.authenticator),
      linger_time_(linger),
      index_(shard.index.value()),
      shard_(broker.store, broker.committer, broker.metrics, std::move(shard), broker.clock.now()) {
  listen_to(broker.committer);
}

ShardLoop::~ShardLoop() {
  mailbox_->open = false;
  BITACORA_ASSERT(!thread_.joinable());
}

void ShardLoop::listen_to(storage::Committer& committer) {
  committer.add_listener([this, mailbox = mailbox_](const std::shared_ptr<const storage::CommitNotice>& notice) {
    // A notice that is posted just as the loop ends lies in the mailbox unread: `this` is not looked at.
    if (mailbox->open) boost::asio::post(mailbox->loop, [this, notice] { on_commit(notice); });
  });
}

void ShardLoop::start() {
  thread_ = std::thread([this] { run(); });
}

void ShardLoop::run() {
  ::pthread_setname_np(::pthread_self(), ("mqtt-shard-" + std::to_string(index_)).c_str());
  const auto stay = boost::asio::make_work_guard(loop_);
  schedule_turn();  // what was recovered may have deadlines
  loop_.run();
}

void ShardLoop::adopt(Arrival arrival) {
  boost::asio::post(loop_, [this, arrival = std::move(arrival)]() mutable { open(std::move(arrival)); });
}

void ShardLoop::reload(std::shared_ptr<const bridge::BrokerSettings> settings) {
  boost::asio::post(loop_, [this, settings = std::move(settings)] {
    shard_.on_settings(settings, clock_.now());
    schedule_turn();
  });
}

void ShardLoop::deliver(bridge::GroupMessage message) {
  boost::asio::post(loop_, [this, message = std::move(message)]() mutable {
    shard_.on_mail(std::move(message), clock_.now());
    schedule_turn();
  });
}

void ShardLoop::deliver(bridge::OffsetAnswer answer) {
  boost::asio::post(loop_, [this, answer = std::move(answer)]() mutable {
    shard_.on_offset_answer(std::move(answer), clock_.now());
    schedule_turn();
  });
}

void ShardLoop::begin_stop(std::chrono::milliseconds timeout) {
  boost::asio::post(loop_, [this, timeout] {
    const Now now = clock_.now();
    stop_by_ = now.monotonic + timeout;
    shard_.shut_down(now);
    schedule_turn();
  });
}

void ShardLoop::end_stop() {
  boost::asio::post(loop_, [this] {
    may_end_ = true;
    schedule_turn();
  });
}

void ShardLoop::join() {
  if (thread_.joinable()) thread_.join();
}

// --- input ---

void ShardLoop::open(Arrival arrival) {
  auto socket = watch(loop_, std::move(arrival.socket));
  if (!socket) return;
  const ConnectionId id = last_id_ = ConnectionId(last_id_.value() + 1);
  connections_.try_emplace(id, std::move(*socket), std::move(arrival.seat), std::move(arrival.stream));
  const Now now = clock_.now();
  shard_.open(id, std::move(arrival.origin), now);
  shard_.on_bytes(id, arrival.bytes, now);
  if (arrival.peer_ended) {
    connections_.at(id).peer_ended = true;
    shard_.on_transport_closed(id, now);
  }
  to_serve_.push_back(id);
  schedule_turn();
}

void ShardLoop::on_commit(const std::shared_ptr<const storage::CommitNotice>& notice) {
  ++notices_;
  const auto& posted = *neighbours_.notices_posted;
  for (std::uint64_t seen = posted.load(); seen < notices_; seen = posted.load()) posted.wait(seen);
  shard_.on_commit(notice, clock_.now());
  schedule_turn();
}

void ShardLoop::on_readable(ConnectionId id, Connection& connection) {
  if (connection.stage == Connection::Stage::lingering) return discard_input(id, connection);
  if (connection.stage == Connection::Stage::leaving || !reads_on(id, connection)) return;  // serve() waits again
  read(id, connection);
}

void ShardLoop::read(ConnectionId id, Connection& connection) {
  const Now now = clock_.now();
  const tcp::IoResult result = tcp::read_some(connection.socket.native_handle(), buffer_);
  switch (result.state) {
    case tcp::IoState::some: take(id, connection, ByteView(buffer_).first(result.size), now); break;
    case tcp::IoState::would_block: break;
    case tcp::IoState::ended:
      connection.peer_ended = true;
      shard_.on_transport_closed(id, now);
      break;
    case tcp::IoState::broken: lose(id, connection, now); break;
  }
  to_serve_.push_back(id);
  schedule_turn();
}

void ShardLoop::take(ConnectionId id, Connection& connection, ByteView wire, Now now) {
  if (connection.stream == nullptr) return shard_.on_bytes(id, wire, now);
  payload_.clear();
  const Layer::State state = connection.stream->receive(wire, payload_);
  if (!payload_.empty()) shard_.on_bytes(id, payload_, now);
  if (state == Layer::State::open) return;
  if (state == Layer::State::failed) {
    metrics_.protocol_errors.add();
    spdlog::info("a connection is closed: {}", connection.stream->failure());
  } else {
    connection.peer_ended = true;
  }
  if (!shard_.closed(id)) shard_.on_transport_closed(id, now);
}

// A socket that is closed with bytes unread resets the connection, and the peer may never see what we sent last.
void ShardLoop::discard_input(ConnectionId id, Connection& connection) {
  const tcp::IoResult result = tcp::read_some(connection.socket.native_handle(), buffer_);
  const bool more = result.state == tcp::IoState::some || result.state == tcp::IoState::would_block;
  if (more) return wait(id, connection, WaitFor::input, &ShardLoop::on_readable);
  erase(id);
}

void ShardLoop::on_writable(ConnectionId id, Connection& connection) {
  if (connection.stage == Connection::Stage::lingering || connection.broken) return;
  write(id, connection, clock_.now());
  to_serve_.push_back(id);
  schedule_turn();
}

// Only waited for while the socket is not read, so that a peer which resets the connection is noticed then too.
void ShardLoop::on_failing(ConnectionId id, Connection& connection) {
  const bool is_read = connection.awaits(WaitFor::input) || connection.stage != Connection::Stage::open;
  if (is_read || !tcp::has_failed(connection.socket.native_handle())) return;
  lose(id, connection, clock_.now());
  to_serve_.push_back(id);
}

void ShardLoop::lose(ConnectionId id, Connection& connection, Now now) {
  connection.broken = true;
  if (!shard_.closed(id)) shard_.on_transport_closed(id, now);
  schedule_turn();
}

// --- the end of a turn ---

void ShardLoop::schedule_turn() {
  if (std::exchange(turn_scheduled_, true)) return;
  boost::asio::post(loop_, [this] { turn(); });
}

void ShardLoop::turn() {
  turn_scheduled_ = false;
  const Now now = clock_.now();
  shard_.end_turn(now);
  send_out();
  ask_who_they_are();
  for (const ConnectionId id : shard_.take_touched()) serve(id, now);
  for (const ConnectionId id : to_serve_) serve(id, now);
  to_serve_.clear();
  if (shard_.has_work()) schedule_turn();
  end_if_stopped(now);
  arm_timer(now);
}

void ShardLoop::send_out() {
  for (bridge::ShardMail& mail : shard_.take_mail()) neighbours_.post(std::move(mail));
  neighbours_.ask_catalog(shard_.take_offset_requests());
}

// The verdict comes from another thread, or at once; in both cases it is posted, and is input of a later turn.
void ShardLoop::ask_who_they_are() {
  for (auto& request : shard_.take_logins()) {
    BITACORA_ASSERT(authenticator_ != nullptr);
    const auto take = [this, mailbox = mailbox_, id = request.connection](const identity::Verdict& verdict) {
      if (!mailbox->open) return;
      boost::asio::post(mailbox->loop, [this, id, verdict] {
        shard_.on_verdict(id, verdict, clock_.now());
        schedule_turn();
      });
    };
    authenticator_->authenticate(std::move(request.credentials), take);
  }
}

void ShardLoop::serve(ConnectionId id, Now now) {
  Connection* const connection = find(id);
  if (connection == nullptr || connection->stage == Connection::Stage::lingering) return;
  if (!connection->broken && !connection->awaits(WaitFor::room)) write(id, *connection, now);
  if (shard_.closed(id)) return leave(id, *connection, now);
  if (reads_on(id, *connection)) return wait(id, *connection, WaitFor::input, &ShardLoop::on_readable);
  wait(id, *connection, WaitFor::failure, &ShardLoop::on_failing);
}

// A stream's answers (a pong, a new key) wait for room like everything else: without it, nothing is read.
bool ShardLoop::reads_on(ConnectionId id, const Connection& connection) const {
  return shard_.wants_input(id) && (connection.stream == nullptr || !connection.stream->congested());
}

void ShardLoop::write(ConnectionId id, Connection& connection, Now now) {
  if (connection.stream != nullptr) return write_stream(id, connection, now);
  const ByteView output = shard_.output(id);
  if (output.empty()) return;
  const std::size_t size = output.size();
  const tcp::IoResult result = tcp::write_some(connection.socket.native_handle(), output);
  if (result.state == tcp::IoState::broken) return lose(id, connection, now);
  if (result.size > 0) shard_.consume_output(id, result.size, now);
  if (result.size < size) wait(id, connection, WaitFor::room, &ShardLoop::on_writable);
}

// What the stream has taken is its own: it may be on its way in pieces. So it is given little more than a socket takes.
void ShardLoop::write_stream(ConnectionId id, Connection& connection, Now now) {
  Stream& stream = *connection.stream;
  const ByteView output = shard_.output(id);
  if (const std::size_t size = std::min(output.size(), stream.room()); size > 0) {
    stream.send(output.first(size));
    shard_.consume_output(id, size, now);
  }
  if (!stream.unsent().empty()) {
    const tcp::IoResult result = tcp::write_some(connection.socket.native_handle(), stream.unsent());
    if (result.state == tcp::IoState::broken) return lose(id, connection, now);
    stream.consume(result.size);
  }
  if (!all_is_written(id, connection)) wait(id, connection, WaitFor::room, &ShardLoop::on_writable);
}

bool ShardLoop::all_is_written(ConnectionId id, const Connection& connection) const {
  return shard_.output(id).empty() && (connection.stream == nullptr || connection.stream->unsent().empty());
}

void ShardLoop::leave(ConnectionId id, Connection& connection, Now now) {
  if (connection.stage == Connection::Stage::open) {
    connection.stage = Connection::Stage::leaving;
    partings_.push_back({now.monotonic + linger_time_, id});
  }
  if (connection.stream != nullptr && !connection.broken && shard_.output(id).empty()) {
    connection.stream->finish();
    if (!connection.awaits(WaitFor::room)) write(id, connection, now);
  }
  if (!connection.broken && !all_is_written(id, connection)) return;
  shard_.forget(id);
  connection.stage = Connection::Stage::lingering;
  if (connection.broken || connection.peer_ended) return erase(id);
  tcp::shut_down_writing(connection.socket.native_handle());
  wait(id, connection, WaitFor::input, &ShardLoop::on_readable);
}

// A connection whose shard was told to forget it.
void ShardLoop::erase(ConnectionId id) {
  connections_.erase(id);
  if (stop_by_) schedule_turn();
}

Connection* ShardLoop::find(ConnectionId id) {
  const auto found = connections_.find(id);
  return found == connections_.end() ? nullptr : &found->second;
}

void ShardLoop::wait(ConnectionId id, Connection& connection, WaitFor what, OnReady on_ready) {
  if (std::exchange(connection.awaits(what), true)) return;
  const auto readiness = what == WaitFor::input ? readable : what == WaitFor::room ? writable : failing;
  connection.socket.async_wait(readiness, [this, id, what, on_ready](const ErrorCode& error) {
    Connection* const still_there = find(id);
    if (error || still_there == nullptr) return;
    still_there->awaits(what) = false;
    (this->*on_ready)(id, *still_there);
  });
}

// --- time ---

std::optional<MonotonicTime> ShardLoop::next_deadline() const {
  std::optional<MonotonicTime> earliest = shard_.next_deadline();
  const auto consider = [&earliest](MonotonicTime time) { earliest = earliest ? std::min(*earliest, time) : time; };
  if (!partings_.empty()) consider(partings_.front().deadline);
  if (stop_by_ && (!quiet_ || may_end_)) consider(*stop_by_);
  return earliest;
}

void ShardLoop::arm_timer(Now now) {
  const auto deadline = next_deadline();
  if (!deadline || (timer_set_for_ && *timer_set_for_ <= *deadline)) return;
  timer_set_for_ = deadline;
  timer_.expires_after(*deadline - now.monotonic);
  timer_.async_wait([this](const ErrorCode& error) {
    if (!error) on_timer();
  });
}

void ShardLoop::on_timer() {
  const Now now = clock_.now();
  timer_set_for_.reset();
  shard_.on_time(now);
  close_late(now);
  schedule_turn();
}

void ShardLoop::close_late(Now now) {
  for (; !partings_.empty() && partings_.front().deadline <= now.monotonic; partings_.pop_front()) {
    const ConnectionId id = partings_.front().id;
    const Connection* const connection = find(id);
    if (connection == nullptr) continue;
    if (connection->stage == Connection::Stage::leaving) shard_.forget(id);
    erase(id);
  }
}

void ShardLoop::end_if_stopped(Now now) {
  if (!stop_by_) return;
  const bool finished = connections_.empty() && shard_.idle();
  if (!finished && now.monotonic < *stop_by_) return;
  if (!std::exchange(quiet_, true)) neighbours_.on_quiet();
  if (!may_end_) return;
  if (!finished) {
    spdlog::warn("shard {} stops with {} connections open{}", index_, connections_.size(),
                 shard_.idle() ? "" : " and records that the log has not answered");
  }
  mailbox_->open = false;
  connections_.clear();
  loop_.stop();
}

}  // namespace bitacora::net
