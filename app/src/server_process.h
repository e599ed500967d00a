// The server put together: catalog, store, committer, MQTT door, HTTP doors, and the housekeeping beside them, from one
// ServerConfig. Started and stopped as a whole; reloaded as a whole or not at all.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "app/config.h"
#include "authentication_workers.h"
#include "base/clock.h"
#include "base/result.h"
#include "bridge/metrics.h"
#include "http/server.h"
#include "net/server.h"
#include "storage/catalog.h"
#include "storage/committer.h"
#include "storage/file_system.h"
#include "storage/store.h"
#include "upkeep.h"

namespace bitacora::app {

// Errors are for a person: what could not be done, where, and what to do.
using ProcessResult = Result<void, std::string>;

// Where one listener is reached.
struct ListeningAt {
  std::string name;    // as configured, else "mqtt" or "http"
  std::uint16_t port;  // 0: a Unix socket
  std::string where;   // "port 1883", "unix:/run/bitacora.sock"
};

class ServerProcess {
 public:
  explicit ServerProcess(ServerConfig config) : config_(std::move(config)) {}
  ~ServerProcess();  // stops
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  // Recovers the data directory, then listens. When it returns an error nothing is left running.
  [[nodiscard]] ProcessResult start();
  // Applies `config`'s logs, routes, session rules, limits, log level and what listeners go by, certificates included.
  // Nothing is changed when anything in it needs a restart (the error names it) or is impossible.
  [[nodiscard]] ProcessResult reload(ServerConfig config);
  // Answers what is under way, writes down every cursor, leaves the clean-shutdown mark.
  void stop();

  // In the order of the configuration's listeners.
  [[nodiscard]] std::vector<ListeningAt> listening() const;
  [[nodiscard]] const storage::RecoveryReport& recovery_report() const { return store_->recovery_report(); }

 private:
  [[nodiscard]] ProcessResult open_storage();
  [[nodiscard]] ProcessResult apply_logs(const std::vector<LogConfig>& logs);
  [[nodiscard]] ProcessResult open_doors();

  ServerConfig config_;
  SystemClock clock_;
  bridge::BrokerMetrics metrics_;
  // In the order in which they lean on each other.
  std::unique_ptr<storage::FileSystem> files_;
  std::unique_ptr<storage::Catalog> catalog_;
  std::unique_ptr<storage::Store> store_;
  std::unique_ptr<storage::Committer> committer_;
  std::string secret_;  // of this process: bridge::AccessSettings::secret
  std::unique_ptr<AuthenticationWorkers> authenticator_;
  std::unique_ptr<net::MqttServer> mqtt_;
  std::vector<std::unique_ptr<http::Server>> http_;
  std::unique_ptr<Upkeep> upkeep_;
};

}  // namespace bitacora::app
