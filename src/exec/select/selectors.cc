#include "exec/select/selectors.h"

#include <algorithm>
#include <utility>

#include "exec/select/smoothing.h"

namespace larnax::exec {
namespace {

// Below so many bytes of samples a series, keeping them costs less than copying its labels.
constexpr int64_t kKeepBytes = 1024;

using MeterPtr = std::shared_ptr<MemoryMeter>;

HistogramPtr WithHint(const HistogramPtr& histogram, CounterResetHint hint, const MeterPtr& meter) {
  if (histogram->counter_reset_hint == hint) return histogram;
  model::FloatHistogram copy = *histogram;
  copy.counter_reset_hint = hint;
  return MakeHistogram(std::move(copy), meter);
}

// \param previous  May be null.
HistogramPtr WithDetectedReset(const HistogramPtr& histogram, const HistogramPtr& previous,
                               const MeterPtr& meter) {
  if (previous == nullptr || histogram->counter_reset_hint != CounterResetHint::kUnknown) {
    return histogram;
  }
  const bool reset = histogram->DetectReset(*previous);
  return WithHint(histogram, reset ? CounterResetHint::kReset : CounterResetHint::kNotReset, meter);
}

// Says of histograms of unknown hint whether the counter was reset since the one before.
void DetectResets(std::vector<HistogramPtr>* histograms, const MeterPtr& meter) {
  for (size_t i = histograms->size(); i-- > 1;) {
    (*histograms)[i] = WithDetectedReset((*histograms)[i], (*histograms)[i - 1], meter);
  }
}

MeterPtr MeterOf(const QueryBudget* budget) {
  return budget == nullptr ? nullptr : budget->meter();
}

// Null for a stale marker.
HistogramPtr Convert(const HistogramSample& sample, const MeterPtr& meter) {
  NativeHistogram made;
  auto histogram = model::FloatHistogram::FromNative(HistogramOf(sample, &made));
  return histogram.is_stale() ? nullptr : MakeHistogram(std::move(histogram), meter);
}

// Puts the samples of one series of an instant vector into rows.
class InstantReader {
 public:
  InstantReader(const InstantSpec& spec, const QueryBudget* budget, StepVector* out,
                TaskNotes* notes)
      : spec_(spec),
        windows_(spec.refs, spec.lookback_ms),
        budget_(budget),
        pace_(budget),
        out_(out),
        notes_(notes) {}

  arrow::Status Read(const SeriesSamples& series, LabelsView labels) {
    if (spec_.smoothed) {
      StepSeries& row = out_->Add(labels, false);
      ARROW_RETURN_NOT_OK(SmoothInstant(series, spec_, budget_, out_, &row, notes_));
      DropIfEmpty();
    } else if (!series.histograms.empty()) {
      return ReadMixed(series, labels);
    } else {
      ReadFloats(series, labels);
    }
    return arrow::Status::OK();
  }

 private:
  void ReadFloats(const SeriesSamples& series, LabelsView labels) {
    const InstantWindows& windows = windows_.Find(series.time_ms);
    if (windows.samples == 0) return;
    notes_->Count(windows);
    StepSeries& row = out_->Add(labels, false);
    std::copy(windows.present.begin(), windows.present.end(), row.present);
    bool stale = false;
    ForEachPresent(row.present, out_->steps(), [&](size_t step) {
      row.values[step] = series.value[windows.index[step]];
      stale |= IsStaleMarker(row.values[step]);
    });
    if (stale) {
      for (size_t step = 0; step < out_->steps(); ++step) {
        if (row.IsPresent(step) && IsStaleMarker(row.values[step])) {
          ClearPresent(row.present, step);
        }
      }
    }
    if (spec_.sample_times) FillTimes(series, windows, &row);
    if (spec_.value != InstantSpec::Value::kSample) {
      ForEachPresent(row.present, out_->steps(), [&](size_t step) {
        const uint32_t i = windows.index[step];
        row.values[step] = Seconds((*series.time_ms)[i], StartOf(series, i));
      });
    }
    if (stale) DropIfEmpty();
  }

