#include "wire/exposition/text_encoder.h"

#include <algorithm>

#include "larnax/format.h"

namespace larnax::wire {

namespace {

constexpr std::string_view kTotal = "_total";

bool IsPlainName(std::string_view name, bool colons) {
  const auto is_letter = [colons](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (colons && c == ':');
  };
  return !name.empty() && is_letter(name[0]) && std::all_of(name.begin(), name.end(), [&](char c) {
    return is_letter(c) || (c >= '0' && c <= '9');
  });
}

void AppendEscaped(std::string_view text, bool quotes, std::string* out) {
  for (const char c : text) {
    if (c == '\\' || (c == '"' && quotes)) out->push_back('\\');
    if (c == '\n') {
      out->append("\\n");
    } else {
      out->push_back(c);
    }
  }
}

void AppendQuoted(std::string_view text, std::string* out) {
  out->push_back('"');
  AppendEscaped(text, true, out);
  out->push_back('"');
}

void AppendName(std::string_view name, bool colons, std::string* out) {
  if (IsPlainName(name, colons)) {
    out->append(name);
  } else {
    AppendQuoted(name, out);
  }
}

}  // namespace

void ExpositionWriter::Comment(std::string_view keyword, std::string_view name,
                               std::string_view text) {
  out_->append("# ").append(keyword).push_back(' ');
  AppendName(name, true, out_);
  out_->push_back(' ');
  out_->append(text).push_back('\n');
}

void ExpositionWriter::Family(const DecodedMetadata& metadata) {
  const bool open_metrics = format_ == ExpositionFormat::kOpenMetrics;
  std::string_view name = metadata.metric;
  MetricType type = metadata.type;
  if (open_metrics && type == MetricType::kCounter) {
    if (name.ends_with(kTotal)) {
      name.remove_suffix(kTotal.size());
    } else {
      type = MetricType::kUnknown;  // A counter must end in _total there.
    }
  }
  std::string_view type_name = MetricTypeName(type);
  if (!open_metrics) {
    const bool known = type == MetricType::kCounter || type == MetricType::kGauge ||
                       type == MetricType::kHistogram || type == MetricType::kSummary;
    if (!known) type_name = "untyped";
  }
  if (!metadata.help.empty()) {
    std::string help;
    AppendEscaped(metadata.help, open_metrics, &help);
    Comment("HELP", name, help);
  }
  Comment("TYPE", name, type_name);
  const bool has_unit = !metadata.unit.empty() && name.size() > metadata.unit.size() &&
                        name.ends_with(metadata.unit) &&
                        name[name.size() - metadata.unit.size() - 1] == '_';
  if (open_metrics && has_unit) Comment("UNIT", name, metadata.unit);
}

void ExpositionWriter::Sample(LabelsView labels, double value, std::optional<int64_t> time_ms) {
  const std::string_view metric = labels.metric();
  bool open = false;
  if (IsPlainName(metric, true)) {
    out_->append(metric);
  } else {
    out_->push_back('{');
    AppendQuoted(metric, out_);
    open = true;
  }
  for (const Label& label : labels) {
    if (label.name == kMetricLabel) continue;
    out_->push_back(open ? ',' : '{');
    open = true;
    AppendName(label.name, false, out_);
    out_->push_back('=');
    AppendQuoted(label.value, out_);
  }
  if (open) out_->push_back('}');
  out_->push_back(' ');
  AppendValue(value, out_);
  if (time_ms) {
    out_->push_back(' ');
    if (format_ == ExpositionFormat::kOpenMetrics) {
      AppendSeconds(*time_ms, out_);
    } else {
      out_->append(std::to_string(*time_ms));
    }
  }
  out_->push_back('\n');
}

void ExpositionWriter::Finish() {
  if (format_ == ExpositionFormat::kOpenMetrics) out_->append("# EOF\n");
}

}  // namespace larnax::wire
