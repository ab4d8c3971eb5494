#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <arrow/result.h>
#include <arrow/status.h>

#include "db/database_impl.h"
#include "io/executor.h"
#include "io/random.h"
#include "io/sim_clock.h"
#include "io/sim_file_system.h"
#include "larnax/options.h"
#include "test/sim/fault_counts.h"
#include "test/sim/model.h"
#include "test/sim/plain_view.h"
#include "test/sim/process_file_system.h"
#include "test/sim/trace.h"
#include "test/sim/traffic.h"

namespace larnax::sim {

/// Which faults a simulation may draw.
struct FaultSet {
  bool power_cuts = true;
  bool kills = true;
  bool errors = true;  ///< Calls to the file system that fail, one kind or several at once.
  bool full_disk = true;
  bool lying_sync = true;      ///< In some seeds, syncs that do nothing.
  bool read_only_disk = true;  ///< For a while, as after an error of the disk.
  bool slow_disk = true;       ///< For a while.
  bool bit_flips = true;       ///< And other damage to files at rest.
  bool clock_jumps = true;
};

struct SimulationOptions {
  uint64_t seed = 1;
  int steps = 120;
  FaultSet faults;
  std::optional<WalSync> wal_sync;  ///< nullopt: drawn.
  /// Hold every mode to the promise of WalSync::kBatch: it must then be caught.
  bool expect_batch = false;
  ForgottenCall forgotten;    ///< To see that the simulator finds what is forgotten.
  bool verbose = false;       ///< Print every step.
  bool prints_calls = false;  ///< And every call that changes the disk.
};

/// How often each thing happened, by name.
using Tally = std::map<std::string, int64_t>;

/// One seed: a real database on a simulated disk, clock and executor, in one thread; random
/// operations and faults; and a model that knows what must come out.
class Simulation {
 public:
  explicit Simulation(const SimulationOptions& options);
  ~Simulation();

  /// Run all steps and the checks at the end. \return Invalid: what was found to be wrong.
  arrow::Status Run();

  int step() const { return step_; }
  Tally tally() const;
  FaultTable faults() const { return fault_counts_.table(); }
  uint64_t trace_hash() const { return trace_.hash(); }

 private:
  // A read that was begun, with the answer it must give.
  struct OpenRead {
    std::unique_ptr<SampleStream> stream;
    SelectRequest request;
    Model::Content expected;
  };
  struct FlippedByte {
    std::string path;
    int64_t offset_bytes;
    uint8_t mask;
  };
  // While it lives, the disk answers without faults.
  class Calm {
   public:
    explicit Calm(io::SimFileSystem& disk) : disk_(disk) { disk_.set_faultless(true); }
    ~Calm() { disk_.set_faultless(false); }

   private:
    io::SimFileSystem& disk_;
  };
  // While it lives, what strikes is counted as striking a reader.
  class Reading {
   public:
    explicit Reading(FaultCounts& counts) : counts_(counts), before_(counts.set_reading(true)) {}
    ~Reading() { counts_.set_reading(before_); }

   private:
    FaultCounts& counts_;
    const bool before_;
  };

  // Life and death of the process (simulation.cc).
  arrow::Result<bool> Open();  // False: the archive is lost, as a lying disk may have it.
  arrow::Status OpenOnce();
  void EndProcess();
  arrow::Status BetweenCalls(bool in_data);
  arrow::Status Restart();
  arrow::Result<bool> Recover(bool power_cut);
  arrow::Result<bool> OpenFirst();
  arrow::Status CheckRecovered(Safety survived);
  arrow::Status Settle();
  arrow::Status Finish();
  arrow::Status CheckWritesAgain();

  // Steps (simulation_steps.cc).
  arrow::Status Step();
  arrow::Status Write();
  arrow::Status CheckAnswer(const arrow::Result<WriteReport>& result, const Request& request,
                            bool head_is_full);
  arrow::Status RunTasks();
  arrow::Status Flush();
  arrow::Status Merge(bool everything);
  arrow::Status PassTime();