  arrow::Status ReadMixed(const SeriesSamples& series, LabelsView labels) {
    TimestampVector histogram_times;
    for (const HistogramSample& sample : series.histograms) {
      histogram_times.push_back(sample.time_ms);
    }
    InstantWindows histograms;
    histograms.Find(histogram_times, spec_.refs, spec_.lookback_ms);
    const InstantWindows& floats = windows_.Find(series.time_ms);
    StepSeries& row = out_->Add(labels, false);
    if (spec_.sample_times) out_->AddSampleTimes(&row);
    HistogramPtr last;
    uint32_t last_index = InstantWindows::kNone;
    for (size_t step = 0; step < out_->steps(); ++step) {
      const uint32_t f = floats.index[step];
      const uint32_t h = histograms.index[step];
      const bool has_float = f != InstantWindows::kNone;
      const bool has_histogram = h != InstantWindows::kNone;
      if (!has_float && !has_histogram) continue;
      notes_->CountAt(step, 1);
      if (has_float && (!has_histogram || (*series.time_ms)[f] > histogram_times[h])) {
        if (IsStaleMarker(series.value[f])) continue;
        SetValue(step, series.value[f], (*series.time_ms)[f], StartOf(series, f), &row);
        continue;
      }
      if (h != last_index) {
        last = Convert(series.histograms[h], out_->meter());
        if (last != nullptr && spec_.detect_resets && h > 0) {
          last = WithDetectedReset(last, Convert(series.histograms[h - 1], out_->meter()),
                                   out_->meter());
        }
        last_index = h;
        if (last != nullptr) ARROW_RETURN_NOT_OK(pace_.Pass(last->SizeBytes()));
      }
      if (last == nullptr) continue;
      if (spec_.value == InstantSpec::Value::kSample) {
        out_->SetHistogram(&row, step, last);
        if (spec_.sample_times) row.sample_time_ms[step] = histogram_times[h];
      } else {
        SetValue(step, 0, histogram_times[h], series.histograms[h].start_ms, &row);
      }
    }
    DropIfEmpty();
    return arrow::Status::OK();
  }

  void SetValue(size_t step, double value, int64_t time_ms, int64_t start_ms, StepSeries* row) {
    if (spec_.value != InstantSpec::Value::kSample) value = Seconds(time_ms, start_ms);
    row->SetFloat(step, value);
    if (spec_.sample_times) row->sample_time_ms[step] = time_ms;
  }

  void FillTimes(const SeriesSamples& series, const InstantWindows& windows, StepSeries* row) {
    out_->AddSampleTimes(row);
    ForEachPresent(row->present, out_->steps(), [&](size_t step) {
      row->sample_time_ms[step] = (*series.time_ms)[windows.index[step]];
    });
  }

  double Seconds(int64_t time_ms, int64_t start_ms) const {
    const bool start = spec_.value == InstantSpec::Value::kStartTime;
    return static_cast<double>(start ? start_ms : time_ms) / 1000;
  }
  static int64_t StartOf(const SeriesSamples& series, uint32_t i) {
    return series.start_ms.empty() ? 0 : series.start_ms[i];
  }
  void DropIfEmpty() {
    if (!AnyPresent(out_->series.back().present, out_->steps())) out_->series.pop_back();
  }

  const InstantSpec& spec_;
  WindowCache<InstantWindows> windows_;
  const QueryBudget* budget_;
  BudgetPace pace_;
  StepVector* out_;
  TaskNotes* notes_;
};

// The samples of one series without stale markers, and their windows at all steps.
class RangeReader {
 public:
  RangeReader(const RangeCall& call, bool use_starts)
      : call_(call), use_starts_(use_starts), windows_(call.refs(), call.spec.range_ms) {}

  // Valid until the next call.
  arrow::Result<const RangeSeries*> Read(const SeriesSamples& series, TaskNotes* notes) {
    range_ = {};
    range_.labels = series.labels;
    if (HasStaleMarkers(series.value)) {
      ReadWithoutMarkers(series);
    } else {
      const RangeWindows& windows = windows_.Find(series.time_ms);
      range_.floats = {*series.time_ms, series.value, use_starts_ ? series.start_ms : NoStarts(),
                       windows.begin,   windows.end,  &windows.derived};
      notes->Count(windows);
    }
    if (!series.histograms.empty()) {
      const QueryBudget* budget = call_.call.budget;
      ARROW_RETURN_NOT_OK(ConvertHistograms(series.histograms, budget, &histograms_));
      if (call_.detect_resets) DetectResets(&histograms_.value, MeterOf(budget));
      histogram_windows_.Find(histograms_.time_ms, call_.refs(), call_.spec.range_ms);
      range_.histograms = {
          histograms_.time_ms, histograms_.value,
          use_starts_ ? std::span<const int64_t>(histograms_.start_ms) : NoStarts(),
          histogram_windows_.begin, histogram_windows_.end};
      notes->Count(histogram_windows_);
    } else {
      range_.histograms.begin = NoWindows();
      range_.histograms.end = NoWindows();
    }
    return &range_;
  }

