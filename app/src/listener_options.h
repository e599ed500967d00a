// The options of one [[listeners]] table.
#pragma once

#include "option_visitor.h"

namespace bitacora::app {

void describe_listener(OptionVisitor& visitor, Listener& listener);

}  // namespace bitacora::app
