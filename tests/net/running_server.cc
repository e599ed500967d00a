#include "net/running_server.h"

#include <stdexcept>
#include <thread>

#include "bridge/cursor.h"
#include "bridge/shard.h"

namespace bitacora::net {
namespace {

template <class T>
T value_of(storage::Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

}  // namespace

RunningServer::RunningServer(RunningServerOptions options)
    : files_(storage::make_memory_file_system()), catalog_(value_of(storage::Catalog::open(":memory:"))) {
  store_ = value_of(storage::Store::open(*files_, clock_, *catalog_, {.directory = "data"}));
  (void)value_of(store_->create_log("mqtt", {}));
  if (auto made = bridge::create_internal_logs(*store_); !made) throw std::runtime_error(made.error().message);
  committer_ = std::make_unique<storage::Committer>(*store_, clock_, options.committer);
  const Broker broker{.store = *store_,
                      .committer = *committer_,
                      .catalog = *catalog_,
                      .clock = clock_,
                      .metrics = metrics_,
                      .settings = std::make_shared<bridge::BrokerSettings>(options.broker),
                      .recovered = value_of(bridge::recover_state(*store_, *committer_, options.server.shard_count,
                                                                  clock_.now().wall_ms))};
  server_ = std::make_unique<MqttServer>(broker, options.server);
  committer_->start();
  if (auto started = server_->start(); !started) throw std::runtime_error(started.error());
}

RunningServer::~RunningServer() {
  server_->stop();
  committer_->stop();
}

MqttClient RunningServer::connected(std::string_view client_id) const {
  MqttClient result = client();
  if (const auto answer = result.connect(client_id); mqtt::is_error(answer.reason)) {
    throw std::runtime_error(std::string("refused: ") + mqtt::name_of(answer.reason));
  }
  return result;
}

std::vector<std::string> RunningServer::payloads_in_log() const {
  const storage::Log* const log = store_->find_log("mqtt");
  std::vector<bridge::PartitionPosition> positions;
  for (std::int32_t i = 0; i < log->partition_count(); ++i) positions.push_back({.partition = &log->partition(i)});
  bridge::Cursor cursor(std::move(positions));
  std::vector<std::string> payloads;
  while (auto record = value_of(cursor.next())) payloads.emplace_back(as_text(record->record.value.value()));
  return payloads;
}

bool comes_true(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + MqttClient::patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

}  // namespace bitacora::net
