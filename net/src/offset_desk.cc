#include "offset_desk.h"

#include <pthread.h>

#include <iterator>
#include <utility>

namespace bitacora::net {

OffsetDesk::~OffsetDesk() { stop(); }

void OffsetDesk::start() {
  thread_ = std::thread([this] { run(); });
}

void OffsetDesk::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wakes_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void OffsetDesk::ask(std::vector<bridge::OffsetRequest> requests) {
  if (requests.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    asked_.insert(asked_.end(), std::make_move_iterator(requests.begin()), std::make_move_iterator(requests.end()));
  }
  wakes_.notify_one();
}

void OffsetDesk::run() {
  ::pthread_setname_np(::pthread_self(), "mqtt-offsets");
  std::unique_lock lock(mutex_);
  while (true) {
    wakes_.wait(lock, [this] { return stopping_ || !asked_.empty(); });
    if (asked_.empty()) return;
    auto requests = std::exchange(asked_, {});
    lock.unlock();
    for (bridge::OffsetAnswer& answer : bridge::serve(catalog_, std::move(requests))) deliver_(std::move(answer));
    lock.lock();
  }
}

}  // namespace bitacora::net
