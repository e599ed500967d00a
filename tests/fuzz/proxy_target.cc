// Any bytes where a proxy's header should be: what is found in them does not depend on how much has come behind it, and
// is not asked for twice.
#include "fuzz/fuzz_target.h"
#include "proxy_header.h"

namespace bitacora::net {
namespace {

using fuzz::must;
using Parsed = Result<std::optional<ProxyHeader>, std::string>;

bool needs_more(const Parsed& parsed) { return parsed.has_value() && !parsed->has_value(); }

bool same(const Parsed& a, const Parsed& b) {
  if (a.has_value() != b.has_value()) return false;
  if (!a) return a.error() == b.error();
  const ProxyHeader& left = **a;
  const ProxyHeader& right = **b;
  return left.size == right.size && left.common_name == right.common_name && left.client == right.client;
}

}  // namespace

FUZZ_TARGET(proxy) {
  const ByteView bytes = input.take_rest();
  const Parsed whole = parse_proxy_header(bytes);
  must(!needs_more(whole) || bytes.size() <= max_proxy_header, "a header ends or is refused");
  std::size_t size = 0;
  while (size < bytes.size() && needs_more(parse_proxy_header(bytes.first(size)))) ++size;
  const Parsed first = parse_proxy_header(bytes.first(size));
  if (needs_more(first)) return must(needs_more(whole), "what is whole is known as soon as it is there");
  must(same(first, whole), "what comes behind a header changes nothing in it");
  if (whole) must((*whole)->size <= size, "a header lies within what has come");
}

}  // namespace bitacora::net
