#include "base/failpoint.h"

#ifdef BITACORA_FAILPOINTS

#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>

namespace bitacora {
namespace {

struct Order {
  enum class Action : std::uint8_t { kill, pause, fail };
  std::string name;
  std::uint64_t pass = 0;  // counted from 1
  Action action = Action::kill;
  std::chrono::milliseconds pause{0};
};

// Function-local: the points of other files register before this file's own variables are there.
std::vector<Failpoint*>& registered() {
  static std::vector<Failpoint*> all;
  return all;
}

[[noreturn]] void refuse(const std::string& text) {
  std::fprintf(stderr, "BITACORA_FAILPOINT: \"%s\" is not name:pass, name:pass:pause=MS or name:pass:fail\n",
               text.c_str());
  std::_Exit(2);
}

Order parse_order(const std::string& text) {
  std::istringstream parts(text);
  Order order;
  std::string pass;
  std::string action;
  std::getline(parts, order.name, ':');
  std::getline(parts, pass, ':');
  std::getline(parts, action);
  order.pass = std::strtoull(pass.c_str(), nullptr, 10);
  if (order.name.empty() || order.pass == 0) refuse(text);
  if (action.starts_with("pause=")) {
    order.action = Order::Action::pause;
    order.pause = std::chrono::milliseconds(std::strtoll(action.c_str() + 6, nullptr, 10));
  } else if (action == "fail") {
    order.action = Order::Action::fail;
  } else if (!action.empty() && action != "kill") {
    refuse(text);
  }
  return order;
}

const std::vector<Order>& orders() {
  static const std::vector<Order> parsed = [] {
    std::vector<Order> all;
    const char* text = std::getenv("BITACORA_FAILPOINT");
    std::istringstream list(text == nullptr ? "" : text);
    for (std::string one; std::getline(list, one, ',');) all.push_back(parse_order(one));
    return all;
  }();
  return parsed;
}

[[noreturn]] void die() {
  ::kill(::getpid(), SIGKILL);
  while (true) ::pause();  // this thread may go on for a moment yet: not past the point
}

}  // namespace

Failpoint::Failpoint(std::string_view name) : name_(name) { registered().push_back(this); }

FailpointVerdict Failpoint::pass() {
  const std::uint64_t pass = passes_.fetch_add(1) + 1;
  for (const Order& order : orders()) {
    if (order.pass != pass || order.name != name_) continue;
    switch (order.action) {
      case Order::Action::kill: die();
      case Order::Action::pause: std::this_thread::sleep_for(order.pause); break;
      case Order::Action::fail: return FailpointVerdict::fail;
    }
  }
  return FailpointVerdict::go_on;
}

std::vector<const Failpoint*> Failpoint::all() {
  std::vector<const Failpoint*> all(registered().begin(), registered().end());
  std::ranges::sort(all, {}, &Failpoint::name);
  return all;
}

void write_failpoint_counts() {
  const char* path = std::getenv("BITACORA_FAILPOINT_COUNTS");
  if (path == nullptr) return;
  std::ofstream out(path, std::ios::app);
  for (const Failpoint* point : Failpoint::all()) out << point->name() << ' ' << point->passes() << '\n';
}

}  // namespace bitacora

#endif
