// What one client may do: the rules that are about it, with its client id and user name in their places. Asked at each
// door and for each record's own topic: a subscription is granted if it can match anything its client may read, and
// what it may not read is left out of it.
//
//   A deny that matches wins, then an allow that matches; else AccessSettings::otherwise.
//
// What stands for %c and %u is one level, whatever it is: with '+', '#', '/' or nothing in it, or where it would make
// the topic one of the server's own ('$'), an allow never applies and a deny covers everything behind that place.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bridge/access.h"

namespace bitacora::bridge {

class Rights {
 public:
  Rights() = default;  // to do everything
  Rights(const AccessSettings& access, const identity::Principal& principal, std::string_view client_id);

  // `topic` is a valid topic name.
  [[nodiscard]] bool may(identity::Action action, std::string_view topic) const;
  // Whether some topic that `filter` matches may be read so.
  [[nodiscard]] bool may_ask_for(identity::Action action, std::string_view filter) const;
  // Whether a deny matches it: no for what no rule allows.
  [[nodiscard]] bool denies(identity::Action action, std::string_view topic) const;
  // Whether every topic may be, whatever it is: where there is no topic to ask about.
  [[nodiscard]] bool may_everything(identity::Action action) const;
  // Of a SUBSCRIBE's filter with all that may stand in front of it: $share/<group>/, $group/<group>/,
  // $replay/<from>/, $stream/<log>/ and $log/<log>/<partition>/<from>, which asks for the history of everything.
  [[nodiscard]] bool may_subscribe(std::string_view filter) const;
  [[nodiscard]] bool unlimited() const noexcept { return unlimited_; }

 private:
  struct Line {
    identity::Effect effect;
    identity::Actions actions;
    std::string filter;
  };
  void add(const identity::Rule& rule, std::string_view user, std::string_view client_id);

  bool unlimited_ = true;
  identity::Effect otherwise_ = identity::Effect::allow;
  std::vector<Line> lines_;
};

}  // namespace bitacora::bridge
