set(EXEC_FUNCTION_SOURCES
  functions/absent.cc functions/dates.cc
  functions/histograms/bucket_vector.cc functions/histograms/buckets.cc
  functions/histograms/classic_histogram.cc functions/histograms/histograms.cc functions/info.cc
  functions/labels.cc functions/math.cc functions/natural_order.cc functions/quantile.cc
  functions/range/changes.cc functions/range/exact_sums.cc functions/range/extended_rate.cc
  functions/range/histogram_rate.cc functions/range/instant_rate.cc
  functions/range/interpolation.cc functions/range/quantiles.cc functions/range/range_notes.cc
  functions/range/rate.cc functions/range/selections.cc functions/range/sums.cc
  functions/range/trends.cc functions/range/window_lanes.cc functions/registry.cc
  functions/replacement.cc functions/scalars.cc functions/sorts.cc)
set(EXEC_FUNCTION_HEADERS
  functions/element.h functions/extremes.h functions/function_lists.h
  functions/histograms/bucket_vector.h functions/histograms/classic_histogram.h
  functions/natural_order.h functions/quantile.h functions/range/exact_sums.h
  functions/range/finite_sum.h functions/range/float_windows.h functions/range/histogram_rate.h
  functions/range/interpolation.h functions/range/range_notes.h functions/range/rate.h
  functions/range/start_times.h functions/range/window_lanes.h functions/range/work_meter.h
  functions/replacement.h)
set(EXEC_FUNCTION_TESTS
  functions/histograms/bucket_functions_test.cc
  functions/instant_functions_test.cc functions/range/range_functions_test.cc
  functions/range/window_lanes_test.cc)
set(EXEC_FUNCTION_BENCHES
  functions/function_bench.cc)
