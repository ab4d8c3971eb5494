#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "io/random.h"
#include "larnax/labels.h"
#include "larnax/options.h"
#include "test/sim/model.h"
#include "wire/remote_write/encoder.h"

namespace larnax::sim {

/// A write as a sender makes it, and what must become of it.
struct Request {
  std::string content_type;
  std::string content_encoding;
  std::string body;
  std::vector<SentSample> good;  ///< To be stored, in the order in which they apply.
  std::vector<SentExemplar> exemplars;
  int64_t bad_count = 0;                                      ///< Samples to be refused.
  bool is_malformed = false;                                  ///< Nothing of it may be stored.
  std::vector<std::pair<std::string, std::string>> metadata;  ///< Metric and help text.
};

/// Makes series, samples and requests of all kinds: ordinary ones, and every corner that a sender
/// may try. All is drawn from one seed.
class Traffic {
 public:
  /// \param options  Limits that requests are to break now and then.
  Traffic(uint64_t seed, const DatabaseOptions& options);

  /// Make a request as of `now_ms`.
  Request Make(int64_t now_ms);
  /// Draw matchers that often select something, and sometimes nothing.
  std::vector<Matcher> DrawMatchers();
  /// Draw a range that often holds samples.
  TimeRange DrawRange(int64_t now_ms);
  /// A label name that often exists.
  std::string DrawLabelName();

 private:
  struct SeriesPlan {
    Labels labels;
    std::string raw;       // Label bytes as sent: perhaps unordered, or with empty values.
    bool is_valid = true;  // Else every sample is to be refused.
    bool has_starts = false;
    int64_t start_ms = 0;
  };
  struct PointedTime {
    size_t series;
    int64_t time_ms;
    uint64_t bits;
  };

  SeriesPlan MakeSeries();
  SeriesPlan MakeInvalidSeries();
  std::string RawBytes(std::vector<std::pair<std::string, std::string>> pairs);
  uint64_t DrawBits();
  NativeHistogram DrawHistogram();
  // Adds a histogram or an exemplar to the request and to what must come of it; histograms apply
  // after all floats of the request.
  void AddHistogram(const SeriesPlan& plan, int64_t time_ms, int64_t latest_ms,
                    wire::RequestEncoder* encoder, Request* request,
                    std::vector<SentSample>* histograms);
  void AddExemplar(const SeriesPlan& plan, int64_t time_ms, int64_t latest_ms,
                   wire::RequestEncoder* encoder, Request* request);
  int64_t DrawTime(int64_t now_ms);

  io::Random random_;
  const DatabaseOptions options_;
  std::vector<SeriesPlan> series_;
  std::vector<SeriesPlan> invalid_;
  std::vector<int64_t> near_days_;   // How long ago late samples are, in days; few, so that
  std::vector<int64_t> far_days_;    // several flushes meet in one.
  bool sends_non_floats_ = false;    // Histograms and exemplars are sent, too.
  std::vector<PointedTime> recent_;  // Sent before, to be repeated.
};

}  // namespace larnax::sim
