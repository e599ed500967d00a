// What is wrong with a configuration, as its lines say it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "app/config.h"

namespace bitacora::app {

// Empty: the configuration is accepted. The file is called x.toml.
inline std::vector<std::string> mistakes_in(std::string_view toml) {
  const auto config = parse_config(toml, "x.toml");
  std::vector<std::string> lines;
  if (config) return lines;
  for (const auto& mistake : config.error()) lines.push_back(format(mistake));
  return lines;
}

}  // namespace bitacora::app
