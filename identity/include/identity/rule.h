// One line of who may do what: values that a configuration, an acl_file or a token gives, and bridge/rights.h applies.
//
// A deny that applies always wins over an allow, whatever their order. `filter` is an MQTT topic filter in which %c
// stands for the client id and %u for the user name.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bitacora::identity {

enum class Effect : std::uint8_t { allow, deny };

enum class Action : std::uint8_t {
  publish,
  subscribe,  // what is published from now on, what was missed while offline, and retained messages
  replay,     // history: $replay, $log, and reading over HTTP
  // What is about the server and not about a message: Rule::filter then is matched with what is asked for, as in
  // "server/metrics", "log/<log>", "group/<group>" (docs/security.md).
  administer,
};

struct Actions {
  bool publish = false;
  bool subscribe = false;
  bool replay = false;
  bool administer = false;

  [[nodiscard]] constexpr bool has(Action action) const noexcept {
    switch (action) {
      case Action::publish: return publish;
      case Action::subscribe: return subscribe;
      case Action::replay: return replay;
      case Action::administer: return administer;
    }
    return false;
  }
  friend bool operator==(const Actions&, const Actions&) = default;
};
// What "all" says: everything about messages. Administering has to be said by name.
inline constexpr Actions all_actions{true, true, true, false};
inline constexpr Actions reading{false, true, true, false};

enum class Audience : std::uint8_t {
  everyone,   // anonymous clients too
  anonymous,  // clients that gave no name
  user,       // Rule::name
  group,      // members of Rule::name
};

enum class Substitution : std::uint8_t {
  none,     // %c and %u stand for themselves, as in mosquitto's `topic` lines
  applied,  // for the client id and the user name
};

struct Rule {
  Audience audience = Audience::everyone;
  std::string name{};  // of the user or group
  Effect effect = Effect::allow;
  Actions actions = all_actions;
  std::string filter{};
  Substitution substitution = Substitution::applied;
  std::string declared_in{};  // "acl:12", for messages
  friend bool operator==(const Rule&, const Rule&) = default;
};

// "everyone", "anonymous", "user:NAME", "group:NAME". nullopt for anything else.
struct Whom {
  Audience audience = Audience::everyone;
  std::string name{};
  friend bool operator==(const Whom&, const Whom&) = default;
};
[[nodiscard]] std::optional<Whom> parse_whom(std::string_view text);
[[nodiscard]] std::string format_whom(const Whom& whom);

// "publish", "subscribe", "replay", "administer", and for several of them "read" (subscribe and replay) and "all" (the
// first three); more than one with commas between them. nullopt for anything else, and for none.
[[nodiscard]] std::optional<Actions> parse_actions(std::string_view text);
[[nodiscard]] std::string format_actions(const Actions& actions);
[[nodiscard]] std::string_view name_of(Action action) noexcept;

}  // namespace bitacora::identity
