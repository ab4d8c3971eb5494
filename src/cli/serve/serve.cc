#include <csignal>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include <pthread.h>
#include <sys/resource.h>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/progress_bar.h"
#include "cli/serve/config_file.h"
#include "cli/serve/line_log.h"
#include "cli/serve/log.h"
#include "cli/serve/startup_pages.h"
#include "cli/serve/stop_signal.h"
#include "http/server.h"
#include "larnax/database.h"
#include "larnax/version.h"

// Of jemalloc, where that is linked.
extern "C" __attribute__((weak)) int mallctl(const char* name, void* old_value, size_t* old_size,
                                             void* new_value, size_t new_size);

namespace larnax::cli {
namespace {

arrow::Result<ServeSettings> ReadSettings(const ServeArguments& arguments) {
  GivenSettings given;
  if (!arguments.config.empty()) {
    ARROW_ASSIGN_OR_RAISE(given, ReadConfigFile(arguments.config));
  }
  given.insert(given.end(), arguments.given.begin(), arguments.given.end());
  ServeSettings settings;
  ARROW_RETURN_NOT_OK(ApplySettings(given, &settings));
  settings.server.host = settings.listen.host;
  settings.server.port = settings.listen.port;
  settings.server.flags = ShowSettings(settings);
  settings.server.log = LogError;
  settings.server.audit = LogInfo;
  settings.server.read_file = ReadTextFile;
  if (!arguments.config.empty()) {
    ARROW_ASSIGN_OR_RAISE(settings.server.config_yaml, ReadTextFile(arguments.config));
  }
  ARROW_ASSIGN_OR_RAISE(settings.server.query_log, LineLog::Open(settings.query_log));
  ARROW_ASSIGN_OR_RAISE(settings.server.slow_query_log, LineLog::Open(settings.slow_query_log));
  return settings;
}

// An address that another program on this machine can use: an unspecified one cannot be called.
std::string AddressForClients(ListenAddress listen, int port) {
  listen.port = port;
  if (listen.host == "::" || listen.host == "0.0.0.0") listen.host = "localhost";
  return FormatListenAddress(listen);
}

void PrintWelcome(const ServeSettings& settings, const http::Server& server) {
  const std::string address = std::string(server.has_tls() ? "https" : "http") + "://" +
                              AddressForClients(settings.listen, server.port()) +
                              settings.server.route_prefix;
  std::error_code error;
  std::filesystem::path data = std::filesystem::absolute(settings.data, error);
  if (error) data = settings.data;
  std::printf(
      "Larnax %s is ready at %s\n"
      "\n"
      "  Write: add this to prometheus.yml\n"
      "    remote_write:\n"
      "      - url: %s/api/v1/write\n"
      "\n"
      "  Read:  %s/api/v1/samples?match[]=up&format=csv\n"
      "\n"
      "  Open the files with any Parquet reader (POST /flush to have all in them):\n"
      "    python -c \"import pandas; print(pandas.read_parquet('%s'))\"\n"
      "\n"
      "  Stop with Ctrl-C.\n",
      Version(), address.c_str(), address.c_str(), address.c_str(),
      (data.lexically_normal() / "samples").c_str());
  std::fflush(stdout);
}

// Everyone who can reach a server without accounts may read, write, flush and merge.
void WarnOfOpenDoors(const ServeSettings& settings, const http::Server& server) {
  const std::string& host = settings.listen.host;
  const bool is_local = host == "localhost" || host == "::1" || host.starts_with("127.");
  if (is_local) return;
  if (!server.needs_credentials()) {
    LogWarning(
        "everyone who reaches this address may read, write and administer the archive: "
        "set --web-config with accounts, or listen on 127.0.0.1");
  } else if (!server.has_tls()) {
    LogWarning(
        "passwords and tokens cross the network in plain text: set tls_server_config in "
        "the web config file");
  }
}

// Wait for the signal to stop; record the server's own metrics meanwhile.
void RunUntilStopped(const ServeSettings& settings, int port, Database* database,
                     StopSignal* stop) {
  if (settings.self_metrics_interval_ms == 0) {
    stop->Wait();
    return;
  }
  const auto interval = std::chrono::milliseconds(settings.self_metrics_interval_ms);
  const std::string instance = AddressForClients(settings.listen, port);
  auto next = std::chrono::steady_clock::now();
  bool failing = false;
  while (!stop->WaitUntil(next)) {
    const arrow::Status status = database->RecordOwnMetrics(instance);
    // Said once, not every few seconds.
    if (!status.ok() && !failing) LogWarning("cannot record own metrics: " + status.ToString());
    failing = !status.ok();
    // After a stall there is no use in catching up.
    next = std::max(next + interval, std::chrono::steady_clock::now());
  }
}

// The log was read into memory that nobody needs now; otherwise it would go a second later.
void GiveBackMemory() {
  if (mallctl != nullptr) (void)mallctl("arena.4096.purge", nullptr, nullptr, nullptr, 0);
}

arrow::Status Serve(const ServeSettings& settings, StopSignal* stop) {
  ARROW_ASSIGN_OR_RAISE(const auto server, http::Server::Start(nullptr, settings.server));
  DatabaseOptions database_options = settings.database;
  database_options.address = AddressForClients(settings.listen, server->port());
  LogInfo("larnax " + std::string(Version()) + " listens: address=" + database_options.address +
          " revision=" + Revision());
  WarnOfOpenDoors(settings, *server);
  std::unique_ptr<Database> database;
  {
    ProgressBar bar("Reading the log");
    ARROW_ASSIGN_OR_RAISE(database,
                          Database::Open(settings.data, database_options, bar.AsCallback()));
  }
  GiveBackMemory();
  LogInfo("archive is open: path=" + settings.data);
  if (const auto status = database->Status(0); status.ok()) {
    for (const std::string& warning : status->warnings) LogWarning(warning);
  }
  ReleaseStartupPages();
  server->SetDatabase(database.get());
  if (!stop->came()) {
    PrintWelcome(settings, *server);
    RunUntilStopped(settings, server->port(), database.get(), stop);
  }
  LogInfo("stopping; a second signal ends the program at once");
  // Whoever asked for a merge is answered at once, and asks again when there is a server again.
  database->StopMerging();
  if (const auto status = server->Stop(); !status.ok()) LogWarning(status.message());
  ARROW_RETURN_NOT_OK(database->Close());
  LogInfo("stopped; all samples are in files");
  return arrow::Status::OK();
}

// Files and connections take descriptors; many systems give a process few until it asks.
void RaiseFileLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
    LogWarning("cannot raise the limit of open files: limit=" + std::to_string(limit.rlim_cur));
  }
}

// Expressions of thousands of levels are evaluated by recursion. Without this the stack of a thread
// is what `ulimit -s` says, and 2 MiB where it says "unlimited". The 2,000 levels that are allowed
// take about 2 KiB each, and twice as much in a build with sanitizers; memory is taken as it is
// used.
void SetStackOfThreads() {
  constexpr size_t kStackBytes = 16 << 20;
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) != 0) return;
  const bool is_set = pthread_attr_setstacksize(&attributes, kStackBytes) == 0 &&
                      pthread_setattr_default_np(&attributes) == 0;
  pthread_attr_destroy(&attributes);
  if (!is_set) LogWarning("cannot set the stack of threads: bytes=" + std::to_string(kStackBytes));
}

}  // namespace

int RunServe(const ServeArguments& arguments) {
  RaiseFileLimit();
  SetStackOfThreads();
  const auto settings = ReadSettings(arguments);
  if (!settings.ok()) return Fail(settings.status());
  SetUpLog(settings->log_level);
  std::signal(SIGPIPE, SIG_IGN);
  StopSignal stop;
  const arrow::Status status = Serve(*settings, &stop);
  return status.ok() ? kOk : Fail(status);
}

}  // namespace larnax::cli
