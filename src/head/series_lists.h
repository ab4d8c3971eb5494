#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include <arrow/status.h>

#include "larnax/samples.h"

namespace larnax::head {

struct SeriesCapture;

/// A native histogram sample as it arrived; its message stands behind it in memory. Never changes
/// once another thread may see it, but for `next` of the last one.
struct HistogramNode {
  HistogramNode* next = nullptr;
  int64_t time_ms = 0;
  int64_t start_ms = 0;
  uint32_t floats_before = 0;  ///< Float samples of the series that came before it.
  uint32_t message_bytes = 0;

  /// The protobuf message `Histogram`, checked.
  std::string_view message() const {
    return {reinterpret_cast<const char*>(this + 1), message_bytes};
  }
};

/// An exemplar; its label bytes stand behind it in memory. As HistogramNode.
struct ExemplarNode {
  ExemplarNode* next = nullptr;
  int64_t time_ms = 0;
  double value = 0;
  uint32_t label_bytes = 0;

  /// Canonical label bytes of its own labels.
  std::string_view labels() const { return {reinterpret_cast<const char*>(this + 1), label_bytes}; }
};

/// What a series has besides floats at one moment, in the order of arrival.
struct ListCapture {
  const HistogramNode* first_histogram = nullptr;
  uint32_t histogram_count = 0;
  const ExemplarNode* first_exemplar = nullptr;
  uint32_t exemplar_count = 0;
};

/// Find the histogram samples of a capture that count: of equal times the last one, unless a float
/// sample of that time came later still. Times strictly ascending.
std::vector<const HistogramNode*> CountingHistograms(const SeriesCapture& capture);

/// Decode the histogram samples of a capture that lie in `range`, as CountingHistograms; replaces
/// the content of `out`. Needs no lock; the capture's Generation must be alive.
arrow::Status ReadHistograms(const SeriesCapture& capture, TimeRange range,
                             std::vector<HistogramSample>* out);

/// List the exemplars of a capture that lie in `range`, in the order of arrival, repeats included;
/// they live as long as the capture's Generation. Replaces the content of `out`.
void ReadExemplars(const SeriesCapture& capture, TimeRange range,
                   std::vector<const ExemplarNode*>* out);

}  // namespace larnax::head
