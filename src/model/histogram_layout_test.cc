#include "model/histogram_layout.h"

#include <cmath>
#include <functional>
#include <limits>

#include <gtest/gtest.h>

namespace larnax::model {
namespace {

using enum LayoutFault;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr int32_t kMin = std::numeric_limits<int32_t>::min();
constexpr int32_t kMax = std::numeric_limits<int32_t>::max();

// Two positive and two negative buckets.
NativeHistogram Exponential() {
  NativeHistogram h;
  h.schema = 3;
  h.positive_spans = {{-4, 1}, {2, 1}};
  h.positive = {1, 2};
  h.negative_spans = {{0, 2}};
  h.negative = {1, 2};
  return h;
}

// As many buckets as its bounds allow.
NativeHistogram Custom() {
  NativeHistogram h;
  h.schema = NativeHistogram::kCustomBounds;
  h.is_integer = true;
  h.positive_spans = {{0, 1}, {1, 1}};
  h.integer_positive = {1, 2};
  h.custom_bounds = {-1, 2};
  return h;
}

struct Case {
  const char* name;
  NativeHistogram histogram;
  std::function<void(NativeHistogram*)> change;
  LayoutFault fault;
};

TEST(CheckLayout, TellsWhatHasNoBuckets) {
  const auto one_span = [](int32_t schema, BucketSpan span) {
    return [=](NativeHistogram* h) {
      h->schema = schema;
      h->positive_spans = {span};
      h->positive.resize(1);
    };
  };
  const Case cases[] = {
      {"exponential", Exponential(), [](auto*) {}, kNone},
      {"custom", Custom(), [](auto*) {}, kNone},
      {"empty", {}, [](auto*) {}, kNone},
      {"coarsest", Exponential(), [](auto* h) { h->schema = -4; }, kNone},
      {"finest", Exponential(), [](auto* h) { h->schema = 52; }, kNone},
      {"too coarse", Exponential(), [](auto* h) { h->schema = -5; }, kSchema},
      {"too fine", Exponential(), [](auto* h) { h->schema = 53; }, kSchema},
      {"no schema", Exponential(), [](auto* h) { h->schema = -64; }, kSchema},
      {"far", Exponential(), one_span(8, {(1 << 30) - 1, 1}), kNone},
      {"too far", Exponential(), one_span(8, {1 << 30, 1}), kPositiveSpans},
      {"far down", Exponential(), one_span(-4, {-(1 << 30), 1}), kNone},
      {"too far down", Exponential(), one_span(-4, {-(1 << 30) - 1, 1}), kPositiveSpans},
      {"far for a fine one", Exponential(), one_span(9, {kMax, 1}), kNone},
      {"far down for a fine one", Exponential(), one_span(9, {kMin, 1}), kNone},
      {"behind 32 bits", Exponential(),
       [](auto* h) {
         h->schema = 20;
         h->negative_spans = {{kMax, 1}, {0, 1}};
       },
       kNegativeSpans},
      {"overlap", Exponential(), [](auto* h) { h->positive_spans[1].offset = -1; }, kPositiveSpans},
      {"fewer buckets", Exponential(), [](auto* h) { h->negative.pop_back(); }, kNegativeSpans},
      {"of other counts", Exponential(), [](auto* h) { h->is_integer = true; }, kNegativeSpans},
      {"bounds", Exponential(), [](auto* h) { h->custom_bounds = {1}; }, kBounds},
      {"negative index", Custom(), [](auto* h) { h->positive_spans[0].offset = -1; },
       kPositiveSpans},
      {"beyond the bounds", Custom(), [](auto* h) { h->positive_spans[1].offset = 2; }, kBounds},
      {"beyond none", Custom(), [](auto* h) { h->custom_bounds = {}; }, kBounds},
      {"unordered", Custom(), [](auto* h) { h->custom_bounds = {2, 2}; }, kBounds},
      {"NaN", Custom(), [](auto* h) { h->custom_bounds[0] = std::nan(""); }, kBounds},
      {"infinite", Custom(), [](auto* h) { h->custom_bounds[1] = kInfinity; }, kBounds},
      {"infinite first", Custom(), [](auto* h) { h->custom_bounds[0] = -kInfinity; }, kBounds},
      {"negative side", Custom(), [](auto* h) { h->negative_spans = {{0, 0}}; }, kBounds},
  };
  for (const Case& c : cases) {
    NativeHistogram histogram = c.histogram;
    c.change(&histogram);
    EXPECT_EQ(CheckLayout(histogram), c.fault) << c.name;
  }
}

}  // namespace
}  // namespace larnax::model
