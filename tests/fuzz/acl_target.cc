// Any text as mosquitto's files of users and rights.
#include <algorithm>

#include "fuzz/fuzz_target.h"
#include "identity/acl_file.h"
#include "identity/jwt.h"
#include "identity/password_file.h"
#include "identity/password_hash.h"

namespace bitacora::identity {
namespace {

void check_places(const FileMistakes& mistakes, std::string_view text) {
  fuzz::must(!mistakes.empty(), "a refusal says why");
  const auto lines = 1 + std::count(text.begin(), text.end(), '\n');
  for (const FileMistake& mistake : mistakes) {
    fuzz::must(mistake.line >= 1 && mistake.line <= lines, "mistakes are in the file");
  }
}

}  // namespace

FUZZ_TARGET(acl) {
  const std::string_view text = input.take_text();
  if (const auto rules = parse_acl_file(text, "acl"); !rules) check_places(rules.error(), text);
}

FUZZ_TARGET(users) {
  const std::string_view text = input.take_text();
  const auto users = parse_password_file(text);
  if (!users) return check_places(users.error(), text);
  for (const User& user : *users) {
    fuzz::must(user.password_hash.empty() || !mistake_in_password_hash(user.password_hash), "hashes were looked at");
    const auto without = without_user(text, user.name);
    fuzz::must(without.has_value(), "a user can be taken out");
    const auto rest = parse_password_file(*without);
    fuzz::must(rest.has_value() && rest->size() == users->size() - 1, "only that one is gone");
  }
}

FUZZ_TARGET(token) {
  static const JwtKey key = *JwtKey::create(JwtAlgorithm::hs256, "0123456789abcdef0123456789abcdef");
  fuzz::must(!verify_jwt(input.take_text(), key, {}, 0), "nobody guesses a signature");
}

}  // namespace bitacora::identity
