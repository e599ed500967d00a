#include "identity/jwt.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <cmath>

#include "base/base64.h"

namespace bitacora::identity {
namespace {

namespace json = boost::json;
using Refused = Failure<std::string>;

constexpr std::size_t max_depth = 8;
// RFC 7519's NumericDate, in what can still be compared in milliseconds.
constexpr double latest_date_s = 253402300800;  // the year 10000

Result<json::object, std::string> parse_object(std::string_view encoded, const char* what) {
  const auto bytes = decode_base64url(encoded);
  if (!bytes) return Refused(std::string(what) + " is not base64url");
  json::parse_options options;
  options.max_depth = max_depth;
  boost::system::error_code error;
  json::value value = json::parse(json::string_view(as_text(*bytes)), error, json::storage_ptr(), options);
  if (error || !value.is_object()) return Refused(std::string(what) + " is no JSON object");
  return std::move(value.get_object());
}

const std::string_view* text_of(const json::value* value, std::string_view& text) {
  if (value == nullptr || !value->is_string()) return nullptr;
  text = {value->get_string().data(), value->get_string().size()};
  return &text;
}

std::optional<std::string> string_claim(const json::object& claims, std::string_view name) {
  std::string_view text;
  if (text_of(claims.if_contains(name), text) == nullptr) return std::nullopt;
  return std::string(text);
}

// A string, or an array of them. nullopt for anything else.
std::optional<std::vector<std::string>> strings_of(const json::value& value) {
  std::string_view text;
  if (text_of(&value, text) != nullptr) return std::vector<std::string>{std::string(text)};
  if (!value.is_array()) return std::nullopt;
  std::vector<std::string> strings;
  for (const json::value& item : value.get_array()) {
    if (text_of(&item, text) == nullptr) return std::nullopt;
    strings.emplace_back(text);
  }
  return strings;
}

// nullopt: it is no date. In milliseconds.
std::optional<Timestamp> date_of(const json::value& value) {
  double seconds = 0;
  if (value.is_int64()) {
    seconds = static_cast<double>(value.get_int64());
  } else if (value.is_uint64()) {
    seconds = static_cast<double>(value.get_uint64());
  } else if (value.is_double()) {
    seconds = value.get_double();
  } else {
    return std::nullopt;
  }
  if (!(seconds >= 0 && seconds < latest_date_s)) return std::nullopt;
  return static_cast<Timestamp>(std::floor(seconds * 1000));
}

std::optional<std::string> check_header(const json::object& header, const JwtKey& key) {
  const auto algorithm = string_claim(header, "alg");
  if (algorithm != name_of(key.algorithm())) {
    return "the token is signed with " + algorithm.value_or("nothing") + ", the key is for " +
           std::string(name_of(key.algorithm()));
  }
  if (header.contains("crit")) return "the token demands extensions (crit) that are not known";
  return std::nullopt;
}

std::optional<std::string> check_terms(const json::object& claims, const JwtTerms& terms, Timestamp now_ms,
                                       Timestamp& expires) {
  const json::value* exp = claims.if_contains("exp");
  const auto until = exp != nullptr ? date_of(*exp) : std::nullopt;
  if (!until) return "the token has no date of expiry (exp)";
  expires = *until + terms.leeway_s * 1000;
  if (now_ms >= expires) return "the token has expired";
  if (const json::value* nbf = claims.if_contains("nbf")) {
    const auto from = date_of(*nbf);
    if (!from || now_ms < *from - terms.leeway_s * 1000) return "the token is not valid yet (nbf)";
  }
  if (!terms.issuer.empty() && string_claim(claims, "iss") != terms.issuer) return "the token is of another issuer";
  if (!terms.audience.empty()) {
    const json::value* aud = claims.if_contains("aud");
    const auto audiences = aud != nullptr ? strings_of(*aud) : std::nullopt;
    if (!audiences || std::ranges::find(*audiences, terms.audience) == audiences->end()) {
      return "the token is for another audience";
    }
  }
  return std::nullopt;
}

Result<std::vector<Rule>, std::string> rules_of(const json::value& acl) {
  const json::object* object = acl.if_object();
  if (object == nullptr) return Refused("the claim acl is no object");
  std::vector<Rule> rules;
  for (const auto& [name, value] : *object) {
    Rule rule;
    rule.declared_in = "token";
    if (name == "pub") {
      rule.actions = {true, false, false};
    } else if (name == "sub") {
      rule.actions = reading;
    } else if (name != "all") {
      return Refused("the claim acl has more than pub, sub and all");
    }
    const auto filters = strings_of(value);
    if (!filters) return Refused("the claim acl has something that is no topic filter");
    for (const std::string& filter : *filters) {
      rule.filter = filter;
      rules.push_back(rule);
    }
  }
  return rules;
}

}  // namespace

bool looks_like_jwt(std::string_view text) noexcept {
  const auto part_of_token = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  };
  // A header is an object: its base64 begins with that of "{".
  return text.starts_with("ey") && std::ranges::count(text, '.') == 2 && std::ranges::all_of(text, part_of_token);
}

Result<Principal, std::string> verify_jwt(std::string_view token, const JwtKey& key, const JwtTerms& terms,
                                          Timestamp now_ms) {
  const std::size_t first = token.find('.');
  const std::size_t second = first == std::string_view::npos ? first : token.find('.', first + 1);
  if (second == std::string_view::npos) return Refused("this is no token");
  const auto header = parse_object(token.substr(0, first), "the token's header");
  if (!header) return Refused(header.error());
  if (auto mistake = check_header(*header, key)) return Refused(std::move(*mistake));
  const auto signature = decode_base64url(token.substr(second + 1));
  if (!signature || !key.verify(token.substr(0, second), *signature)) return Refused("the token's signature is wrong");

  const auto claims = parse_object(token.substr(first + 1, second - first - 1), "the token's claims");
  if (!claims) return Refused(claims.error());
  Timestamp expires = 0;
  if (auto mistake = check_terms(*claims, terms, now_ms, expires)) return Refused(std::move(*mistake));

  Principal principal;
  principal.source = Principal::Source::token;
  principal.credential = key.fingerprint();
  principal.valid_until = expires;
  principal.user = string_claim(*claims, terms.user_claim).value_or("");
  if (principal.user.empty()) return Refused("the token names no user (" + terms.user_claim + ")");
  if (const json::value* groups = claims->if_contains(terms.groups_claim)) {
    auto names = strings_of(*groups);
    if (!names) return Refused("the token's " + terms.groups_claim + " are no names");
    principal.groups = std::move(*names);
  }
  if (const json::value* acl = claims->if_contains("acl")) {
    auto rules = rules_of(*acl);
    if (!rules) return Refused(rules.error());
    principal.own_rules = std::move(*rules);
  }
  return principal;
}

}  // namespace bitacora::identity
