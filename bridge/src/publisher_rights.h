// Whether who published a retained message may still publish there: what somebody said who has been shut out since is
// not passed on to newcomers (CVE-2018-12546). A retained record names its publisher for that (mqtt.publisher).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "bridge/message.h"
#include "bridge/rights.h"
#include "bridge/settings.h"
#include "identity/principal.h"
#include "shard_context.h"

namespace bitacora::bridge {

// "anonymous", "user:ann", "token:ann" or "certificate:ann".
[[nodiscard]] std::string publisher_of(const identity::Principal& principal);

class PublisherRights {
 public:
  explicit PublisherRights(const ShardContext& context) : context_(context) {}

  // By the rules of now. What a token had the right to do stood in the token, which is not kept: there only a deny
  // counts. Where the record does not say who it was (an earlier version wrote it), it holds.
  [[nodiscard]] bool still_hold(const Message& message);

 private:
  static constexpr std::size_t max_known = 4096;

  [[nodiscard]] const Rights& rights_of(std::string_view publisher, std::string_view client_id);

  const ShardContext& context_;
  std::shared_ptr<const BrokerSettings> seen_;     // what known_ was made of
  std::unordered_map<std::string, Rights> known_;  // by publisher and client id
};

}  // namespace bitacora::bridge
