// Who asks, and what that gives the right to: of one request, or of a tail for as long as it runs. Rules are those of
// MQTT, looked at when they are needed, so that a right that is taken away is gone at once.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "bridge/rights.h"
#include "exchange.h"
#include "http/admission.h"
#include "identity/principal.h"
#include "storage/batch.h"
#include "storage/store.h"

namespace bitacora::http {

class Door;

class Caller {
 public:
  // `door` outlives it.
  Caller(const Door& door, identity::Principal principal);

  // Whether it would be let in today: its user may have been removed, its token may have expired.
  [[nodiscard]] bool believed() const;
  [[nodiscard]] const identity::Principal& principal() const noexcept { return principal_; }

  [[nodiscard]] bool may(identity::Action action, std::string_view topic) { return rights().may(action, topic); }
  // Whether there can be anything that `filter` matches for it.
  [[nodiscard]] bool may_ask_for(identity::Action action, std::string_view filter) {
    return rights().may_ask_for(action, filter);
  }
  // By the record's own topic; a record that has none is for who may read everything.
  [[nodiscard]] bool may_read(const storage::Partition& partition, const storage::RecordView& record);
  // Whether there can be a record that it may read: the partition's log is its own to see, or it may replay something.
  [[nodiscard]] bool may_read_some_of(const storage::Partition& partition);
  // Every record of the log, whatever its topic: what stored bytes as they are need.
  [[nodiscard]] bool may_read_everything_of(const storage::Log& log);
  // The server's own logs are not for who may read topics, but for who administers them.
  [[nodiscard]] bool may_see(const storage::Log& log) { return !log.is_internal() || administers(log.name()); }
  // As in MQTT, by the topic that the key is; what has none needs the right to publish everything.
  [[nodiscard]] bool may_produce(const std::optional<ByteView>& key);
  // "server/metrics", "log/<log>", "group/<group>".
  [[nodiscard]] bool may_administer(std::string_view what) { return may(identity::Action::administer, what); }

 private:
  [[nodiscard]] const bridge::Rights& rights();
  [[nodiscard]] bool administers(const std::string& log) { return may_administer("log/" + log); }

  const Door& door_;
  const identity::Principal principal_;
  std::shared_ptr<const Admission> seen_;  // what rights_ were made of
  bridge::Rights rights_;
};

// 403, counted: `what` in the words "there is no right to ...".
[[nodiscard]] Answer forbidden(Door& door, std::string_view what);
// 401 for who was let in when the request came.
[[nodiscard]] Answer no_longer_believed();
// nullopt: it may.
[[nodiscard]] std::optional<Answer> unless_administering(Door& door, const Request& request, const std::string& what);

inline constexpr int authentication_error = 40101;  // Confluent's
inline constexpr int authorization_error = 40301;

}  // namespace bitacora::http
