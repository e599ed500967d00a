#include "http/running_door.h"

#include <stdexcept>
#include <thread>

namespace bitacora::http {
namespace {

template <class T>
T value_of(storage::Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

storage::LogSettings with_partitions(std::int32_t count) {
  storage::LogSettings settings;
  settings.partitions = count;
  return settings;
}

}  // namespace

RunningDoor::RunningDoor(HttpSettings settings, Admission admission, identity::Authenticator* authenticator)
    : files(storage::make_memory_file_system()), catalog(value_of(storage::Catalog::open(":memory:"))) {
  store = value_of(storage::Store::open(
      *files, clock, *catalog,
      {.directory = "data", .preallocate_bytes = 0, .disk_warn_percent = 85, .disk_stop_percent = 95}));
  (void)value_of(store->create_log("mqtt", with_partitions(2)));
  (void)value_of(store->create_log("other", with_partitions(1)));
  (void)value_of(store->create_log("__own", with_partitions(1)));
  committer = std::make_unique<storage::Committer>(*store, clock, storage::CommitterOptions{});
  server = std::make_unique<Server>(*store, *committer, *catalog, clock, metrics, std::move(settings),
                                    std::move(admission), authenticator);
  committer->add_listener(server->listener());
  committer->start();
  if (auto started = server->start(); !started) throw std::runtime_error(started.error());
}

RunningDoor::~RunningDoor() {
  server->stop();
  committer->stop();
}

Response RunningDoor::send(std::string method, std::string target, std::string body, std::string content_type) const {
  return client().request({.method = std::move(method),
                           .target = std::move(target),
                           .headers = {{"Content-Type", std::move(content_type)}},
                           .body = std::move(body)});
}

void RunningDoor::append(std::int32_t partition, std::string_view key, std::string_view value, std::string_view log) {
  storage::Partition& to = store->find_log(log)->partition(partition);
  storage::BatchBuilder builder;
  const storage::HeaderView headers[] = {{"mqtt.qos", as_bytes("1")}};
  builder.add({0, clock.now().wall_ms, as_bytes(key), as_bytes(value), headers});
  const storage::Offset wanted = to.offsets().log_end + 1;
  if (!committer->submit({&to, builder.take(), 0, 0})) throw std::runtime_error("the committer refuses");
  const auto deadline = std::chrono::steady_clock::now() + HttpClient::patience;
  while (to.offsets().committed < wanted) {
    if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error("the record was not committed");
    std::this_thread::yield();
  }
}

}  // namespace bitacora::http
