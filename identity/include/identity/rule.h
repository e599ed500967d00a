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
};

struct Actions {
  bool publish = false;
  bool subscribe = false;
  bool replay = false;

  [[nodiscard]] constexpr bool has(Action action) const noexcept {
    switch (action) {
      case Action::publish: return publish;
      case Action::subscribe: return subscribe;
      case Action::replay: return replay;
    }
    return false;
  }
  friend bool operator==(const Actions&, const Actions&) = default;
};
inline constexpr Actions all_actions{true, true, true};
inline constexpr Actions reading{false, true, true};

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

// "publish", "subscribe", "replay", and for several of them "read" (subscribe and replay) and "all"; more than one with
// commas between them. nullopt for anything else, and for none.
[[nodiscard]] std::optional<Actions> parse_actions(std::string_view text);
[[nodiscard]] std::string format_actions(const Actions& actions);
[[nodiscard]] std::string_view name_of(Action action) noexcept;

}  // namespace bitacora::identity
