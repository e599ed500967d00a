// A whole server on loopback: real threads and sockets over a log in memory. Listens on a free port of 127.0.0.1 unless
// told otherwise.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "bridge/metrics.h"
#include "bridge/settings.h"
#include "net/mqtt_client.h"
#include "net/server.h"
#include "storage/catalog.h"
#include "storage/committer.h"
#include "storage/memory_file_system.h"
#include "storage/store.h"

namespace bitacora::net {

// Settings of a test's server: one log "mqtt" of four partitions behind everything.
struct RunningServerOptions {
  MqttServerOptions server{.listeners = {{}}};
  bridge::BrokerSettings broker{};
  storage::CommitterOptions committer{};
};

class RunningServer {
 public:
  explicit RunningServer(RunningServerOptions options = {});
  ~RunningServer();

  [[nodiscard]] std::uint16_t port() const { return server_->ports().at(0); }
  [[nodiscard]] MqttServer& server() { return *server_; }
  [[nodiscard]] const bridge::BrokerMetrics& metrics() const { return metrics_; }

  [[nodiscard]] MqttClient client() const { return MqttClient(port()); }
  [[nodiscard]] MqttClient connected(std::string_view client_id) const;
  void stop() { server_->stop(); }
  // The payloads of all records in the log "mqtt", partition by partition.
  [[nodiscard]] std::vector<std::string> payloads_in_log() const;

 private:
  SystemClock clock_;
  std::unique_ptr<storage::MemoryFileSystem> files_;
  std::unique_ptr<storage::Catalog> catalog_;
  std::unique_ptr<storage::Store> store_;
  bridge::BrokerMetrics metrics_;
  std::unique_ptr<storage::Committer> committer_;
  std::unique_ptr<MqttServer> server_;
};

// Asks until it is so; false if it is not so within MqttClient::patience. For what no packet tells of.
[[nodiscard]] bool comes_true(const std::function<bool()>& condition);

}  // namespace bitacora::net
