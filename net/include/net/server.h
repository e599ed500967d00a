// The MQTT door: listening sockets, one entrance thread, and one thread with an event loop for each bridge::Shard.
//
//   MqttServer server({store, committer, clock, metrics, settings, recovered}, {.listeners = {{{"127.0.0.1", 1883}}}});
//   committer.start();
//   if (auto started = server.start(); !started) return report(started.error());
//   ...
//   server.stop();     // before committer.stop(): what waits for the log is answered first
//
// docs/threading.md says which thread owns what.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "bridge/metrics.h"
#include "bridge/settings.h"
#include "bridge/shard.h"
#include "net/listener_options.h"
#include "storage/catalog.h"
#include "storage/committer.h"
#include "storage/store.h"

namespace bitacora::net {

// What the server stands on. What is held by reference outlives the server.
struct Broker {
  storage::Store& store;
  storage::Committer& committer;
  storage::Catalog& catalog;  // for the positions of groups
  const Clock& clock;         // real time, thread-safe: timers run by it
  bridge::BrokerMetrics& metrics;
  std::shared_ptr<const bridge::BrokerSettings> settings;
  std::shared_ptr<const bridge::RecoveredState> recovered;
  // Asked about clients that give a name, if the settings say that names are checked; then it must be there.
  identity::Authenticator* authenticator = nullptr;
};

struct MqttServerOptions {
  std::vector<ListenerOptions> listeners{};
  std::uint32_t shard_count = 1;
  std::uint32_t first_origin = 0;         // the shards' append requests are of this origin and those behind it
  std::size_t max_connections = 100'000;  // of all listeners; over it a new connection is closed at once
  std::size_t max_receptions = 4'096;     // connections without a whole CONNECT; over it the oldest of them is closed
  std::chrono::milliseconds linger{
      2'000};  // how long a closed connection is kept so that its peer can read what was sent
  std::chrono::milliseconds stop_timeout{5'000};  // how long stop() waits for the log and the clients
};

// Rules of all listeners, checked, and their certificates read.
class PreparedRules;

class MqttServer {
 public:
  // Makes the shards and adds a listener of each to the committer: before committer.start() and before the first
  // append.
  MqttServer(const Broker& broker, const MqttServerOptions& options);
  ~MqttServer();  // stops
  MqttServer(const MqttServer&) = delete;
  MqttServer& operator=(const MqttServer&) = delete;

  // Reads the certificates, binds all listeners and starts the threads, or does nothing and says for a person which
  // file or address could not be had, why, and what to do. Once.
  [[nodiscard]] Result<void, std::string> start();

  // The ports that were bound, in the order of the listeners; 0 is a Unix socket's. Empty before start().
  [[nodiscard]] const std::vector<std::uint16_t>& ports() const noexcept;

  // Makes rules ready for reload(), one for each listener in their order: files are read here, so what can fail, fails
  // before anything is changed. The error is for a person. Any thread.
  [[nodiscard]] static Result<std::shared_ptr<const PreparedRules>, std::string> prepare(
      const std::vector<ListenerRules>& rules);

  // New settings for every shard and for connections to come. Listeners keep their addresses; with `rules` they go by
  // new ones, certificates included, for connections to come: none that is open is dropped. Between start() and stop().
  void reload(const std::shared_ptr<const bridge::BrokerSettings>& settings,
              const std::shared_ptr<const PreparedRules>& rules = nullptr);
  // MqttServerOptions::max_connections from now on. Who is connected stays. Any thread.
  void set_max_connections(std::size_t count) noexcept;

  // Accepts no more, sends every client DISCONNECT 0x8B, waits until the log has answered and cursors are written down,
  // at most stop_timeout; then closes what is left and ends the threads. The committer must still run. May be called
  // twice.
  void stop();

  // Sockets that the server holds open, whatever state they are in. Any thread.
  [[nodiscard]] std::size_t open_connections() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace bitacora::net
