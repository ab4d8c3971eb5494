#include "wire/label_bytes.h"

#include <string>
#include <vector>

#include "test/matchers.h"

namespace larnax::wire {
namespace {

using test::HasMessage;
using test::IsKind;
using test::IsOk;

std::string LabelBytes(const std::vector<Label>& labels) {
  std::string out;
  for (const Label& label : labels) AppendLabel(label.name, label.value, &out);
  return out;
}

RejectReason ReasonFor(const std::vector<Label>& labels) {
  RejectReason reason = RejectReason::kNone;
  EXPECT_THAT(CanonicalLabels(LabelBytes(labels), &reason), IsKind(ErrorKind::kBadSample));
  EXPECT_FALSE(IsCanonical(LabelBytes(labels)));
  return reason;
}

TEST(LabelBytes, AgreeWithTheModel) {
  const std::string long_value(5000, 'v');
  ASSERT_OK_AND_ASSIGN(const Labels labels,
                       Labels::Make({{"__name__", "up"}, {"a", long_value}, {"b", "ü"}}));
  EXPECT_TRUE(IsCanonical(labels.bytes()));
  EXPECT_EQ(labels.bytes(), LabelBytes({{"__name__", "up"}, {"a", long_value}, {"b", "ü"}}));
}

TEST(CanonicalLabels, SortsAndDropsEmptyValues) {
  const std::string raw =
      LabelBytes({{"zone", "1"}, {"empty", ""}, {"__name__", "up"}, {"A", "x"}});
  EXPECT_FALSE(IsCanonical(raw));
  ASSERT_OK_AND_ASSIGN(const Labels labels, CanonicalLabels(raw));
  EXPECT_EQ(labels.bytes(), LabelBytes({{"A", "x"}, {"__name__", "up"}, {"zone", "1"}}));
  EXPECT_TRUE(IsCanonical(labels.bytes()));
}

TEST(CanonicalLabels, NamesEachReason) {
  EXPECT_EQ(ReasonFor({{"job", "x"}}), RejectReason::kNoMetricName);
  EXPECT_EQ(ReasonFor({}), RejectReason::kNoMetricName);
  EXPECT_EQ(ReasonFor({{"__name__", ""}, {"job", "x"}}), RejectReason::kNoMetricName);
  EXPECT_EQ(ReasonFor({{"", "x"}, {"__name__", "up"}}), RejectReason::kEmptyLabelName);
  EXPECT_EQ(ReasonFor({{"__name__", "up"}, {"a", "1"}, {"b", "2"}, {"a", "1"}}),
            RejectReason::kRepeatedLabelName);
  EXPECT_EQ(ReasonFor({{"__name__", "up"}, {"a", "\xff"}}), RejectReason::kInvalidUtf8);
  EXPECT_EQ(ReasonFor({{"__name__", "up"}, {"\xed\xa0\x80", "x"}}), RejectReason::kInvalidUtf8);
}

TEST(CanonicalLabels, MessagesNameTheSeriesInValidUtf8) {
  const auto result = CanonicalLabels(LabelBytes({{"__name__", "up"}, {"a", "x\xff"}}));
  EXPECT_THAT(result,
              HasMessage("invalid UTF-8: label=\"a\" value=\"x\xef\xbf\xbd\" metric=\"up\""));
  EXPECT_THAT(CanonicalLabels(LabelBytes({{"job", "node"}})),
              HasMessage("no metric name: labels={job=\"node\"}"));
}

TEST(CanonicalLabels, RefusesBytesOfAnotherForm) {
  const std::string good = LabelBytes({{"__name__", "up"}, {"job", "node"}});
  for (size_t size = 1; size < good.size(); ++size) {
    if (size == good.find("\n\x0b\n\x03job")) continue;  // Between the two labels.
    EXPECT_FALSE(IsCanonical(good.substr(0, size))) << size;
    EXPECT_THAT(CanonicalLabels(good.substr(0, size)), HasMessage("malformed"));
  }
  // A size in two bytes where one does.
  std::string padded = good;
  padded[1] = static_cast<char>(padded[1] | 0x80);
  padded.insert(2, 1, '\0');
  EXPECT_FALSE(IsCanonical(padded));
}

TEST(CanonicalExemplarLabels, NeedNoMetricName) {
  ASSERT_OK_AND_ASSIGN(const Labels labels,
                       CanonicalExemplarLabels(LabelBytes({{"trace_id", "1"}, {"a", "2"}})));
  EXPECT_EQ(labels.bytes(), LabelBytes({{"a", "2"}, {"trace_id", "1"}}));
  EXPECT_OK(CanonicalExemplarLabels({}));
  EXPECT_THAT(CanonicalExemplarLabels(LabelBytes({{"a", "1"}, {"a", "2"}})),
              IsKind(ErrorKind::kBadSample));
}

}  // namespace
}  // namespace larnax::wire
