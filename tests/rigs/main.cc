#include <CLI/CLI.hpp>
#include <cstdio>

#include "rig.h"
#include "torture_fleet.h"

int main(int argc, char** argv) {
  using namespace bitacora::rigs;
  CLI::App app("Parts of scripts/proof/power_cut.py", "bitacora-rig");
  app.require_subcommand(1);
  int status = 0;

  LoadTerms load_terms;
  auto* load_command = app.add_subcommand("load", "Load a server, tell the ledger, mark the device");
  load_command->add_option("--port", load_terms.port)->required();
  load_command->add_option("--ledger", load_terms.ledger)->required();
  load_command->add_option("--device", load_terms.device);
  load_command->add_option("--mark-offset", load_terms.mark_offset);
  load_command->add_option("--seconds", load_terms.seconds);
  load_command->add_flag("--failing-disk", load_terms.failing_disk);
  load_command->callback([&] { status = load(load_terms); });

  std::string data;
  std::vector<std::string> ledgers;
  std::vector<std::uint64_t> uptos;
  auto* check_command = app.add_subcommand("check", "Check a recovered data directory against the ledgers");
  check_command->add_option("--data", data)->required();
  check_command->add_option("--ledger", ledgers)->required();
  check_command->add_option("--upto", uptos, "How many facts of each ledger were known; default: all");
  bool was_killed = false;
  check_command->add_flag("--killed", was_killed, "The server was killed; the machine went on");
  check_command->callback([&] {
    std::vector<KnownPart> known;
    for (std::size_t i = 0; i < ledgers.size(); ++i) {
      known.push_back({ledgers[i], i < uptos.size() ? uptos[i] : UINT64_MAX});
    }
    status = check(data, known, was_killed ? bitacora::proof::End::kill : bitacora::proof::End::power);
  });

  app.add_subcommand("config", "Print the configuration that the load needs")->callback([] {
    std::fputs(bitacora::app::torture::server_config().c_str(), stdout);
  });

  CLI11_PARSE(app, argc, argv);
  return status;
}
