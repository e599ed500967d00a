#include <atomic>
#include <latch>
#include <random>
#include <utility>

#include "base/assert.h"
#include "entrance.h"
#include "net/server.h"
#include "offset_desk.h"
#include "seats.h"
#include "shard_loop.h"

namespace bitacora::net {
namespace {

std::uint64_t random_seed() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

bridge::ShardOptions options_of_shard(const Broker& broker, const MqttServerOptions& options, std::uint32_t index,
                                      std::uint64_t seed) {
  return {.index = bridge::ShardIndex(index),
          .shard_count = options.shard_count,
          .origin = options.first_origin + index,
          .settings = broker.settings,
          .recovered = broker.recovered,
          .seed = seed + index};
}

AllSeats seats_of(const MqttServerOptions& options, Seats& whole) {
  AllSeats seats;
  for (const ListenerOptions& listener : options.listeners) {
    seats.push_back(std::make_unique<Seats>(listener.rules.max_connections, &whole));
  }
  return seats;
}

}  // namespace

class PreparedRules {
 public:
  AllTerms terms;
};

struct MqttServer::State {
  enum class Stage { new_born, running, stopped };

  State(const Broker& broker, const MqttServerOptions& given)
      : options(given),
        seats(given.max_connections),
        listener_seats(seats_of(given, seats)),
        entrance(
            broker, given, listener_seats,
            [this](bridge::ShardIndex shard, Arrival arrival) { shards[shard.value()]->adopt(std::move(arrival)); }),
        desk(broker.catalog, [this](bridge::OffsetAnswer answer) { shards[answer.shard]->deliver(std::move(answer)); }),
        quiet(given.shard_count) {
    const std::uint64_t seed = random_seed();
    const auto notices_posted = std::make_shared<std::atomic<std::uint64_t>>(0);
    for (std::uint32_t index = 0; index < options.shard_count; ++index) {
      shards.push_back(
          std::make_unique<ShardLoop>(broker, options_of_shard(broker, options, index, seed), options.linger));
      shards.back()->set_neighbours(
          {[this](bridge::ShardMail mail) { shards[mail.to]->deliver(std::move(mail.message)); },
           [this](std::vector<bridge::OffsetRequest> requests) { desk.ask(std::move(requests)); },
           [this] { quiet.count_down(); }, notices_posted});
    }
    broker.committer.add_listener([notices_posted](const auto&) {  // behind those of all the shards
      notices_posted->fetch_add(1);
      notices_posted->notify_all();
    });
  }

  const MqttServerOptions options;
  Seats seats;
  AllSeats listener_seats;
  std::vector<std::unique_ptr<ShardLoop>> shards;
  Entrance entrance;
  OffsetDesk desk;
  std::latch quiet;  // counts the shards that have nothing under way at the stop
  Stage stage = Stage::new_born;
};

MqttServer::MqttServer(const Broker& broker, const MqttServerOptions& options) {
  BITACORA_ASSERT(options.shard_count > 0);
  state_ = std::make_unique<State>(broker, options);
}

MqttServer::~MqttServer() { stop(); }

Result<void, std::string> MqttServer::start() {
  BITACORA_ASSERT(state_->stage == State::Stage::new_born);
  std::vector<ListenerRules> rules;
  for (const ListenerOptions& listener : state_->options.listeners) rules.push_back(listener.rules);
  auto prepared = prepare(rules);
  if (!prepared) return Failure<std::string>(std::move(prepared.error()));
  auto bound = state_->entrance.bind(state_->options.listeners, (*prepared)->terms);
  if (!bound) return bound;
  state_->stage = State::Stage::running;
  state_->desk.start();
  for (const auto& shard : state_->shards) shard->start();
  state_->entrance.start();
  return {};
}

const std::vector<std::uint16_t>& MqttServer::ports() const noexcept { return state_->entrance.ports(); }

Result<std::shared_ptr<const PreparedRules>, std::string> MqttServer::prepare(const std::vector<ListenerRules>& rules) {
  auto prepared = std::make_shared<PreparedRules>();
  for (const ListenerRules& one : rules) {
    auto terms = make_terms(one);
    if (!terms) return Failure<std::string>(std::move(terms.error()));
    prepared->terms.push_back(std::move(*terms));
  }
  return std::shared_ptr<const PreparedRules>(std::move(prepared));
}

void MqttServer::reload(const std::shared_ptr<const bridge::BrokerSettings>& settings,
                        const std::shared_ptr<const PreparedRules>& rules) {
  BITACORA_ASSERT(state_->stage == State::Stage::running);
  if (rules != nullptr) {
    BITACORA_ASSERT(rules->terms.size() == state_->listener_seats.size());
    for (std::size_t i = 0; i < rules->terms.size(); ++i) {
      state_->listener_seats[i]->set_capacity(rules->terms[i]->rules->max_connections);
    }
    state_->entrance.set_terms(rules->terms);
  }
  state_->entrance.set_limits(settings->connection);
  for (const auto& shard : state_->shards) shard->reload(settings);
}

void MqttServer::set_max_connections(std::size_t count) noexcept { state_->seats.set_capacity(count); }

void MqttServer::stop() {
  if (std::exchange(state_->stage, State::Stage::stopped) != State::Stage::running) return;
  state_->entrance.stop();  // first: from now on no connection is on its way to a shard
  for (const auto& shard : state_->shards) shard->begin_stop(state_->options.stop_timeout);
  // Members tell their groups' homes on other shards what was acknowledged, so that nobody ends before all are quiet.
  state_->quiet.wait();
  for (const auto& shard : state_->shards) shard->end_stop();
  for (const auto& shard : state_->shards) shard->join();
  state_->desk.stop();
}

std::size_t MqttServer::open_connections() const noexcept { return state_->seats.taken(); }

}  // namespace bitacora::net
