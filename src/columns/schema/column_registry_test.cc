#include "columns/schema/column_registry.h"

#include <gtest/gtest.h>

#include "larnax/error.h"

namespace larnax::columns {
namespace {

TEST(ColumnRegistry, NamesColumnsLikeTheirLabels) {
  ColumnRegistry registry;
  EXPECT_EQ(*registry.Assign("job"), "job");
  EXPECT_EQ(*registry.Assign("größe"), "größe");
  EXPECT_EQ(*registry.Assign("job"), "job");
  EXPECT_EQ(registry.entries().size(), 2u);
  EXPECT_EQ(*registry.Find("job"), "job");
  EXPECT_EQ(registry.Find("other"), nullptr);
  EXPECT_EQ(registry.Assign("__name__"), nullptr);
  EXPECT_EQ(registry.Assign(""), nullptr);
}

TEST(ColumnRegistry, EscapesReservedNames) {
  ColumnRegistry registry;
  for (const char* name :
       {"metric", "series_id", "timestamp", "value", "stale", "start_timestamp", "other_labels",
        "date", "filename", "file_row_number", "experiment", "elapsed", "Value", "DATE"}) {
    EXPECT_NE(*registry.Assign(name), name);
    EXPECT_EQ(registry.Find(name)->find(name), 0u);
  }
  EXPECT_EQ(*registry.Find("date"), "date_label");
  EXPECT_EQ(*registry.Find("DATE"), "DATE_label2");
}

TEST(ColumnRegistry, EscapesNamesThatDifferInCaseOnly) {
  ColumnRegistry registry;
  EXPECT_EQ(*registry.Assign("Pod"), "Pod");
  EXPECT_EQ(*registry.Assign("pod_label"), "pod_label");
  EXPECT_EQ(*registry.Assign("pod"), "pod_label2");
  EXPECT_EQ(*registry.Assign("POD"), "POD_label3");
  EXPECT_EQ(*registry.Assign("key"), "key");
  EXPECT_EQ(*registry.Assign("\u212Aey"), "\u212Aey_label");  // Kelvin sign
  EXPECT_EQ(*registry.Assign("größe"), "größe");
  EXPECT_EQ(*registry.Assign("GRÖSSE"), "GRÖSSE");  // Not the same in simple folding.
  EXPECT_EQ(*registry.Assign("GRÖẞE"), "GRÖẞE_label");
  EXPECT_EQ(*registry.Assign("имя"), "имя");
  EXPECT_EQ(*registry.Assign("ИМЯ"), "ИМЯ_label");
  EXPECT_EQ(*registry.Assign("ın"), "ın");
  EXPECT_EQ(*registry.Assign("in"), "in_label");
  EXPECT_EQ(*registry.Assign("\u0130n"), "\u0130n_label2");
}

TEST(ColumnRegistry, StopsAtTheCap) {
  ColumnRegistry registry(2);
  EXPECT_NE(registry.Assign("a"), nullptr);
  EXPECT_NE(registry.Assign("b"), nullptr);
  EXPECT_EQ(registry.Assign("c"), nullptr);
  EXPECT_EQ(*registry.Assign("a"), "a");
  EXPECT_EQ(ColumnRegistry(0).Assign("a"), nullptr);
}

TEST(ColumnRegistry, RestoresWhatItHeld) {
  ColumnRegistry registry;
  for (const char* name : {"job", "Job", "value", "имя"}) registry.Assign(name);
  const auto restored = ColumnRegistry::Restore(registry.entries(), 2);
  ASSERT_TRUE(restored.ok());
  EXPECT_EQ(restored->entries(), registry.entries());
  ColumnRegistry copy = *restored;
  EXPECT_EQ(copy.Assign("new"), nullptr);
  EXPECT_EQ(*copy.Assign("value"), "value_label");
}

TEST(ColumnRegistry, RefusesADamagedRegistry) {
  for (const std::vector<ColumnName>& entries : {std::vector<ColumnName>{{"a", "a"}, {"a", "b"}},
                                                 {{"a", "x"}, {"b", "X"}},
                                                 {{"a", "timestamp"}},
                                                 {{"", "a"}},
                                                 {{"a", ""}},
                                                 {{"__name__", "name"}}}) {
    EXPECT_EQ(KindOf(ColumnRegistry::Restore(entries).status()), ErrorKind::kCorrupt);
  }
}

}  // namespace
}  // namespace larnax::columns