 private:
  static std::span<const int64_t> NoStarts() { return {}; }
  std::span<const uint32_t> NoWindows() {
    no_windows_.resize(call_.call.grid.count);
    return no_windows_;
  }

  void ReadWithoutMarkers(const SeriesSamples& series) {
    times_.clear();
    values_.clear();
    starts_.clear();
    const bool starts = use_starts_ && !series.start_ms.empty();
    for (size_t i = 0; i < series.value.size(); ++i) {
      if (IsStaleMarker(series.value[i])) continue;
      times_.push_back((*series.time_ms)[i]);
      values_.push_back(series.value[i]);
      if (starts) starts_.push_back(series.start_ms[i]);
    }
    float_windows_.Find(times_, call_.refs(), call_.spec.range_ms);
    range_.floats = {times_,
                     values_,
                     starts_,
                     float_windows_.begin,
                     float_windows_.end,
                     &float_windows_.derived};
  }

  const RangeCall& call_;
  const bool use_starts_;
  WindowCache<RangeWindows> windows_;
  RangeWindows float_windows_;
  RangeWindows histogram_windows_;
  std::vector<uint32_t> no_windows_;
  TimestampVector times_;
  std::vector<double> values_;
  std::vector<int64_t> starts_;
  ConvertedHistograms histograms_;
  RangeSeries range_;
};

// Runs the kernel on one series; appends a row unless there is nothing in it.
arrow::Status CallKernel(const RangeCall& call, const RangeSeries& series, LabelsView labels,
                         StepVector* out, TaskNotes* notes) {
  StepSeries& row = out->Add(labels, series.drop_name);
  SeriesWriter writer(out, &row);
  ARROW_RETURN_NOT_OK(call.kernel(call.call, call.spec, series, &writer, &notes->annotations));
  if (!AnyPresent(row.present, out->steps())) {
    out->series.pop_back();
  } else if (call.drops_name) {
    DropName(*call.call.query, out, &row);
  }
  return arrow::Status::OK();
}

}  // namespace

bool WorthKeeping(const SampleMorsel& morsel) {
  int64_t bytes = 0;
  for (const SeriesSamples& series : morsel.series) {
    bytes += static_cast<int64_t>(series.value.size_bytes() + series.histograms.size_bytes());
  }
  return bytes <= kKeepBytes * static_cast<int64_t>(morsel.series.size());
}

class ConvertedHistograms::Memory {
 public:
  explicit Memory(MeterPtr meter) : hold_(std::move(meter)) {}

  // Makes room; nobody has a histogram of it.
  void Reserve(size_t size) {
    if (histograms_.size() < size) histograms_.resize(size);
    next_ = 0;
    bytes_ = 0;
  }
  model::FloatHistogram* Take() { return &histograms_[next_++]; }
  void TakeBack() { --next_; }
  void Grow(size_t bytes) { bytes_ += static_cast<int64_t>(bytes); }
  void Count() {
    // What was larger keeps its memory.
    if (bytes_ <= counted_) return;
    hold_.AddBytes(bytes_ - counted_);
    counted_ = bytes_;
  }

