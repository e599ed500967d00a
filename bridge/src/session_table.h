// The sessions of one shard, by client id and by epoch.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "bridge/subscription_tree.h"
#include "session.h"

namespace bitacora::bridge {

class SessionTable {
 public:
  using ByClient = std::unordered_map<std::string, std::unique_ptr<Session>, StringHash, std::equal_to<>>;

  Session& add(std::unique_ptr<Session> session) {
    Session& added = *session;
    by_epoch_[added.epoch] = &added;
    by_client_[added.client_id] = std::move(session);
    return added;
  }
  void remove(Session& session) {
    by_epoch_.erase(session.epoch);
    by_client_.erase(by_client_.find(session.client_id));
  }
  [[nodiscard]] Session* find(std::string_view client_id) const {
    const auto found = by_client_.find(client_id);
    return found == by_client_.end() ? nullptr : found->second.get();
  }
  // nullptr if that session has ended, even when its client has another one now.
  [[nodiscard]] Session* find_epoch(std::uint64_t epoch) const {
    const auto found = by_epoch_.find(epoch);
    return found == by_epoch_.end() ? nullptr : found->second;
  }
  [[nodiscard]] const ByClient& all() const noexcept { return by_client_; }
  [[nodiscard]] std::size_t size() const noexcept { return by_client_.size(); }

 private:
  ByClient by_client_;
  std::unordered_map<std::uint64_t, Session*> by_epoch_;
};

}  // namespace bitacora::bridge
