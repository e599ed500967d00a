#include "caller.h"

#include <utility>

#include "bridge/message.h"
#include "door.h"
#include "mqtt/topic.h"

namespace bitacora::http {

using identity::Action;

Caller::Caller(const Door& door, identity::Principal principal) : door_(door), principal_(std::move(principal)) {}

bool Caller::believed() const {
  if (principal_.valid_until && *principal_.valid_until <= door_.now_ms()) return false;
  const auto admission = door_.admission();
  return admission->access->still_believes(principal_, admission->anonymous);
}

// %c stands for nothing here: a rule with it gives no right, and denies all behind it.
const bridge::Rights& Caller::rights() {
  if (seen_ != door_.admission()) {
    seen_ = door_.admission();
    rights_ = bridge::Rights(*seen_->access, principal_, {});
  }
  return rights_;
}

bool Caller::may_read(const storage::Partition& partition, const storage::RecordView& record) {
  if (partition.is_internal()) return administers(partition.log_name());
  const auto topic = bridge::MessageDecoder::topic_of(record);
  return topic ? may(Action::replay, *topic) : rights().may_everything(Action::replay);
}

bool Caller::may_read_everything_of(const storage::Log& log) {
  return log.is_internal() ? may_see(log) : rights().may_everything(Action::replay);
}

bool Caller::may_read_some_of(const storage::Partition& partition) {
  return partition.is_internal() ? administers(partition.log_name()) : may_ask_for(Action::replay, "#");
}

bool Caller::may_produce(const std::optional<ByteView>& key) {
  const bool has_topic = key && mqtt::is_valid_topic_name(as_text(*key));
  return has_topic ? may(Action::publish, as_text(*key)) : rights().may_everything(Action::publish);
}

Answer forbidden(Door& door, std::string_view what) {
  door.metrics.http_not_authorized.add();
  return error_answer(403, authorization_error, "there is no right to " + std::string(what));
}

Answer no_longer_believed() {
  return error_answer(401, authentication_error, "the user, password or token is not valid any more");
}

std::optional<Answer> unless_administering(Door& door, const Request& request, const std::string& what) {
  if (request.caller->may_administer(what)) return std::nullopt;
  return forbidden(door, "administer " + what);
}

}  // namespace bitacora::http
