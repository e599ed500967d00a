// mosquitto's acl_file, read as it is (mosquitto.conf(5)):
//
//   topic [read|write|readwrite|deny] <filter>     before any `user` line: of anonymous clients; else of that user
//   user <name>
//   pattern [read|write|readwrite|deny] <filter>   of everybody; %c and %u stand for the client id and the user name
//
// `read` is subscribing and replaying, `deny` wins over everything else.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "identity/file_mistake.h"
#include "identity/rule.h"

namespace bitacora::identity {

// The rules in the order of the file, or every line that is none. Filters are not checked here. `file` is named in
// Rule::declared_in.
[[nodiscard]] Result<std::vector<Rule>, FileMistakes> parse_acl_file(std::string_view text, const std::string& file);

}  // namespace bitacora::identity
