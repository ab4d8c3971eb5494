#include "columns/format/schema_tree.h"

#include <utility>

#include "larnax/error.h"
#include "larnax/version.h"

namespace larnax::columns {
namespace {

arrow::Status CorruptSchema(const char* what) {
  return MakeError(ErrorKind::kCorrupt, std::string("bad Parquet schema: ") + what);
}

}  // namespace

SchemaNode MakeLeaf(std::string_view name, PhysicalType type, Repetition repetition,
                    LogicalType logical) {
  return {std::string(name), repetition, type, logical, 0};
}

SchemaNode MakeRoot(size_t num_children) {
  return {"schema", Repetition::kRequired, std::nullopt, LogicalType::kNone,
          static_cast<int32_t>(num_children)};
}

arrow::Result<std::vector<SchemaLeaf>> LeavesOf(std::span<const SchemaNode> schema) {
  struct Open {
    SchemaLeaf state;
    int32_t children_left;
  };
  if (schema.empty() || schema[0].type.has_value()) return CorruptSchema("no root");
  std::vector<SchemaLeaf> leaves;
  std::vector<Open> open{{{}, schema[0].num_children}};
  for (size_t i = 1; i < schema.size(); ++i) {
    while (!open.empty() && open.back().children_left == 0) open.pop_back();
    if (open.empty() || open.back().children_left < 0 || open.size() > 16) {
      return CorruptSchema("not a tree");
    }
    --open.back().children_left;
    const SchemaNode& node = schema[i];
    SchemaLeaf leaf = open.back().state;
    leaf.path.push_back(node.name);
    if (node.repetition != Repetition::kRequired) ++leaf.max_definition;
    if (node.repetition == Repetition::kRepeated) ++leaf.max_repetition;
    if (node.type.has_value()) {
      leaf.type = *node.type;
      leaf.logical = node.logical;
      leaves.push_back(std::move(leaf));
    } else {
      open.push_back({std::move(leaf), node.num_children});
    }
  }
  while (!open.empty() && open.back().children_left == 0) open.pop_back();
  if (!open.empty()) return CorruptSchema("not a tree");
  return leaves;
}

std::string CreatedBy() {
  return std::string("larnax version ") + Version() + " (build " + Revision() + ")";
}

}  // namespace larnax::columns
