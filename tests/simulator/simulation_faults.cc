// What is done to the server in a simulation, and how it is started again.
#include <algorithm>

#include "simulator/simulation.h"
#include "storage/batch.h"

namespace bitacora::sim {
namespace {

constexpr std::uint64_t no_limit = UINT64_MAX;

}  // namespace

void Simulation::end_server(Death death) {
  hear();
  proof::End how = proof::End::power;
  switch (death) {
    case Death::stop:
      say("stop");
      how = proof::End::clean;
      // A stop that could not write everything down is as a kill.
      if (!world_.try_stop()) how = proof::End::kill;
      break;
    case Death::kill:
      say("kill");
      how = proof::End::kill;
      world_.kill();
      break;
    case Death::power:
      say("power cut");
      world_.crash(random_());
      break;
    case Death::in_commit: {
      say("power cut in a commit");
      world_.faults().arm({.target = storage::FaultTarget::any, .at = 1 + pick(8), .sticky = true});
      world_.commit_unheard();
      world_.crash(random_());
      mend_disk();
      break;
    }
  }
  replayer_.reset();
  witness_.take(proof::RefusalsCounted{world_.metrics().publishes_refused.value()});
  http_.tell_unheard(world_.take_unheard_answers());
  witness_.take(proof::ServerEnded{how, world_.clock().now().wall_ms});
  ++result_.ends;
}

void Simulation::start_server() {
  sabotage_before_start(options_.sabotage, world_.disk(), "data");
  auto started = world_.try_start();
  if (!started && disk_is_broken_) {
    say("the start failed: " + started.error().message);
    mend_disk();
    world_.disk().kill();
    started = world_.try_start();
  }
  if (!started) {
    witness_.complain("the server does not start: " + started.error().message);
    return;
  }
  say("start");
  witness_.take(proof::ServerReady{world_.clock().now().wall_ms});
  for (const storage::PartitionRecovery& partition : world_.store().recovery_report().partitions) {
    if (partition.log.starts_with("__")) continue;
    for (const storage::Quarantine& lost : partition.quarantined) {
      witness_.take(proof::Reported{proof::Harm::quarantine, partition.log, partition.partition, lost.offsets.begin,
                                    lost.offsets.end});
    }
  }
  http_.on_server_started();
}

void Simulation::break_disk() {
  if (pick(3) != 0) return;
  disk_is_broken_ = true;
  ++result_.faults;
  if (pick(4) == 0) {
    say("the disk is nearly full");
    world_.disk().set_capacity(world_.disk().used() + pick(4096));
    return;
  }
  constexpr std::array paths = {"", "data/mqtt", "data/state", "data/__sessions", "data/__retained"};
  storage::FaultPlan plan;
  plan.path_contains = paths[pick(paths.size())];
  plan.kind = static_cast<storage::FaultKind>(pick(4));
  constexpr std::array targets = {storage::FaultTarget::writes, storage::FaultTarget::syncs,
                                  storage::FaultTarget::directories, storage::FaultTarget::any};
  plan.target = targets[pick(targets.size())];
  plan.at = 1 + pick(20);
  plan.sticky = pick(3) == 0;
  plan.seed = random_();
  say("the disk breaks at call " + std::to_string(plan.at));
  world_.faults().arm(plan);
}

void Simulation::mend_disk() {
  world_.faults().disarm();
  world_.disk().set_capacity(no_limit);
  disk_is_broken_ = false;
}

bool Simulation::any_partition_offline() const {
  storage::Store& store = const_cast<BrokerWorld&>(world_).store();
  for (const storage::Log* log : store.logs()) {
    for (std::int32_t number = 0; number < log->partition_count(); ++number) {
      if (log->partition(number).offline()) return true;
    }
  }
  return false;
}

// What is offline waits for a restart; what was merely refused goes on by itself.
void Simulation::heal_disk() {
  if (disk_is_broken_) {
    say("the disk works again");
    mend_disk();
    witness_.take(proof::FaultEnded{world_.clock().now().wall_ms});
  }
  if (!any_partition_offline()) {
    witness_.take(proof::ServerReady{world_.clock().now().wall_ms});
    return;
  }
  end_server(Death::kill);
  start_server();
}

bool Simulation::is_settled(const SealedBatch& batch) {
  const auto bytes = storage::read_file(world_.disk(), batch.path);
  if (!bytes) return false;
  storage::RecordReader records(storage::BatchView::trusted(
      ByteView(*bytes).subspan(static_cast<std::size_t>(batch.position), static_cast<std::size_t>(batch.size))));
  while (true) {
    const auto record = records.next();
    if (!record) return false;
    if (!*record) return true;
    const proof::Content content = proof::identify((*record)->value.value_or(ByteView()));
    if (content.publisher.ends_with("-will")) return false;  // its record may be all that says that it was published
    for (const auto& publisher : publishers_) {
      if (publisher->client().client_id() == content.publisher && publisher->is_unfinished(content.sequence)) {
        return false;
      }
    }
  }
}

// A bit of what is durable flips. Where retention runs the damage might be gone before anybody is told.
void Simulation::rot() {
  if (world_options_.log.retention_bytes || pick(3) != 0 || disk_is_broken_) return;
  const std::vector<SealedBatch> batches = sealed_batches(world_.disk(), "data", "mqtt");
  if (batches.empty()) return;
  const SealedBatch& batch = batches[pick(static_cast<std::uint32_t>(batches.size()))];
  if (!is_settled(batch)) return;
  (void)reader_.read_new();
  say("a bit rots in " + batch.path);
  witness_.take(
      proof::Injected{proof::Harm::quarantine, batch.log, batch.partition, batch.offsets.begin, batch.offsets.end});
  const std::uint64_t bit = batch.position * 8 + random_() % (batch.size * 8);
  if (!world_.disk().flip_bit(batch.path, bit)) witness_.complain("no bit to flip in " + batch.path);
  ++result_.damages;
}

void Simulation::keep_house() {
  if (!reader_.read_new()) return;  // what goes is to be known
  say("housekeeping");
  (void)world_.store().run_housekeeping();
  if (pick(2) == 0) (void)world_.store().scrub(1 << 20);
}

}  // namespace bitacora::sim
