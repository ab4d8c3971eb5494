#pragma once

#include <memory>
#include <string>

#include <arrow/result.h>

#include "exec/source.h"
#include "io/task_runner.h"
#include "larnax/query.h"

namespace larnax::io {
class Clock;
}

namespace larnax::exec {

struct EngineOptions {
  int threads = 0;  ///< That work on one query, its caller's among them; 0: one per core.
  const io::Clock* clock = nullptr;  ///< For timeouts and stats; null: the machine's. Outlives it.
};

/// Evaluates PromQL over a source of samples. Safe to use from several threads.
class Engine {
 public:
  explicit Engine(const EngineOptions& options);
  ~Engine();

  /// Parse, plan and evaluate.
  ///
  /// \param source  Must outlive the call.
  /// \retval kBadQuery  The text, or the request's times, cannot be understood.
  /// \retval kExecution The query cannot be evaluated on these samples; the message is that of
  ///                    Prometheus.
  /// \retval kLimit, kTimeout, kCancelled  As set in the request.
  arrow::Result<QueryResult> Run(SampleSource& source, const QueryRequest& request);

  /// Give what a source may read by for this query: the threads that evaluate it. Empty where that
  /// is only its caller's. Valid as long as the engine.
  io::TaskRunner RunnerFor(const QueryRequest& request);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace larnax::exec
