// The HTTP door on a free port of loopback, over a log in memory and a committer with its own thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "bridge/metrics.h"
#include "http/http_client.h"
#include "http/server.h"
#include "storage/catalog.h"
#include "storage/committer.h"
#include "storage/memory_file_system.h"
#include "storage/store.h"

namespace bitacora::http {

class RunningDoor {
 public:
  // One log "mqtt" of two partitions, one log "other" of one, and an internal log.
  explicit RunningDoor(HttpSettings settings = {}, Admission admission = {},
                       identity::Authenticator* authenticator = nullptr);
  ~RunningDoor();

  [[nodiscard]] HttpClient client() const { return HttpClient(server->port()); }
  // One request on a connection of its own.
  Response get(std::string target) const { return client().request({.method = "GET", .target = std::move(target)}); }
  Response send(std::string method, std::string target, std::string body,
                std::string content_type = "application/json") const;

  // A record in a batch of its own, readable when it returns.
  void append(std::int32_t partition, std::string_view key, std::string_view value, std::string_view log = "mqtt");
  [[nodiscard]] storage::Log& mqtt() const { return *store->find_log("mqtt"); }

  SystemClock clock;
  std::unique_ptr<storage::MemoryFileSystem> files;
  std::unique_ptr<storage::Catalog> catalog;
  std::unique_ptr<storage::Store> store;
  bridge::BrokerMetrics metrics;
  std::unique_ptr<storage::Committer> committer;
  std::unique_ptr<Server> server;
};

}  // namespace bitacora::http
