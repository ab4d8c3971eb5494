#include <string>
#include <vector>

#include "base/utf8.h"
#include "exec/functions/function_lists.h"
#include "exec/functions/replacement.h"
#include "exec/label_edit.h"
#include "larnax/error.h"

namespace larnax::exec {
namespace {

arrow::Status CheckLabelName(std::string_view name, std::string_view role,
                             std::string_view function) {
  if (!name.empty() && base::IsValidUtf8(name)) return arrow::Status::OK();
  return MakeError(ErrorKind::kExecution, "invalid " + std::string(role) + " label name in " +
                                              std::string(function) + "(): " + std::string(name));
}

// Sets a label of a row; one that gets a new name is no longer to lose its name.
void SetRowLabel(std::string_view name, std::string_view value, StepVector* vector, StepSeries* row,
                 std::string* bytes) {
  SetLabel(row->labels, name, value, bytes);
  row->labels = vector->StoreLabels(*bytes);
  if (name == kMetricLabel) row->drop_name = false;
}

// label_replace(v, dst, replacement, src, regex)
arrow::Result<StepVector> LabelReplace(const CallContext& call, std::vector<Argument>* arguments,
                                       Annotations*) {
  const std::string_view destination = call.strings[1];
  const std::string_view source = call.strings[3];
  ARROW_ASSIGN_OR_RAISE(const Replacement replacement,
                        Replacement::Make(call.strings[4], call.strings[2]));
  ARROW_RETURN_NOT_OK(CheckLabelName(destination, "destination", "label_replace"));
  StepVector vector = std::move((*arguments)[0].vector);
  std::string value;
  std::string bytes;
  for (StepSeries& row : vector.series) {
    ARROW_ASSIGN_OR_RAISE(const bool matches, replacement.Expand(row.labels.Get(source), &value));
    if (!matches) continue;
    SetRowLabel(destination, value, &vector, &row, &bytes);
  }
  return vector;
}

// label_join(v, dst, separator, src...)
arrow::Result<StepVector> LabelJoin(const CallContext& call, std::vector<Argument>* arguments,
                                    Annotations*) {
  const std::string_view destination = call.strings[1];
  const std::string_view separator = call.strings[2];
  for (size_t i = 3; i < call.call->args.size(); ++i) {
    ARROW_RETURN_NOT_OK(CheckLabelName(call.strings[i], "source", "label_join"));
  }
  ARROW_RETURN_NOT_OK(CheckLabelName(destination, "destination", "label_join"));
  StepVector vector = std::move((*arguments)[0].vector);
  std::string value;
  std::string bytes;
  for (StepSeries& row : vector.series) {
    value.clear();
    for (size_t i = 3; i < call.call->args.size(); ++i) {
      if (i > 3) value += separator;
      value += row.labels.Get(call.strings[i]);
      if (value.size() > kMaxLabelBytes) {
        return MakeError(ErrorKind::kLimit, "label_join() makes a label value that is too long");
      }
    }
    SetRowLabel(destination, value, &vector, &row, &bytes);
  }
  return vector;
}

constexpr Function kFunctions[] = {
    {.name = "label_replace", .vector = &LabelReplace},
    {.name = "label_join", .vector = &LabelJoin},
};

}  // namespace

std::span<const Function> LabelFunctions() { return kFunctions; }

}  // namespace larnax::exec
