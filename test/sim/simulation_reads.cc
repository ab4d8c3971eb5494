#include <algorithm>
#include <bit>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "base/civil_time.h"
#include "db/experiments.h"
#include "larnax/error.h"
#include "store/manifest/archive_layout.h"
#include "test/sim/simulation.h"

// What readers ask, and what they must be told.
namespace larnax::sim {
namespace {

constexpr char kRoot[] = "/data/archive";

int64_t CountOf(const Model::Content& content) {
  int64_t count = 0;
  for (const auto& [labels, samples] : content) count += static_cast<int64_t>(samples.size());
  return count;
}

std::string Print(const SelectRequest& request) {
  std::string text = "select";
  for (const auto& matchers : request.selectors) {
    text += " {";
    for (const Matcher& matcher : matchers) text += matcher.ToString() + ",";
    text += "}";
  }
  return text + " from " + std::to_string(request.range.start_ms) + " to " +
         std::to_string(request.range.end_ms);
}

// Checks that `found`, in order, lies between two sets, or equals the first `limit` of them.
template <typename T, typename Less>
arrow::Status CheckBetween(const std::set<T, Less>& least, const std::set<T, Less>& most,
                           const std::vector<T>& found, bool truncated, int64_t limit,
                           const std::string& what) {
  for (size_t i = 1; i < found.size(); ++i) {
    if (!Less()(found[i - 1], found[i])) return arrow::Status::Invalid(what, ": out of order");
  }
  for (const T& each : found) {
    if (!most.contains(each)) return arrow::Status::Invalid(what, ": too much");
  }
  if (limit > 0 && found.size() > static_cast<size_t>(limit)) {
    return arrow::Status::Invalid(what, ": more than the limit");
  }
  if (limit == 0 || found.size() < static_cast<size_t>(limit)) {
    const std::set<T, Less> set(found.begin(), found.end());
    if (!std::includes(set.begin(), set.end(), least.begin(), least.end(), Less())) {
      return arrow::Status::Invalid(what, ": too little");
    }
    if (truncated) return arrow::Status::Invalid(what, ": not truncated");
  } else if (least.size() > found.size() && !truncated) {
    return arrow::Status::Invalid(what, ": truncated, and does not say so");
  }
  return arrow::Status::OK();
}

// Checks that each warning names one of the damaged files.
arrow::Status CheckWarnings(const std::vector<std::string>& warnings,
                            const std::vector<std::string>& damaged, const std::string& what) {
  for (const std::string& warning : warnings) {
    const bool is_named = std::any_of(damaged.begin(), damaged.end(), [&](const auto& path) {
      return warning.find(path.substr(path.rfind('/') + 1)) != std::string::npos;
    });
    if (!is_named) return arrow::Status::Invalid(what, ": a warning without reason: ", warning);
  }
  return arrow::Status::OK();
}

}  // namespace

SelectRequest Simulation::DrawRequest() {
  SelectRequest request;
  for (uint64_t i = random_.Below(3); i > 0; --i) {
    request.selectors.push_back(traffic_->DrawMatchers());
  }
  request.range = traffic_->DrawRange(clock_.NowMs());
  if (random_.Chance(0.1)) request.sample_limit = 1 + static_cast<int64_t>(random_.Below(100));
  if (random_.Chance(0.05)) request.timeout_ms = 30'000;
  return request;
}

arrow::Result<Model::Content> Simulation::ReadAll(SampleStream& stream) {
  Model::Content content;
  while (true) {
    ARROW_ASSIGN_OR_RAISE(const SampleBatch batch, stream.Next());
    if (batch.series.empty()) break;
    for (const SeriesSamples& series : batch.series) {
      const Labels labels(series.labels);
      if (!content.empty() && !Model::FileOrder()(content.rbegin()->first, labels)) {
        return arrow::Status::Invalid("series out of order: ", labels.ToString());
      }
      const auto& times = *series.time_ms;
      if (times.size() != series.value.size() ||
          (!series.start_ms.empty() && series.start_ms.size() != times.size())) {
        return arrow::Status::Invalid("columns differ in length: ", labels.ToString());
      }
      Model::Samples& samples = content[labels];
      for (size_t i = 0; i < times.size(); ++i) {
        if (i > 0 && times[i] <= times[i - 1]) {
          return arrow::Status::Invalid("times out of order: ", labels.ToString());
        }
        samples.emplace_hint(
            samples.end(), times[i],
            StoredValue{.bits = std::bit_cast<uint64_t>(series.value[i]),
                        .start_ms = series.start_ms.empty() ? 0 : series.start_ms[i]});
      }
      for (size_t i = 0; i < series.histograms.size(); ++i) {
        const HistogramSample& sample = series.histograms[i];
        if (i > 0 && sample.time_ms <= series.histograms[i - 1].time_ms) {
          return arrow::Status::Invalid("histograms out of order: ", labels.ToString());
        }
        const bool is_new =
            samples.emplace(sample.time_ms, HistogramValue(*sample.histogram, sample.start_ms))
                .second;
        if (!is_new) {
          return arrow::Status::Invalid("a float and a histogram at one time: ", labels.ToString());
        }
      }
    }
  }
  trace_.Add("read", static_cast<uint64_t>(CountOf(content)));
  return content;
}

/// OK where a fault explains why a read failed.
arrow::Status Simulation::CheckReadFailure(const arrow::Status& failure) {
  if (process_->is_dead()) return arrow::Status::OK();
  if (read_errors_on_) {
    if (KindOf(failure) == ErrorKind::kCorrupt && flipped_.empty()) {
      return arrow::Status::Invalid("an error is taken for damage: ", failure.ToString());
    }
    Count("reads that failed by errors");
    return arrow::Status::OK();
  }
  for (const FlippedByte& flip : flipped_) {
    const std::string name = flip.path.substr(flip.path.rfind('/') + 1);
    if (KindOf(failure) == ErrorKind::kCorrupt &&
        failure.message().find(name) != std::string::npos) {
      Count("flipped bits noticed by reads");
      return arrow::Status::OK();
    }
  }
  return arrow::Status::Invalid("a read failed: ", failure.ToString());
}

std::vector<std::string> Simulation::FlippedPaths() const {
  std::vector<std::string> paths;
  for (const FlippedByte& flip : flipped_) paths.push_back(flip.path);
  return paths;
}

/// Check an answer that lacks what damaged files hold: it says so, naming them; it gives nothing
/// that was never stored, nor what was replaced; and all series that have nothing in the damaged
/// days come whole.
arrow::Status Simulation::CheckContained(const Model::Content& expected,
                                         const Model::Content& found,
                                         const std::vector<std::string>& warnings,
                                         const std::vector<std::string>& damaged,
                                         const std::string& what) {
  if (warnings.empty()) return CompareContent(model_, expected, found, what);
  std::set<int64_t> days;
  for (const std::string& path : damaged) {
    const size_t slash = path.rfind('/');
    const std::string folder = path.substr(0, slash);
    if (const auto day = store::DayOfFolder(folder.substr(folder.rfind('/') + 1))) {
      days.insert(*day);
    }
  }
  ARROW_RETURN_NOT_OK(CheckWarnings(warnings, damaged, what));
  for (const auto& [labels, samples] : found) {
    for (const auto& [time_ms, value] : samples) {
      if (model_.MayBeInFiles(labels, time_ms, value)) continue;
      return arrow::Status::Invalid(what, ": never stored: ", Describe(labels, time_ms, value));
    }
  }
  // Any sample of a series in a damaged day may have been met on the way to those asked for.
  const auto is_hit = [&](const Labels& labels) {
    const auto times = model_.series().find(labels);
    return times != model_.series().end() &&
           std::any_of(times->second.begin(), times->second.end(),
                       [&](const auto& cell) { return days.contains(base::DayOf(cell.first)); });
  };
  for (const auto& [labels, samples] : found) {
    const auto series = expected.find(labels);
    for (const auto& [time_ms, value] : samples) {
      const auto counts = series == expected.end() ? Model::Samples::const_iterator()
                                                   : series->second.find(time_ms);
      if (series != expected.end() && counts != series->second.end() &&
          model_.IsSame(labels, time_ms, counts->second, value)) {
        continue;
      }
      return arrow::Status::Invalid(what, ": not what counts: ", Describe(labels, time_ms, value));
    }
  }
  Model::Content left = expected;
  Model::Content found_left = found;
  std::erase_if(left, [&](const auto& each) { return is_hit(each.first); });
  std::erase_if(found_left, [&](const auto& each) { return is_hit(each.first); });
  Count("answers around damaged files");
  return CompareContent(model_, left, found_left, what + ", around damaged files");
}

arrow::Status Simulation::Select(const SelectRequest& request) {
  const Model::Content expected = model_.Select(request.selectors, request.range);
  Say(Print(request));
  const Reading reading(fault_counts_);
  const int64_t start_ns = clock_.MonotonicNs();
  const auto is_late = [&](const arrow::Status& failure) {
    if (KindOf(failure) != ErrorKind::kTimeout || request.timeout_ms == 0) return false;
    if (clock_.MonotonicNs() - start_ns < request.timeout_ms * 1'000'000) return false;
    Count("reads that took too long");
    return true;
  };
  auto stream = database_->Select(request);
  if (!stream.ok() && is_late(stream.status())) return arrow::Status::OK();
  if (!stream.ok()) return CheckReadFailure(stream.status());
  const auto found = ReadAll(**stream);
  if (!found.ok() && is_late(found.status())) return arrow::Status::OK();
  if (!found.ok()) {
    const bool over_limit = request.sample_limit > 0 && CountOf(expected) > request.sample_limit;
    if (over_limit && KindOf(found.status()) == ErrorKind::kLimit) {
      Count("reads over their limit");
      return arrow::Status::OK();
    }
    return CheckReadFailure(found.status());
  }
  const bool is_whole = (*stream)->warnings().empty();
  if (is_whole && request.sample_limit > 0 && CountOf(expected) > request.sample_limit) {
    return arrow::Status::Invalid("a read passed its limit: ", Print(request));
  }
  Count("reads");
  return CheckContained(expected, *found, (*stream)->warnings(), FlippedPaths(), Print(request));
}

arrow::Status Simulation::AskForLabels() {
  const Reading reading(fault_counts_);
  SelectRequest request = DrawRequest();
  request.sample_limit = 0;
  request.timeout_ms = 0;
  if (random_.Chance(0.2)) request.limit = 1 + static_cast<int64_t>(random_.Below(5));
  const Model::Content least = model_.Select(request.selectors, request.range);
  // A range tells series by their first and last sample only.
  const bool nothing = request.range.start_ms > request.range.end_ms;
  const Model::Content most = nothing ? Model::Content() : model_.Select(request.selectors, {});
  const uint64_t what = random_.Below(3);
  Say("labels: " + Print(request));
  if (what == 0) {
    const auto answer = database_->Series(request);
    if (!answer.ok()) return CheckReadFailure(answer.status());
    std::set<Labels, Model::FileOrder> low;
    std::set<Labels, Model::FileOrder> high;
    if (answer->warnings.empty()) {
      for (const auto& [labels, samples] : least) low.insert(labels);
    }
    for (const auto& [labels, samples] : most) high.insert(labels);
    const std::string name = "series of " + Print(request);
    ARROW_RETURN_NOT_OK(CheckWarnings(answer->warnings, FlippedPaths(), name));
    return CheckBetween(low, high, answer->series, answer->truncated, request.limit, name);
  }
  const std::string name = traffic_->DrawLabelName();
  const auto answer =
      what == 1 ? database_->LabelNames(request) : database_->LabelValues(name, request);
  if (!answer.ok()) return CheckReadFailure(answer.status());
  const auto collect = [&](const Model::Content& content) {
    std::set<std::string> names;
    for (const auto& [labels, samples] : content) {
      for (const Label& label : labels.view()) {
        if (what == 1) {
          names.emplace(label.name);
        } else if (label.name == name) {
          names.emplace(label.value);
        }
      }
    }
    return names;
  };
  const std::string title = "names or values of " + name + " of " + Print(request);
  ARROW_RETURN_NOT_OK(CheckWarnings(answer->warnings, FlippedPaths(), title));
  const auto low = answer->warnings.empty() ? collect(least) : std::set<std::string>();
  return CheckBetween(low, collect(most), answer->names, answer->truncated, request.limit, title);
}

arrow::Status Simulation::OpenStream() {
  if (open_read_) return FinishStream();
  if (HasFaults()) return arrow::Status::OK();
  const Reading reading(fault_counts_);
  OpenRead read;
  read.request = DrawRequest();
  read.request.sample_limit = 0;
  read.request.timeout_ms = 0;
  read.expected = model_.Select(read.request.selectors, read.request.range);
  auto stream = database_->Select(read.request);
  if (!stream.ok()) return CheckReadFailure(stream.status());
  read.stream = std::move(*stream);
  open_read_ = std::move(read);
  return arrow::Status::OK();
}

/// Read what was opened some steps ago: it must give the state of then.
arrow::Status Simulation::FinishStream() {
  if (!open_read_) return arrow::Status::OK();
  const Reading reading(fault_counts_);
  const auto found = ReadAll(*open_read_->stream);
  const OpenRead read = std::move(*open_read_);
  open_read_.reset();
  if (!found.ok()) return CheckReadFailure(found.status());
  Count("reads across other work");
  return CheckContained(read.expected, *found, read.stream->warnings(), FlippedPaths(),
                        "opened before: " + Print(read.request));
}

arrow::Status Simulation::LookPlainly(bool complete) {
  if (!flipped_.empty()) return arrow::Status::OK();
  const Calm calm(disk_);
  const auto read = plain_.Read();
  if (!read.ok() && lying_) {
    Count("archives lost by lying syncs");
    archive_lost_ = true;
    return arrow::Status::OK();
  }
  ARROW_ASSIGN_OR_RAISE(const auto files, read);
  ARROW_RETURN_NOT_OK(plain_.CheckAlways(model_, files, was_flipped_));
  ARROW_RETURN_NOT_OK(plain_.CheckExemplars(sent_exemplars_, files, was_flipped_));
  Count("plain reads");
  // A failed flush takes back what it showed; without exchange a day is gone for a moment.
  const int64_t samples = plain_.CountSamples(files);
  if (had_faults_ || !exchange_supported_) plain_samples_ = 0;
  if (samples < plain_samples_) {
    return arrow::Status::Invalid("a plain reader does not see samples any more: samples=", samples,
                                  " before=", plain_samples_);
  }
  plain_samples_ = samples;
  return complete ? plain_.CheckComplete(model_, files) : arrow::Status::OK();
}

/// Open the archive a second time, for reading.
arrow::Result<Model::Content> Simulation::ReadOnlyContent(std::vector<std::string>* warnings) {
  const Reading reading(fault_counts_);
  ProcessFileSystem reader(disk_, trace_, random_.Next());
  DatabaseOptions options = database_options_;
  options.read_only = true;
  const db::Environment environment{
      .fs = &reader, .clock = &clock_, .executor = &executor_, .seed = 1, .recovery_threads = 1};
  ARROW_ASSIGN_OR_RAISE(const auto database,
                        db::DatabaseImpl::Open(environment, kRoot, options, {}));
  ARROW_ASSIGN_OR_RAISE(const auto stream, database->Select({}));
  ARROW_ASSIGN_OR_RAISE(Model::Content found, ReadAll(*stream));
  if (reader.call_count() != 0) {
    return arrow::Status::Invalid("a read-only archive changed the disk");
  }
  if (warnings != nullptr) {
    *warnings = stream->warnings();
  } else if (!stream->warnings().empty()) {
    return arrow::Status::Invalid("a reader meets damage: ", stream->warnings().front());
  }
  return found;
}

/// A reader beside the writer must see nothing that was never stored.
arrow::Status Simulation::ReadOnly() {
  // A disk that cannot be written can be read.
  if (read_errors_on_ || !flipped_.empty()) return arrow::Status::OK();
  ARROW_ASSIGN_OR_RAISE(const Model::Content found, ReadOnlyContent());
  for (const auto& [labels, samples] : found) {
    for (const auto& [time_ms, value] : samples) {
      if (model_.MayBeInFiles(labels, time_ms, value)) continue;
      return arrow::Status::Invalid("a read-only archive has what was never stored: ",
                                    Describe(labels, time_ms, value));
    }
  }
  Count("read-only opens");
  return arrow::Status::OK();
}

/// Each value of the experiment label that is in files must be recorded.
arrow::Status Simulation::CheckExperiments() {
  if (lying_) return arrow::Status::OK();
  const Calm calm(disk_);
  ARROW_ASSIGN_OR_RAISE(const auto names, db::Experiments::List(disk_, kRoot));
  const std::set<std::string> recorded(names.begin(), names.end());
  for (const auto& [labels, samples] : model_.Select({}, {})) {
    const std::string name(labels.Get(database_options_.experiment_label));
    if (name.empty() || recorded.contains(name)) continue;
    return arrow::Status::Invalid("an experiment was not recorded: name=", name);
  }
  return arrow::Status::OK();
}

/// What is known must be there, each once, in order; and nothing that was never sent.
arrow::Status Simulation::CheckExemplars() {
  const Reading reading(fault_counts_);
  SelectRequest request;
  if (is_recovered_) request = DrawRequest();
  request.sample_limit = 0;
  request.timeout_ms = 0;
  const auto answer = database_->Exemplars(request);
  if (!answer.ok()) return CheckReadFailure(answer.status());
  for (const std::string& warning : answer->warnings) {
    if (flipped_.empty()) return arrow::Status::Invalid("a warning without reason: ", warning);
  }
  std::set<SentExemplar> found;
  for (const SeriesExemplars& series : answer->series) {
    SentExemplar last;
    for (const Exemplar& each : series.exemplars) {
      SentExemplar exemplar{std::string(series.labels.bytes()), each.time_ms,
                            std::bit_cast<uint64_t>(each.value), std::string(each.labels.bytes())};
      if (!sent_exemplars_.contains(exemplar)) {
        return arrow::Status::Invalid("an exemplar that was never sent: series=",
                                      series.labels.ToString(), " time_ms=", each.time_ms);
      }
      const bool is_in_order = std::tie(last.time_ms, last.labels, last.bits) <
                               std::tie(exemplar.time_ms, exemplar.labels, exemplar.bits);
      if (!last.series.empty() && !is_in_order) {
        return arrow::Status::Invalid("exemplars out of order: series=", series.labels.ToString());
      }
      if (!request.range.Contains(each.time_ms) ||
          !Model::Matches(series.labels, request.selectors)) {
        return arrow::Status::Invalid("an exemplar that was not asked for: series=",
                                      series.labels.ToString(), " time_ms=", each.time_ms);
      }
      last = exemplar;
      found.insert(std::move(exemplar));
    }
  }
  for (const SentExemplar& known : known_exemplars_) {
    const LabelsView labels(known.series);
    if (!request.range.Contains(known.time_ms) || !Model::Matches(labels, request.selectors)) {
      continue;
    }
    if (found.contains(known) || !answer->warnings.empty()) continue;
    return arrow::Status::Invalid("an exemplar was lost: series=", labels.ToString(),
                                  " time_ms=", known.time_ms);
  }
  Count("exemplars read", std::ssize(found));
  return arrow::Status::OK();
}

arrow::Status Simulation::CheckMetadata() {
  const Reading reading(fault_counts_);
  const auto answer = database_->Metadata("");
  if (!answer.ok()) return CheckReadFailure(answer.status());
  const auto& found = *answer;
  std::set<std::pair<std::string, std::string>> entries;
  for (const MetricMetadata& entry : found) {
    entries.emplace(entry.metric, entry.help);
    if (!sent_metadata_.contains({entry.metric, entry.help})) {
      return arrow::Status::Invalid("metadata that was never sent: metric=", entry.metric);
    }
  }
  const std::vector<std::string> flipped = FlippedPaths();
  const bool is_whole = std::none_of(flipped.begin(), flipped.end(), [](const std::string& path) {
    return path.find("/metadata/") != std::string::npos;
  });
  for (const auto& known : known_metadata_) {
    if (entries.contains(known) || !is_whole) continue;
    return arrow::Status::Invalid("metadata was lost: metric=", known.first,
                                  " help=", known.second);
  }
  return arrow::Status::OK();
}

}  // namespace larnax::sim
