#include "identity/password_file.h"

#include <algorithm>
#include <set>

#include "identity/password_hash.h"
#include "identity/scram.h"
#include "lines.h"

namespace bitacora::identity {
namespace {

constexpr std::size_t max_name = 256;

bool is_entry(std::string_view line) { return !trim(line).empty() && !line.starts_with('#'); }

std::string_view name_in(std::string_view line) { return line.substr(0, std::min(line.find(':'), line.size())); }

bool is_printable(std::string_view name) {
  return std::ranges::none_of(name, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

std::string format(const User& user) {
  std::string line = user.name + ':' + user.password_hash;
  if (!user.scram.empty()) line += ':' + user.scram;
  return line + '\n';
}

// nullopt with a message in `mistakes`.
std::optional<User> parse_line(std::string_view line, std::uint32_t number, FileMistakes& mistakes) {
  const auto wrong = [&](std::string message) {
    mistakes.push_back({number, std::move(message)});
    return std::nullopt;
  };
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return wrong("a line is NAME:HASH; there is no colon here");
  User user{std::string(line.substr(0, colon)), {}, {}};
  if (user.name.empty() || user.name.size() > max_name || !is_printable(user.name)) {
    return wrong("a user name has 1 to 256 printable characters");
  }
  std::string_view rest = trim(line.substr(colon + 1));
  if (const std::size_t second = rest.find(':'); second != std::string_view::npos) {
    user.scram = rest.substr(second + 1);
    rest = rest.substr(0, second);
  }
  user.password_hash = rest;
  if (!user.scram.empty() && !parse_scram_verifier(user.scram)) {
    return wrong("user \"" + user.name + "\": what follows the password hash is no SCRAM-SHA-256 verifier");
  }
  if (user.password_hash.empty() && user.scram.empty()) return wrong("user \"" + user.name + "\" has no password hash");
  if (user.password_hash.empty()) return user;
  if (auto mistake = mistake_in_password_hash(user.password_hash)) {
    return wrong("user \"" + user.name + "\": " + *mistake);
  }
  return user;
}

}  // namespace

std::optional<std::string> mistake_in_user_name(std::string_view name) {
  if (name.empty() || name.size() > max_name) return "a user name has 1 to 256 bytes";
  if (!is_printable(name)) return "a user name has no control characters";
  if (name.find_first_of(":+#/") != std::string_view::npos) return "a user name has none of the characters : + # /";
  if (name.starts_with('#') || trim(name) != name) return "a user name neither begins nor ends with a blank";
  return std::nullopt;
}

Result<std::vector<User>, FileMistakes> parse_password_file(std::string_view text) {
  std::vector<User> users;
  FileMistakes mistakes;
  std::set<std::string, std::less<>> seen;
  Lines lines(text);
  std::uint32_t number = 0;
  while (const auto line = lines.next()) {
    ++number;
    if (!is_entry(*line)) continue;
    auto user = parse_line(*line, number, mistakes);
    if (!user) continue;
    if (!seen.insert(user->name).second) {
      mistakes.push_back({number, "user \"" + user->name + "\" is in this file twice; remove one of the lines"});
      continue;
    }
    users.push_back(std::move(*user));
  }
  if (!mistakes.empty()) return Failure<FileMistakes>(std::move(mistakes));
  return users;
}

std::string with_user(std::string_view text, const User& user) {
  std::string changed;
  bool placed = false;
  Lines lines(text);
  while (const auto line = lines.next()) {
    if (is_entry(*line) && name_in(*line) == user.name) {
      if (!placed) changed += format(user);
      placed = true;
    } else {
      changed.append(*line).append("\n");
    }
  }
  if (!placed) changed += format(user);
  return changed;
}

std::optional<std::string> without_user(std::string_view text, std::string_view name) {
  std::string changed;
  bool found = false;
  Lines lines(text);
  while (const auto line = lines.next()) {
    if (is_entry(*line) && name_in(*line) == name) {
      found = true;
    } else {
      changed.append(*line).append("\n");
    }
  }
  if (!found) return std::nullopt;
  return changed;
}

}  // namespace bitacora::identity
