#include "config_checks.h"

#include <fmt/format.h>

#include <set>

#include "listener_checks.h"
#include "nearest_name.h"

namespace bitacora::app {
namespace {

class WholeCheck {
 public:
  WholeCheck(const ServerConfig& config, const toml::table& root, const std::string& file, ConfigMistakes& mistakes)
      : config_(config), root_(root), file_(file), mistakes_(mistakes) {
    for (const auto& log : config.logs) log_names_.push_back(log.name);
  }

  void check_logs() {
    if (config_.logs.empty())
      add("logs", 0, "", "there must be at least one [[logs]]; remove this line for the default");
    std::set<std::string> seen;
    for (std::size_t i = 0; i < config_.logs.size(); ++i) {
      const LogConfig& log = config_.logs[i];
      if (!log.name.empty() && !seen.insert(log.name).second) {
        add("logs", i, "name", fmt::format("log \"{}\" is declared twice; give each its own name", log.name));
      }
      if (const auto checked = storage::check(log.settings); !checked) add("logs", i, "", checked.error().message);
    }
  }

  void check_names_of_logs() {
    if (!log_names_.empty() && !is_declared(config_.broker.default_log)) {
      const auto* broker = root_["broker"].as_table();
      const auto* named = broker == nullptr ? nullptr : broker->get("default_log");
      const auto* logs = root_.get("logs");
      const toml::source_region where = named != nullptr  ? named->source()
                                        : logs != nullptr ? logs->source()
                                                          : toml::source_region{};
      add(where, fmt::format("default_log in [broker] is \"{0}\", but no [[logs]] has that name; add [[logs]] with "
                             "name = \"{0}\", or set default_log to one of: {1}",
                             config_.broker.default_log, fmt::join(log_names_, ", ")));
    }
    for (std::size_t i = 0; i < config_.broker.routes.size(); ++i) {
      const std::string& name = config_.broker.routes[i].log;
      if (name.empty() || is_declared(name)) continue;
      const auto near = nearest_name(name, log_names_);
      add("routes", i, "log",
          fmt::format("the route goes to log \"{0}\", but no [[logs]] has that name; {1}", name,
                      near ? fmt::format("did you mean \"{}\"?", *near)
                           : fmt::format("add [[logs]] with name = \"{}\"", name)));
    }
  }

  void check_routes() {
    std::set<std::string> seen;
    for (std::size_t i = 0; i < config_.broker.routes.size(); ++i) {
      const std::string& filter = config_.broker.routes[i].filter;
      if (filter.empty() || seen.insert(filter).second) continue;
      add("routes", i, "filter",
          fmt::format("filter \"{}\" was routed above, and the first match wins; remove one of the two", filter));
    }
  }

  void check_listeners() {
    if (config_.listeners.empty()) {
      add("listeners", 0, "", "there must be at least one [[listeners]]; remove this line for the defaults");
    }
    std::set<std::pair<std::string, std::uint16_t>> seen;
    std::set<std::string> names;
    for (std::size_t i = 0; i < config_.listeners.size(); ++i) {
      const Listener& listener = config_.listeners[i];
      const bool is_unix = listener.where().is_unix();
      if ((listener.port != 0 || is_unix) && !seen.emplace(listener.address, listener.port).second) {
        add("listeners", i, is_unix ? "address" : "port",
            fmt::format("{} is listened on above already; choose another {}", format_address(listener),
                        is_unix ? "path" : "port"));
      }
      const std::string& name = listener.rules.name;
      if (!name.empty() && !names.insert(name).second) {
        add("listeners", i, "name",
            fmt::format("a listener above is called \"{}\" already; choose another name", name));
      }
      for (auto& mistake : check_listener(listener)) add("listeners", i, mistake.key, std::move(mistake.message));
    }
  }

 private:
  [[nodiscard]] bool is_declared(const std::string& log) const {
    return std::find(log_names_.begin(), log_names_.end(), log) != log_names_.end();
  }

  void add(const toml::source_region& where, std::string message) {
    mistakes_.push_back({file_, where.begin.line, where.begin.column, std::move(message)});
  }

  // At the value of `key` of the index-th table of `list`, or as near as there is something.
  void add(std::string_view list, std::size_t index, std::string_view key, std::string message) {
    const toml::node* node = root_.get(list);
    if (const auto* array = node == nullptr ? nullptr : node->as_array(); array != nullptr && index < array->size()) {
      node = array->get(index);
    }
    if (const auto* table = node == nullptr ? nullptr : node->as_table(); table != nullptr && table->contains(key)) {
      node = table->get(key);
    }
    add(node == nullptr ? toml::source_region{} : node->source(), std::move(message));
  }

  const ServerConfig& config_;
  const toml::table& root_;
  const std::string& file_;
  ConfigMistakes& mistakes_;
  std::vector<std::string> log_names_;
};

}  // namespace

void check_whole(const ServerConfig& config, const toml::table& root, const std::string& file,
                 ConfigMistakes& mistakes) {
  WholeCheck check(config, root, file, mistakes);
  check.check_listeners();
  check.check_logs();
  check.check_names_of_logs();
  check.check_routes();
}

}  // namespace bitacora::app
