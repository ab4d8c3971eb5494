set(EXEC_FUNCTION_SOURCES
  functions/absent.cc functions/bucket_vector.cc functions/buckets.cc functions/changes.cc
  functions/classic_histogram.cc functions/dates.cc functions/exact_sums.cc functions/extended_rate.cc
  functions/histogram_rate.cc functions/histograms.cc functions/info.cc functions/instant_rate.cc
  functions/interpolation.cc functions/labels.cc functions/math.cc functions/natural_order.cc
  functions/quantile.cc functions/quantiles.cc functions/range_notes.cc functions/rate.cc
  functions/registry.cc functions/replacement.cc functions/scalars.cc functions/selections.cc
  functions/sorts.cc functions/sums.cc functions/trends.cc functions/window_lanes.cc)
set(EXEC_FUNCTION_HEADERS
  functions/bucket_vector.h functions/classic_histogram.h functions/element.h functions/exact_sums.h functions/extremes.h functions/finite_sum.h
  functions/float_windows.h functions/function_lists.h functions/histogram_rate.h
  functions/interpolation.h functions/natural_order.h functions/quantile.h functions/range_notes.h
  functions/rate.h functions/replacement.h functions/start_times.h functions/window_lanes.h functions/work_meter.h)
set(EXEC_FUNCTION_TESTS functions/bucket_functions_test.cc functions/instant_functions_test.cc
  functions/range_functions_test.cc functions/window_lanes_test.cc)
set(EXEC_FUNCTION_BENCHES functions/function_bench.cc)
