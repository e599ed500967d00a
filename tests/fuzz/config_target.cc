// Any text as a configuration: what is accepted is printed so that it is accepted again, as the same; what is not names
// a line of it.
#include <algorithm>
#include <string>

#include "app/config.h"
#include "fuzz/fuzz_target.h"

namespace bitacora::app {

FUZZ_TARGET(config) {
  const std::string text(input.take_text());
  const auto config = parse_config(text, "fuzz.toml");
  if (!config) {
    fuzz::must(!config.error().empty(), "a refusal says why");
    const auto lines = 1 + std::count(text.begin(), text.end(), '\n');
    for (const ConfigMistake& mistake : config.error())
      fuzz::must(mistake.line <= lines + 1, "mistakes are in the file");
    return;
  }
  const std::string printed = format_config(*config);
  const auto again = parse_config(printed, "fuzz.toml");
  if (!again) std::fprintf(stderr, "%s\nof:\n%s", format(again.error().front()).c_str(), printed.c_str());
  fuzz::must(again.has_value(), "what was printed is accepted");
  fuzz::must(format_config(*again) == printed, "it comes back as it was");
}

}  // namespace bitacora::app