  // Reading (simulation_reads.cc).
  SelectRequest DrawRequest();
  arrow::Result<Model::Content> ReadAll(SampleStream& stream);
  arrow::Status CheckReadFailure(const arrow::Status& failure);
  arrow::Status CheckContained(const Model::Content& expected, const Model::Content& found,
                               const std::vector<std::string>& warnings,
                               const std::vector<std::string>& damaged, const std::string& what);
  std::vector<std::string> FlippedPaths() const;
  arrow::Status Select(const SelectRequest& request);
  arrow::Status AskForLabels();
  arrow::Status OpenStream();
  arrow::Status FinishStream();
  arrow::Status LookPlainly(bool complete);
  arrow::Status CheckExperiments();
  arrow::Result<Model::Content> ReadOnlyContent(std::vector<std::string>* warnings = nullptr);
  arrow::Status ReadOnly();
  arrow::Status CheckMetadata();
  arrow::Status CheckExemplars();

  // Faults (simulation_faults.cc).
  arrow::Status ChangeFaults();
  arrow::Status StartFault();
  void StartErrors();
  void StartErrorsOf(io::SimOperation operation);
  void StartReadOnly();
  void StartSlowness();
  void FillDisk();
  void TroubleRecovery();
  void DistrustLog();
  void SetBaseSpeed();
  arrow::Result<std::optional<FlippedByte>> DrawByte(bool in_manifests);
  arrow::Status FlipBit();
  arrow::Status ReadWithFlips();
  arrow::Result<std::optional<std::string>> WhereIs(const std::string& path);
  arrow::Status UnflipBits();
  arrow::Status StopFaults();

  // Damage at rest (simulation_damage.cc).
  struct Damage {
    std::string path;
    std::string kind;
    int64_t offset_bytes = 0;
  };
  struct CopyAnswer {
    Model::Content content;
    std::vector<std::string> warnings;
    std::vector<std::string> opening_warnings;
  };
  arrow::Status StartDamagedCopies();
  arrow::Status StartDamagedCopy(const Model::Content& before);
  void EndCopy(io::SimFileSystem& copy);
  static bool IsMended(const Damage& damage);
  arrow::Result<std::optional<Damage>> DamageCopy(io::SimFileSystem& copy);
  arrow::Result<CopyAnswer> StartCopy(io::SimFileSystem& copy, bool with_work,
                                      int64_t dies_at_call = 0);
  arrow::Status CheckDamagedCopy(const Damage& damage, const arrow::Result<CopyAnswer>& answer,
                                 const Model::Content& before);
  arrow::Result<bool> MayLoseTail(const std::string& path);
  bool HasFaults() const { return errors_on_ || disk_full_ || !flipped_.empty(); }

  void Say(const std::string& what);
  int64_t Count(const std::string& what, int64_t times = 1) { return tally_[what] += times; }

  const SimulationOptions options_;
  io::Random random_;
  Trace trace_;
  io::SimClock clock_;
  FaultCounts fault_counts_;
  io::SimFileSystem disk_;
  io::SimExecutor executor_;
  DatabaseOptions database_options_;
  bool lying_ = false;
  Safety ack_safety_ = Safety::kDurable;
  bool exchange_supported_ = true;
  Model model_;
  std::unique_ptr<Traffic> traffic_;
  PlainView plain_;
  Tally tally_;
  int step_ = 0;

  std::unique_ptr<ProcessFileSystem> process_;
  std::unique_ptr<db::DatabaseImpl> database_;
  uint64_t process_number_ = 0;
  std::optional<OpenRead> open_read_;
  int64_t waiting_writes_ = 0;
  arrow::Status callback_failure_;  // Found where nothing can be returned.

  bool errors_on_ = false;
  bool read_errors_on_ = false;
  double death_after_failure_ = 0;
  bool disk_full_ = false;
  bool faults_linger_ = false;  // The database does not know yet that they are over.
  bool disk_slow_ = false;
  int64_t base_operation_ns_ = 0;
  std::vector<FlippedByte> flipped_;
  bool was_flipped_ = false;  // Under the running database, at some time.
  bool archive_lost_ = false;
  bool is_recovered_ = false;  // The model knows what the last restart brought up.
  bool is_between_calls_ = false;
  bool is_closing_ = false;
  bool had_faults_ = false;    // In the life of this process.
  int64_t plain_samples_ = 0;  // That a plain reader saw last.

  // Metadata: acknowledged, and ever sent.
  std::set<std::pair<std::string, std::string>> known_metadata_;
  std::set<std::pair<std::string, std::string>> sent_metadata_;
  // Exemplars, the same.
  std::set<SentExemplar> known_exemplars_;
  std::set<SentExemplar> sent_exemplars_;
};

}  // namespace larnax::sim
