// What the steps of a publish cost by themselves: decode, match, record, batch, append, encode. Google Benchmark.
//
//   bitacora-micro --benchmark_filter=Match
#include <benchmark/benchmark.h>

#include <string>

#include "bridge/message.h"
#include "bridge/subscription_tree.h"
#include "mqtt/codec.h"
#include "storage/batch.h"
#include "storage/committer.h"
#include "storage/memory_file_system.h"
#include "storage/store.h"

namespace bitacora {
namespace {

std::string topic_of(std::int64_t number) {
  return "plant/" + std::to_string(number % 100) + "/sensor/" + std::to_string(number);
}

mqtt::Publish publish_of(const std::string& topic, const std::string& payload) {
  mqtt::Publish publish;
  publish.topic = topic;
  publish.payload = as_bytes(payload);
  publish.qos = mqtt::QoS::at_least_once;
  publish.packet_id = mqtt::PacketId(7);
  return publish;
}

void DecodePublish(benchmark::State& state) {
  const std::string topic = topic_of(4711);
  const std::string payload(static_cast<std::size_t>(state.range(0)), 'x');
  Bytes bytes;
  mqtt::encode(bytes, publish_of(topic, payload), mqtt::ProtocolVersion::v5);
  for (auto _ : state) benchmark::DoNotOptimize(mqtt::decode(bytes, mqtt::ProtocolVersion::v5));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes.size()));
}
BENCHMARK(DecodePublish)->Arg(64)->Arg(256)->Arg(65536);

void EncodePublish(benchmark::State& state) {
  const std::string topic = topic_of(4711);
  const std::string payload(static_cast<std::size_t>(state.range(0)), 'x');
  const mqtt::Packet packet = publish_of(topic, payload);
  Bytes bytes;
  for (auto _ : state) {
    bytes.clear();
    mqtt::encode(bytes, packet, mqtt::ProtocolVersion::v5);
    benchmark::DoNotOptimize(bytes.data());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes.size()));
}
BENCHMARK(EncodePublish)->Arg(64)->Arg(256)->Arg(65536);

// One topic against so many filters, of which two match.
void Match(benchmark::State& state) {
  bridge::SubscriptionTree<std::int64_t> tree;
  for (std::int64_t i = 0; i < state.range(0); ++i) tree.insert(topic_of(i), i);
  tree.insert("plant/+/sensor/4711", -1);
  const std::string topic = "plant/11/sensor/4711";
  for (auto _ : state) {
    std::int64_t sum = 0;
    tree.match(topic, [&](std::int64_t value) { sum += value; });
    benchmark::DoNotOptimize(sum);
  }
}
BENCHMARK(Match)->Arg(10)->Arg(10'000)->Arg(1'000'000);

// Records into a batch of 64, and its seal.
void BuildBatch(benchmark::State& state) {
  const std::string topic = topic_of(4711);
  const std::string payload(static_cast<std::size_t>(state.range(0)), 'x');
  bridge::Message message;
  message.topic = topic;
  message.payload = as_bytes(payload);
  message.client_id = "sensor-4711";
  constexpr int records = 64;
  bridge::MessageEncoder encoder;
  for (auto _ : state) {
    storage::BatchBuilder builder;
    for (int i = 0; i < records; ++i) {
      message.timestamp = i;
      builder.add(encoder.encode(message, {}));
    }
    Bytes batch = builder.take();
    storage::seal_batch(batch, 0, 0, storage::CommitMark::present, 0);
    benchmark::DoNotOptimize(batch.data());
  }
  state.SetItemsProcessed(state.iterations() * records);
}
BENCHMARK(BuildBatch)->Arg(64)->Arg(256)->Arg(4096);

// One round of the committer: a batch of 64 records to a file system in memory, so that no disk is in it.
void Append(benchmark::State& state) {
  const auto files = storage::make_memory_file_system();
  const SystemClock clock;
  const auto catalog = *storage::Catalog::open(":memory:");
  const auto store = *storage::Store::open(*files, clock, *catalog, {.directory = "data"});
  storage::LogSettings settings;
  settings.partitions = 1;
  settings.segment_bytes = 16 << 20;
  settings.retention_bytes = 32 << 20;
  storage::Log& log = **store->create_log("x", settings);
  storage::Committer committer(*store, clock, {});
  storage::BatchBuilder builder;
  const std::string payload(256, 'x');
  for (int i = 0; i < 64; ++i) builder.add({0, i, as_bytes("plant/1"), as_bytes(payload), {}});
  const Bytes batch = builder.take();
  std::int64_t rounds = 0;
  for (auto _ : state) {
    if (!committer.submit({.partition = &log.partition(0), .batch = batch, .origin = 0, .id = 0})) std::abort();
    committer.run_once();
    if (++rounds % 4096 == 0) {  // what is kept stays small
      state.PauseTiming();
      if (!store->run_housekeeping()) std::abort();
      state.ResumeTiming();
    }
  }
  state.SetItemsProcessed(state.iterations() * 64);
}
BENCHMARK(Append);

}  // namespace
}  // namespace bitacora

BENCHMARK_MAIN();
