// The Host header against DNS rebinding: a web page may have its own name point at this machine, but the browser then
// sends that name as Host, and it is none of ours.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bitacora::http {

// An IP literal (a name is needed to rebind), localhost or a name below it, or one of `names`; with any port, in any
// case.
[[nodiscard]] bool is_our_host(std::string_view host, const std::vector<std::string>& names);

}  // namespace bitacora::http