 private:
  std::vector<model::FloatHistogram> histograms_;
  size_t next_ = 0;
  int64_t bytes_ = 0;
  int64_t counted_ = 0;
  MeteredHold hold_;
};

arrow::Status ConvertHistograms(std::span<const HistogramSample> samples, const QueryBudget* budget,
                                ConvertedHistograms* out) {
  out->value.clear();
  out->time_ms.clear();
  out->start_ms.clear();
  if (out->memory == nullptr || out->memory.use_count() > 1) {
    out->memory = std::make_shared<ConvertedHistograms::Memory>(MeterOf(budget));
  }
  if (budget != nullptr) {
    ARROW_RETURN_NOT_OK(
        budget->CheckBytes(static_cast<int64_t>(samples.size() * sizeof(model::FloatHistogram))));
  }
  out->memory->Reserve(samples.size());
  BudgetPace pace(budget);
  for (const HistogramSample& sample : samples) {
    model::FloatHistogram* const histogram = out->memory->Take();
    histogram->Assign(HistogramOf(sample, &out->made));
    if (histogram->is_stale()) {
      out->memory->TakeBack();
      continue;
    }
    const size_t bytes = histogram->SizeBytes();
    out->memory->Grow(bytes);
    out->memory->Count();
    ARROW_RETURN_NOT_OK(pace.Pass(bytes));
    if (sample.start_ms != 0 || !out->start_ms.empty()) {
      out->start_ms.resize(out->value.size());
      out->start_ms.push_back(sample.start_ms);
    }
    out->value.emplace_back(out->memory, histogram);
    out->time_ms.push_back(sample.time_ms);
  }
  return arrow::Status::OK();
}

InstantSelector::InstantSelector(ExecutionContext* context, StepGrid grid, size_t reader,
                                 InstantSpec spec)
    : PipelineOperator(context, grid),
      reader_(reader),
      spec_(std::make_shared<const InstantSpec>(std::move(spec))) {}

arrow::Result<MorselTask> InstantSelector::NextTask() {
  ARROW_ASSIGN_OR_RAISE(SampleMorsel morsel, context_->selects->Next(reader_, grid_.count));
  if (morsel.series.empty()) return MorselTask();
  return MorselTask([spec = spec_, morsel = std::move(morsel), steps = grid_.count,
                     budget = context_->budget](TaskNotes* notes) -> arrow::Result<StepVector> {
    StepVector out(steps, budget->meter());
    out.Reserve(morsel.series.size());
    const bool keep = WorthKeeping(morsel);
    if (keep) out.Keep(morsel.batch);
    InstantReader reader(*spec, budget, &out, notes);
    for (const SeriesSamples& series : morsel.series) {
      ARROW_RETURN_NOT_OK(reader.Read(series, series.labels));
    }
    if (!keep) {
      for (StepSeries& row : out.series) row.labels = out.StoreLabels(row.labels.bytes());
    }
    return out;
  });
}

arrow::Status RangeCall::Prepare() {
  scalars.resize(scalar_operators.size());
  call.scalars.resize(scalar_operators.size());
  for (size_t i = 0; i < scalar_operators.size(); ++i) {
    if (scalar_operators[i] == nullptr) continue;
    ARROW_ASSIGN_OR_RAISE(scalars[i], scalar_operators[i]->Evaluate());
    call.scalars[i] = scalars[i];
  }
  return arrow::Status::OK();
}

RangeFunction::RangeFunction(ExecutionContext* context, size_t reader,
                             std::shared_ptr<RangeCall> call)
    : PipelineOperator(context, call->call.grid), reader_(reader), call_(std::move(call)) {}

arrow::Result<MorselTask> RangeFunction::NextTask() {
  if (!prepared_) ARROW_RETURN_NOT_OK(call_->Prepare());
  prepared_ = true;
  ARROW_ASSIGN_OR_RAISE(SampleMorsel morsel, context_->selects->Next(reader_, grid_.count));
  if (morsel.series.empty()) return MorselTask();
  return MorselTask([call = call_, morsel = std::move(morsel), meter = context_->budget->meter()](
                        TaskNotes* notes) mutable -> arrow::Result<StepVector> {
    StepVector out(call->call.grid.count, std::move(meter));
    out.Reserve(morsel.series.size());
    const bool keep = WorthKeeping(morsel);
    if (keep) out.Keep(morsel.batch);
    RangeReader reader(*call, call->call.query->features.use_start_timestamps);
    for (const SeriesSamples& series : morsel.series) {
      ARROW_ASSIGN_OR_RAISE(const RangeSeries* range, reader.Read(series, notes));
      ARROW_RETURN_NOT_OK(CallKernel(*call, *range, series.labels, &out, notes));
    }
    if (!keep) {
      for (StepSeries& row : out.series) row.labels = out.StoreLabels(row.labels.bytes());
    }
    return out;
  });
}

SubqueryFunction::SubqueryFunction(ExecutionContext* context, VectorOperatorPtr input,
                                   std::shared_ptr<RangeCall> call)
    : PipelineOperator(context, call->call.grid), input_(std::move(input)), call_(std::move(call)) {
  set_reads_no_series();
  TimestampVector times(input_->grid().count);
  for (size_t step = 0; step < times.size(); ++step) times[step] = input_->grid().TimeAt(step);
  grid_times_ = std::make_shared<const TimestampVector>(std::move(times));
}

namespace {

// The samples of a row of a subquery, as those of a series.
struct RowSamples {
  std::shared_ptr<const TimestampVector> times;
  std::vector<double> values;
  std::vector<int64_t> histogram_times;
  std::vector<HistogramPtr> histograms;
};

HistogramPtr WithoutResetHint(const HistogramPtr& histogram, const MeterPtr& meter) {
  const bool gauge = histogram->counter_reset_hint == CounterResetHint::kGauge;
  return WithHint(histogram, gauge ? CounterResetHint::kGauge : CounterResetHint::kUnknown, meter);
}

RowSamples SamplesOf(const StepSeries& row, const TimestampVector& grid_times,
                     const MeterPtr& meter) {
  RowSamples out;
  auto times = std::make_shared<TimestampVector>();
  ForEachPresent(row.present, grid_times.size(), [&](size_t step) {
    if (row.IsHistogram(step)) {
      out.histogram_times.push_back(grid_times[step]);
      out.histograms.push_back(WithoutResetHint(row.histograms[step], meter));
    } else {
      times->push_back(grid_times[step]);
      out.values.push_back(row.values[step]);
    }
  });
  out.times = std::move(times);
  return out;
}

arrow::Result<StepVector> CallOnRows(const RangeCall& call, const StepVector& rows,
                                     const std::shared_ptr<const TimestampVector>& grid_times,
                                     TaskNotes* notes) {
  StepVector out(call.call.grid.count, rows.meter());
  out.Reserve(rows.size());
  RangeWindows all_steps;
  all_steps.Find(*grid_times, call.refs(), call.spec.range_ms);
  RangeWindows windows;
  RangeWindows histogram_windows;
  const std::vector<uint32_t> none(call.call.grid.count);
  for (const StepSeries& row : rows.series) {
    RangeSeries series;
    series.labels = row.labels;
    series.drop_name = row.drop_name;
    series.histograms.begin = none;
    series.histograms.end = none;
    RowSamples samples;
    if (row.histograms == nullptr && AllPresent(row.present, rows.steps())) {
      series.floats = {*grid_times,   {row.values, rows.steps()}, {}, all_steps.begin,
                       all_steps.end, &all_steps.derived};
      notes->Count(all_steps);
    } else {
      samples = SamplesOf(row, *grid_times, rows.meter());
      windows.Find(*samples.times, call.refs(), call.spec.range_ms);
      series.floats = {*samples.times, samples.values, {},
                       windows.begin,  windows.end,    &windows.derived};
      notes->Count(windows);
      if (!samples.histograms.empty()) {
        histogram_windows.Find(samples.histogram_times, call.refs(), call.spec.range_ms);
        series.histograms = {samples.histogram_times,
                             samples.histograms,
                             {},
                             histogram_windows.begin,
                             histogram_windows.end};
        notes->Count(histogram_windows);
      }
    }
    ARROW_RETURN_NOT_OK(CallKernel(call, series, row.labels, &out, notes));
  }
  // What the rows were made of may go now.
  for (StepSeries& row : out.series) row.labels = out.StoreLabels(row.labels.bytes());
  return out;
}

}  // namespace

arrow::Result<MorselTask> SubqueryFunction::NextTask() {
  if (!prepared_) ARROW_RETURN_NOT_OK(call_->Prepare());
  prepared_ = true;
  if (input_->grid().count == 0) return MorselTask();
  ARROW_ASSIGN_OR_RAISE(StepVector batch, input_->Next());
  if (batch.empty()) return MorselTask();
  auto held = std::make_shared<const StepVector>(std::move(batch));
  return MorselTask([call = call_, times = grid_times_, held](TaskNotes* notes) {
    return CallOnRows(*call, *held, times, notes);
  });
}

}  // namespace larnax::exec
