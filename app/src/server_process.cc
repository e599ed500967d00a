#include "server_process.h"

#include <fmt/format.h>
#include <openssl/rand.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "access_files.h"
#include "base/assert.h"
#include "bridge/router.h"
#include "bridge/shard.h"
#include "storage/ballast.h"
#include "storage/posix_file_system.h"

namespace bitacora::app {
namespace {

tl::unexpected<std::string> failed(std::string message) { return tl::unexpected<std::string>(std::move(message)); }

// Whose append requests are whose: shards from 0, doors far above them.
constexpr std::uint32_t first_http_origin = 1 << 16;

std::uint32_t shard_count_of(const ServerConfig& config) {
  if (config.shards != 0) return config.shards;
  return std::max(1U, std::thread::hardware_concurrency());
}

// Unguessable: of this process alone.
std::string make_secret() {
  std::string secret(32, '\0');
  const int made = RAND_bytes(reinterpret_cast<unsigned char*>(secret.data()), static_cast<int>(secret.size()));
  BITACORA_ASSERT(made == 1);
  return secret;
}

// What of `after` cannot be had without a restart; empty if all can.
std::string needs_restart(const ServerConfig& before, const ServerConfig& after) {
  std::vector<std::string> names;
  const auto same = [](const Listener& a, const Listener& b) {
    return a.protocol == b.protocol && a.where() == b.where();
  };
  if (before.data_directory != after.data_directory) names.emplace_back("the data directory");
  if (before.shards != after.shards) names.emplace_back("the number of shards");
  if (!std::ranges::equal(before.listeners, after.listeners, same)) names.emplace_back("the listeners");
  if (before.auth.threads != after.auth.threads || before.auth.max_waiting != after.auth.max_waiting ||
      before.auth.failed != after.auth.failed) {
    names.emplace_back("[auth] settings other than its files");
  }
  const StorageConfig& a = before.storage;
  const StorageConfig& b = after.storage;
  if (a.on_damage != b.on_damage || a.max_bytes_in_flight != b.max_bytes_in_flight ||
      a.sync_threads != b.sync_threads || a.preallocate_bytes != b.preallocate_bytes ||
      a.index_interval_bytes != b.index_interval_bytes || a.disk_warn_percent != b.disk_warn_percent ||
      a.disk_stop_percent != b.disk_stop_percent || a.ballast_bytes != b.ballast_bytes) {
    names.emplace_back("[storage] settings other than housekeeping_interval, the key index's and the scrub's");
  }
  if (before.http != after.http) names.emplace_back("[http] settings");
  return fmt::format("{}", fmt::join(names, ", "));
}

// Whom each of the HTTP listeners lets in, in their order. Reads certificates; the error is for a person.
Result<std::vector<http::Admission>, std::string> admissions_of(const ServerConfig& config) {
  const auto access = std::make_shared<const bridge::AccessSettings>(config.broker.access);
  std::vector<http::Admission> all;
  for (const Listener& listener : config.listeners) {
    if (listener.protocol != Protocol::http) continue;
    const net::ListenerRules& rules = listener.rules;
    http::Admission one{access, rules.anonymous, nullptr, rules.certificate_user, rules.handshake_timeout};
    if (is_secure(rules.transport)) {
      auto tls = net::load_tls(rules.tls);
      if (!tls) return failed(fmt::format("the HTTP listener on {}: {}", format_address(listener), tls.error()));
      one.tls = std::move(*tls);
    }
    all.push_back(std::move(one));
  }
  return all;
}

UpkeepSettings upkeep_of(const StorageConfig& storage) {
  return {.housekeeping_interval = storage.housekeeping_interval,
          .scrub_interval = storage.scrub_interval,
          .scrub_bytes_per_second = static_cast<std::uint64_t>(storage.scrub_bytes_per_second),
          .key_index_bytes_per_second = static_cast<std::uint64_t>(storage.key_index_bytes_per_second)};
}

// Why a log of the store cannot become what the configuration says; empty if it can.
std::string why_impossible(const storage::Store& store, const LogConfig& log) {
  if (const auto checked = storage::check(log.settings); !checked) {
    return fmt::format("log {}: {}", log.name, checked.error().message);
  }
  const storage::Log* existing = store.find_log(log.name);
  if (existing == nullptr) return {};
  if (existing->partition_count() > log.settings.partitions) {
    return fmt::format("log {} has {} partitions; they can become more, not fewer (the configuration says {})",
                       log.name, existing->partition_count(), log.settings.partitions);
  }
  if (existing->settings().durability != log.settings.durability) {
    return fmt::format("log {} was made with durability \"{}\"; make a new log for \"{}\"", log.name,
                       storage::name_of(existing->settings().durability), storage::name_of(log.settings.durability));
  }
  return {};
}

}  // namespace

ServerProcess::~ServerProcess() { stop(); }

ProcessResult ServerProcess::start() {
  for (const auto step : {&ServerProcess::open_storage, &ServerProcess::open_doors}) {
    if (auto done = (this->*step)(); !done) {
      stop();
      return done;
    }
  }
  upkeep_ = std::make_unique<Upkeep>(*store_, clock_, upkeep_of(config_.storage));
  upkeep_->start();
  return {};
}

ProcessResult ServerProcess::open_storage() {
  files_ = storage::make_posix_file_system();
  if (auto made = files_->create_directories(config_.data_directory); !made) return failed(made.error().message);
  // The catalog cannot be opened without a little room.
  const auto ballast = static_cast<std::uint64_t>(config_.storage.ballast_bytes);
  const auto released = storage::release_ballast_if_short(*files_, config_.data_directory, ballast);
  if (released && *released) spdlog::warn("the disk is full: the ballast was given up for this start");
  auto catalog = storage::Catalog::open(config_.data_directory + "/catalog.db");
  if (!catalog) return failed(catalog.error().message);
  catalog_ = std::move(*catalog);
  if (!catalog_->broken_copy().empty()) {
    spdlog::error(
        "the catalog was damaged: it was moved to {} and a new one was made; group offsets are lost, logs are not",
        catalog_->broken_copy());
  }
  storage::StoreOptions options;
  options.directory = config_.data_directory;
  options.policy = config_.storage.on_damage == OnDamage::refuse ? storage::OpenPolicy::refuse_on_damage
                                                                 : storage::OpenPolicy::always_start;
  options.index_interval_bytes = config_.storage.index_interval_bytes;
  options.preallocate_bytes = config_.storage.preallocate_bytes;
  options.disk_warn_percent = config_.storage.disk_warn_percent;
  options.disk_stop_percent = config_.storage.disk_stop_percent;
  options.ballast_bytes = ballast;
  auto store = storage::Store::open(*files_, clock_, *catalog_, options);
  if (!store) return failed(store.error().message);
  store_ = std::move(*store);
  if (auto applied = apply_logs(config_.logs); !applied) return applied;
  if (auto created = bridge::create_internal_logs(*store_); !created) return failed(created.error().message);
  return {};
}

ProcessResult ServerProcess::apply_logs(const std::vector<LogConfig>& logs) {
  for (const LogConfig& log : logs) {
    if (std::string why = why_impossible(*store_, log); !why.empty()) return failed(std::move(why));
  }
  for (const LogConfig& log : logs) {
    const storage::Log* existing = store_->find_log(log.name);
    if (existing == nullptr) {
      if (auto created = store_->create_log(log.name, log.settings); !created) return failed(created.error().message);
    } else if (existing->settings() != log.settings) {
      if (auto changed = store_->change_settings(log.name, log.settings); !changed)
        return failed(changed.error().message);
    }
  }
  return {};
}

ProcessResult ServerProcess::open_doors() {
  storage::CommitterOptions options;
  options.max_bytes_in_flight = static_cast<std::size_t>(config_.storage.max_bytes_in_flight);
  options.sync_threads = config_.storage.sync_threads;
  committer_ = std::make_unique<storage::Committer>(*store_, clock_, options);

  secret_ = make_secret();
  auto access = load_access(config_, secret_);
  if (!access) return failed(access.error());
  config_.broker.access = std::move(access->settings);
  authenticator_ = std::make_unique<AuthenticationWorkers>(
      clock_, metrics_, secret_,
      AuthenticationWorkers::Options{config_.auth.threads, config_.auth.max_waiting, config_.auth.failed});
  authenticator_->set_judge(access->judge);

  const std::uint32_t shards = shard_count_of(config_);
  auto recovered = bridge::recover_state(*store_, *committer_, shards, clock_.now().wall_ms);
  if (!recovered) return failed(recovered.error().message);
  const auto settings = std::make_shared<const bridge::BrokerSettings>(config_.broker);
  if (auto router = bridge::Router::create(*settings, *store_); !router) {
    return failed(fmt::format("route {}: {}", router.error().index + 1, router.error().message));
  }
  net::MqttServerOptions mqtt;
  mqtt.shard_count = shards;
  mqtt.max_connections = config_.max_connections;
  for (const Listener& listener : config_.listeners) {
    if (listener.protocol == Protocol::mqtt) mqtt.listeners.push_back({listener.where(), listener.rules});
  }
  mqtt_ = std::make_unique<net::MqttServer>(
      net::Broker{*store_, *committer_, *catalog_, clock_, metrics_, settings, *recovered, authenticator_.get()}, mqtt);
  auto admissions = admissions_of(config_);
  if (!admissions) return failed(admissions.error());
  for (const Listener& listener : config_.listeners) {
    if (listener.protocol != Protocol::http) continue;
    http::HttpSettings http = config_.http;
    http.address = listener.address;
    http.port = listener.port;
    http.origin = first_http_origin + static_cast<std::uint32_t>(http_.size());
    http_.push_back(std::make_unique<http::Server>(*store_, *committer_, *catalog_, clock_, metrics_, http,
                                                   std::move((*admissions)[http_.size()]), authenticator_.get()));
    committer_->add_listener(http_.back()->listener());
  }
  committer_->start();
  for (const auto& door : http_) {
    if (auto started = door->start(); !started) return failed(started.error());
  }
  return mqtt_->start();
}

ProcessResult ServerProcess::reload(ServerConfig config) {
  if (const std::string names = needs_restart(config_, config); !names.empty()) {
    return failed("a restart is needed to change " + names + "; nothing was changed");
  }
  std::vector<net::ListenerRules> rules;
  for (const Listener& listener : config.listeners) {
    if (listener.protocol == Protocol::mqtt) rules.push_back(listener.rules);
  }
  auto prepared = net::MqttServer::prepare(rules);
  if (!prepared) return failed(prepared.error() + "; nothing was changed");
  auto access = load_access(config, secret_);
  if (!access) return failed(access.error() + "; nothing was changed");
  config.broker.access = std::move(access->settings);
  auto admissions = admissions_of(config);
  if (!admissions) return failed(admissions.error() + "; nothing was changed");
  if (auto applied = apply_logs(config.logs); !applied) return applied;
  auto settings = std::make_shared<const bridge::BrokerSettings>(config.broker);
  if (auto router = bridge::Router::create(*settings, *store_); !router) {
    return failed(fmt::format("route {}: {}; nothing was changed", router.error().index + 1, router.error().message));
  }
  authenticator_->set_judge(access->judge);  // first: who is believed by it is looked at again by the shards
  mqtt_->reload(settings, *prepared);
  mqtt_->set_max_connections(config.max_connections);
  for (std::size_t i = 0; i < http_.size(); ++i) http_[i]->change(std::move((*admissions)[i]));
  upkeep_->change(upkeep_of(config.storage));
  config_ = std::move(config);
  return {};
}

void ServerProcess::stop() {
  upkeep_.reset();
  if (mqtt_) mqtt_->stop();
  for (const auto& door : http_) door->stop();
  authenticator_.reset();  // the doors ask nothing any more
  if (committer_) committer_->stop();
  if (!store_) return;
  if (auto closed = store_->close(); !closed) spdlog::error("closing the store: {}", closed.error().message);
  http_.clear();
  mqtt_.reset();
  committer_.reset();
  store_.reset();
}

std::vector<ListeningAt> ServerProcess::listening() const {
  std::vector<ListeningAt> all;
  std::size_t mqtt = 0, http = 0;
  for (const Listener& listener : config_.listeners) {
    const std::string& name = listener.rules.name;
    const std::uint16_t port =
        listener.protocol == Protocol::mqtt ? mqtt_->ports().at(mqtt++) : http_.at(http++)->port();
    all.push_back({name.empty() ? std::string(name_of(listener.protocol)) : name, port,
                   listener.where().is_unix() ? listener.address : fmt::format("port {}", port)});
  }
  return all;
}

}  // namespace bitacora::app
