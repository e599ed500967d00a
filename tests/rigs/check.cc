#include <fmt/format.h>

#include <variant>

#include "log_source.h"
#include "proof/checker.h"
#include "proof/ledger.h"
#include "rig.h"
#include "torture_fleet.h"
#include "torture_readings.h"

namespace bitacora::rigs {
namespace {

// Where the rig's own group stands (scripts/proof/power_cut.py commits it over HTTP).
constexpr const char* rig_group = "rig";

proof::Result<> take_ledger(const KnownPart& part, proof::Checker& checker) {
  std::uint64_t number = 0;
  return proof::read_ledger(part.ledger, [&](const proof::Fact& fact) {
    if (number++ < part.upto || std::holds_alternative<proof::Published>(fact)) checker.take(fact);
  });
}

void read_group(app::LogSource& source, proof::Checker& checker) {
  const auto rows = source.group(rig_group);
  if (rows) {
    for (const auto& row : *rows) checker.take(proof::GroupRead{rig_group, {row.log, row.partition, row.committed}});
  } else {
    checker.take(proof::GroupRead{rig_group, {"main", 0, 0}});  // it has no position: it would begin anew
  }
}

int fail(const std::string& why) {
  fmt::print("{}\n", why);
  return 1;
}

}  // namespace

int check(const std::string& data, const std::vector<KnownPart>& known, proof::End end) {
  proof::Checker checker;
  for (const app::torture::KnownLog& log : app::torture::known_logs()) checker.take(log.facts);
  for (const KnownPart& part : known) {
    if (auto taken = take_ledger(part, checker); !taken) return fail(taken.error());
  }
  checker.take(proof::ServerEnded{end, 0});
  const auto source = app::open_directory_source(data);
  if (!source) return fail(source.error());
  app::torture::Readings readings([&](const proof::Fact& fact) { checker.take(fact); });
  if (const auto read = readings.read_logs(**source); !read) return fail(read.error());
  read_group(**source, checker);
  const proof::Verdict verdict = checker.verdict();
  fmt::print("{} acknowledged, {} read\n{}", verdict.totals.acknowledged, verdict.totals.records_read,
             to_text(verdict));
  return verdict.kept() ? 0 : 1;
}

}  // namespace bitacora::rigs
