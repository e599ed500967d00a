#include "identity/acl_file.h"

#include <optional>

#include "lines.h"

namespace bitacora::identity {
namespace {

// Takes the first word off the front, and the blanks around it.
std::string_view take_word(std::string_view& rest) {
  rest = trim(rest);
  const std::string_view word = rest.substr(0, std::min(rest.find_first_of(" \t"), rest.size()));
  rest = trim(rest.substr(word.size()));
  return word;
}

bool set_access(Rule& rule, std::string_view word) {
  if (word == "read") {
    rule.actions = reading;
  } else if (word == "write") {
    rule.actions = {true, false, false};
  } else if (word == "deny") {
    rule.effect = Effect::deny;
  } else if (word != "readwrite") {
    return false;
  }
  return true;
}

class AclReader {
 public:
  explicit AclReader(const std::string& file) : file_(file) {}

  void read(std::string_view line, std::uint32_t number) {
    number_ = number;
    if (trim(line).empty() || line.starts_with('#')) return;
    std::string_view rest = line;
    const std::string_view keyword = take_word(rest);
    if (keyword == "user") {
      if (rest.empty()) return wrong("`user` needs a name behind it");
      whom_ = {Audience::user, std::string(rest)};
    } else if (keyword == "topic") {
      add(rest, {whom_, Substitution::none});
    } else if (keyword == "pattern") {
      add(rest, {{Audience::everyone, {}}, Substitution::applied});
    } else {
      wrong("a line begins with `user`, `topic` or `pattern`, not with `" + std::string(keyword) + "`");
    }
  }

  std::vector<Rule> rules;
  FileMistakes mistakes;

 private:
  struct Scope {
    Whom whom;
    Substitution substitution;
  };

  void add(std::string_view rest, const Scope& scope) {
    if (rest.empty()) return wrong("a topic filter is missing");
    Rule rule;
    rule.audience = scope.whom.audience;
    rule.name = scope.whom.name;
    rule.substitution = scope.substitution;
    rule.declared_in = file_ + ":" + std::to_string(number_);
    std::string_view filter = rest;
    const std::string_view access = take_word(rest);
    if (!rest.empty()) {  // two words: the first says what for
      if (!set_access(rule, access)) {
        return wrong("`" + std::string(access) + "` is none of read, write, readwrite and deny");
      }
      filter = rest;
    }
    rule.filter = filter;
    rules.push_back(std::move(rule));
  }

  void wrong(std::string message) { mistakes.push_back({number_, std::move(message)}); }

  const std::string& file_;
  std::uint32_t number_ = 0;
  Whom whom_{Audience::anonymous, {}};
};

}  // namespace

Result<std::vector<Rule>, FileMistakes> parse_acl_file(std::string_view text, const std::string& file) {
  AclReader reader(file);
  Lines lines(text);
  std::uint32_t number = 0;
  while (const auto line = lines.next()) reader.read(*line, ++number);
  if (!reader.mistakes.empty()) return Failure<FileMistakes>(std::move(reader.mistakes));
  return std::move(reader.rules);
}

}  // namespace bitacora::identity
