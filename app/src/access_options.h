// The options of who may come in and do what: [auth], [jwt], [[rules]] and [[user_groups]].
#pragma once

#include "option_visitor.h"

namespace bitacora::app {

void describe_access(OptionVisitor& v, ServerConfig& config);

}  // namespace bitacora::app
