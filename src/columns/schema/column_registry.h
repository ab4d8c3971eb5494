#pragma once

#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <arrow/result.h>

namespace larnax::columns {

/// One label and the Parquet column that holds it.
struct ColumnName {
  std::string label;   ///< True name of the label, any UTF-8; never `__name__`.
  std::string column;  ///< Name of its column; equal to `label` but for escaped ones.

  friend bool operator==(const ColumnName&, const ColumnName&) = default;
};

/// Columns that an archive gives to labels unless told otherwise.
inline constexpr int kDefaultMaxColumns = 256;

/// Which label lives in which column of an archive. Grows only: a label that has a column keeps it,
/// and a label without one (the cap was reached) lives in `other_labels`.
///
/// `__name__` is the column `metric` and not in the registry. A name that is reserved or equals an
/// assigned column when case is ignored gets `<name>_label`, then `<name>_label2`, ...: it depends
/// only on the names assigned before. Not safe to change from two threads; copies are independent.
class ColumnRegistry {
 public:
  explicit ColumnRegistry(int max_columns = kDefaultMaxColumns) : max_columns_(max_columns) {}

  /// Build from the entries of an earlier registry, in their order. More entries than
  /// `max_columns` are kept; only new ones are then refused.
  ///
  /// \retval kCorrupt A label or (case ignored) a column occurs twice, or a column is reserved.
  static arrow::Result<ColumnRegistry> Restore(std::vector<ColumnName> entries,
                                               int max_columns = kDefaultMaxColumns);

  /// Find the column of a label; nullptr when it has none: it lives in `other_labels`, if at all.
  /// The pointer is valid until the registry changes.
  const std::string* Find(std::string_view label) const;
  /// Find the column of a label or give it one; nullptr when the cap is reached, and for
  /// `__name__` and the empty name.
  const std::string* Assign(std::string_view label);
  /// All entries in the order of their assignment.
  const std::vector<ColumnName>& entries() const { return entries_; }
  int max_columns() const { return max_columns_; }

 private:
  bool IsFree(const std::string& column) const;
  void Add(ColumnName entry);

  int max_columns_;
  std::vector<ColumnName> entries_;
  std::map<std::string, size_t, std::less<>> by_label_;  // Index into entries_.
  std::unordered_set<std::string> taken_;                // Folded column names.
};

/// Fold a column name so that names which any reader may take for the same fold alike. Folds more
/// than DuckDB (ASCII) and Spark (Java's toLowerCase) do; see docs/format/parquet.md.
std::string FoldColumnName(std::string_view name);

/// Tell whether a name is one of the archive's own columns or reserved for readers, case ignored.
bool IsReservedColumn(std::string_view name);

}  // namespace larnax::columns
