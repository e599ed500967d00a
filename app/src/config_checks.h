// What can only be seen with the whole configuration in hand: names that point at each other, things said twice.
#pragma once

#include <toml++/toml.h>

#include "app/config.h"

namespace bitacora::app {

// Adds to `mistakes`. `root` is where `config` was read from, for the places of mistakes.
void check_whole(const ServerConfig& config, const toml::table& root, const std::string& file,
                 ConfigMistakes& mistakes);

}  // namespace bitacora::app
