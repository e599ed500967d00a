#include "door.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

namespace bitacora::http {
namespace {

// Runs when its coroutine leaves the scope, whichever way: also when the io_context is destroyed with the coroutine in
// it.
template <class Function>
class AtExit {
 public:
  explicit AtExit(Function function) : function_(std::move(function)) {}
  ~AtExit() { function_(); }
  AtExit(const AtExit&) = delete;
  AtExit& operator=(const AtExit&) = delete;

 private:
  Function function_;
};

}  // namespace

asio::awaitable<void> Event::wait(std::chrono::milliseconds timeout) {
  if (happened_) co_return;
  timer_.expires_after(timeout);
  boost::system::error_code ignored;  // cancelled: it happened
  co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

asio::awaitable<bool> Door::wait(std::span<const bridge::PartitionPosition> positions,
                                 std::chrono::milliseconds timeout) {
  if (closing_) co_return true;
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  Event event(executor);
  const bridge::WaiterId id = service.wait(positions);
  waiting_.emplace(id, &event);
  const AtExit forget([this, id] {
    waiting_.erase(id);
    service.cancel(id);
  });
  co_await event.wait(timeout);
  co_return event.happened();
}

asio::awaitable<std::optional<bridge::Produced>> Door::await_produced(bridge::ProduceId id,
                                                                      std::chrono::milliseconds timeout) {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  Event event(executor);
  producing_.emplace(id, &event);
  const AtExit forget([this, id] {
    producing_.erase(id);
    produced_.erase(id);
  });
  collect();  // it may be answered already
  co_await event.wait(timeout);
  const auto found = produced_.find(id);
  if (found == produced_.end()) co_return std::nullopt;
  co_return std::move(found->second);
}

void Door::on_commit(const storage::CommitNotice& notice) {
  service.on_commit(notice);
  collect();
}

void Door::close() {
  closing_ = true;
  wake_all();
}

void Door::change(std::shared_ptr<const Admission> admission) {
  admission_ = std::move(admission);
  wake_all();
}

void Door::wake_all() {
  for (const auto& [id, event] : waiting_) event->happen();
}

void Door::collect() {
  for (bridge::Produced& produced : service.take_produced()) {
    const auto waiter = producing_.find(produced.id);
    if (waiter == producing_.end()) continue;  // it was given up
    waiter->second->happen();
    produced_.emplace(produced.id, std::move(produced));
  }
  for (const bridge::WaiterId id : service.take_woken()) {
    if (const auto waiter = waiting_.find(id); waiter != waiting_.end()) waiter->second->happen();
  }
}

}  // namespace bitacora::http
