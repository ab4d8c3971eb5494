// larnax-load: make, record and replay load for servers that speak Prometheus remote write.

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <string>

#include <CLI/CLI.hpp>

#include "bench/load/commands.h"

namespace {

std::atomic<bool> stopped{false};

void OnSignal(int) { stopped = true; }

using larnax::load::GenerateOptions;
using larnax::load::RecordOptions;
using larnax::load::ReplayOptions;
using larnax::load::SendFlags;

void AddSendFlags(CLI::App* command, SendFlags* flags) {
  command->add_option("--url", flags->url, "remote write endpoint");
  command->add_option("--protocol", flags->protocol, "remote write version: 1 or 2");
  command->add_option("--encoding", flags->encoding, "snappy, zstd or identity");
  command->add_option("--speed", flags->speed, "max, or a factor of real time");
  command->add_option("--pid", flags->pid, "process whose CPU and memory are reported");
  command->add_option("--ack-log", flags->acknowledged_path,
                      "file for the indexes of acknowledged requests");
  command->add_option("--give-up", flags->give_up, "longest time without success at one request");
}

void AddLoadFlags(CLI::App* command, GenerateOptions* options) {
  command->add_option("--series", options->load.series, "series at one time");
  command->add_option("--interval", options->interval, "time between scrapes");
  command->add_option("--span", options->span, "time from the first scrape to the last");
  command->add_option("--start", options->start, "first time; default: now less the span");
  command->add_option("--batch", options->load.batch, "samples in a request");
  command->add_option("--connections", options->load.shards, "connections, each with its targets");
  command->add_option("--churn", options->load.churn_per_hour,
                      "how often a pod is replaced in an hour");
  command->add_option("--seed", options->load.seed, "seed of all randomness");
}

int Finish(const arrow::Result<std::string>& result) {
  if (!result.ok()) {
    std::cerr << "larnax-load: " << result.status().message() << "\n";
    return 1;
  }
  std::cout << *result;
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Make, record and replay load for servers that speak Prometheus remote write.");
  app.require_subcommand(1);

  GenerateOptions generate;
  CLI::App* const generate_command =
      app.add_subcommand("generate", "send a load like that of a Kubernetes cluster");
  AddLoadFlags(generate_command, &generate);
  AddSendFlags(generate_command, &generate.send);
  generate_command->add_option("--histograms", generate.load.histograms,
                               "series of native histograms, on one more connection");
  generate_command->add_option("--out", generate.out,
                               "write here instead of sending: *.om OpenMetrics, else requests");

  GenerateOptions listed;
  CLI::App* const list_command = app.add_subcommand(
      "verify-list",
      "print the samples of given requests of `generate` with the same flags, as "
      "CSV: request,series,time_ms,value bits in hex");
  AddLoadFlags(list_command, &listed);
  list_command
      ->add_option("--requests", listed.requests,
                   "log of `generate --ack-log`, or indexes with commas")
      ->required();
  list_command->add_option("--out", listed.out, "file; default: standard output");

  RecordOptions record;
  CLI::App* const record_command = app.add_subcommand("record", "keep raw scrapes of a target");
  record_command->add_option("--target", record.target, "URL to scrape")->required();
  record_command->add_option("--interval", record.interval, "time between scrapes");
  record_command->add_option("--count", record.count, "number of scrapes");
  record_command->add_option("--out", record.out, "file")->required();

  ReplayOptions replay;
  CLI::App* const replay_command =
      app.add_subcommand("replay", "send recorded scrapes with their times");
  AddSendFlags(replay_command, &replay.send);
  replay_command->add_option("--in", replay.in, "file of `record`")->required();
  replay_command->add_option("--labels", replay.labels, "added to each series: a=b,c=d");
  replay_command->add_option("--start", replay.start,
                             "time of the first scrape; default: as recorded");
  replay_command->add_option("--batch", replay.batch, "samples in a request");
  replay_command->add_option("--out", replay.out,
                             "write here instead of sending: *.om OpenMetrics, else requests");

  CLI11_PARSE(app, argc, argv);
  std::signal(SIGINT, OnSignal);
  std::signal(SIGTERM, OnSignal);
  const auto stop = [] { return stopped.load(); };
  const int64_t now_ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                             std::chrono::system_clock::now().time_since_epoch())
                             .count();
  if (*generate_command) return Finish(larnax::load::Generate(generate, now_ms, stop));
  if (*list_command) return Finish(larnax::load::VerifyList(listed, now_ms));
  if (*record_command) return Finish(larnax::load::Record(record, stop));
  return Finish(larnax::load::Replay(replay, stop));
}
