// From mosquitto's configuration to ours, line by line: what has an equal is written as it, and what has none, or one
// that is not quite the same, is told with its place and why. Where an equal would let in more people than mosquitto
// does, the import takes the narrower one and says so.
#pragma once

#include <string>
#include <vector>

#include "mosquitto_config.h"

namespace bitacora::app {

struct ImportedConfig {
  std::string toml;                // passes `config-check`; every line's place is in it
  std::vector<std::string> notes;  // "file:line: option: what is to be known", in the order of the lines
};

[[nodiscard]] ImportedConfig import_mosquitto(const std::vector<MosquittoLine>& lines);

}  // namespace bitacora::app
