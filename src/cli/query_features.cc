#include "cli/query_features.h"

#include <algorithm>
#include <iterator>

#include "larnax/error.h"

namespace larnax::cli {
namespace {

struct Feature {
  std::string_view name;
  bool QueryFeatures::* enabled;
};

constexpr Feature kFeatures[] = {
    {"promql-experimental-functions", &QueryFeatures::experimental_functions},
    {"promql-extended-range-selectors", &QueryFeatures::extended_range_selectors},
    {"promql-binop-fill-modifiers", &QueryFeatures::binop_fill_modifiers},
    {"promql-delayed-name-removal", &QueryFeatures::delayed_name_removal},
    {"use-start-timestamps", &QueryFeatures::use_start_timestamps},
    {"type-and-unit-labels", &QueryFeatures::type_and_unit_labels},
    {"promql-per-step-stats", &QueryFeatures::per_step_stats},
    // On without it, as in Prometheus.
    {"promql-duration-expr", nullptr},
};

}  // namespace

arrow::Status EnableQueryFeatures(std::string_view names, QueryFeatures* features) {
  while (!names.empty()) {
    const std::string_view name = names.substr(0, names.find(','));
    names.remove_prefix(std::min(names.size(), name.size() + 1));
    const auto* feature = std::find_if(std::begin(kFeatures), std::end(kFeatures),
                                       [&](const Feature& f) { return f.name == name; });
    if (feature == std::end(kFeatures)) {
      return MakeError(ErrorKind::kBadQuery, "no such feature: " + std::string(name));
    }
    if (feature->enabled != nullptr) features->*feature->enabled = true;
  }
  return arrow::Status::OK();
}

std::string NamesOf(const QueryFeatures& features) {
  std::string names;
  for (const Feature& feature : kFeatures) {
    if (feature.enabled == nullptr || !(features.*feature.enabled)) continue;
    names.append(names.empty() ? "" : ",").append(feature.name);
  }
  return names;
}

}  // namespace larnax::cli
