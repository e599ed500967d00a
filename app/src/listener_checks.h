// What of one listener's options does not go together.
#pragma once

#include <string>
#include <vector>

#include "app/config.h"

namespace bitacora::app {

struct ListenerMistake {
  std::string key;  // the option to blame
  std::string message;
};

[[nodiscard]] std::vector<ListenerMistake> check_listener(const Listener& listener);

}  // namespace bitacora::app
