#include "http/message/params.h"

#include "larnax/error.h"
#include "test/matchers.h"

namespace larnax::http {
namespace {

using testing::ElementsAre;

TEST(PercentDecode, Decodes) {
  EXPECT_EQ(PercentDecode("a%20b%2Fc", false).ValueOrDie(), "a b/c");
  EXPECT_EQ(PercentDecode("%c3%B6", false).ValueOrDie(), "ö");
  EXPECT_EQ(PercentDecode("a+b", false).ValueOrDie(), "a+b");
  EXPECT_EQ(PercentDecode("a+b", true).ValueOrDie(), "a b");
  EXPECT_EQ(PercentDecode("%00", false).ValueOrDie(), std::string(1, '\0'));
}

TEST(PercentDecode, RefusesBadEscapes) {
  for (const char* text : {"%", "%1", "a%zz", "%g0", "100%"}) {
    EXPECT_THAT(PercentDecode(text, true), test::IsKind(ErrorKind::kBadQuery)) << text;
  }
  EXPECT_THAT(PercentDecode("a%zzb", true), test::HasMessage("invalid URL escape \"%zz\""));
}

TEST(DecodeNameEscapes, FollowsPrometheus) {
  EXPECT_EQ(DecodeNameEscapes("job"), "job");
  EXPECT_EQ(DecodeNameEscapes("U__http_2e_status"), "http.status");
  EXPECT_EQ(DecodeNameEscapes("U__a__b"), "a_b");
  EXPECT_EQ(DecodeNameEscapes("U__gr_f6__df_e"), "größe");
  EXPECT_EQ(DecodeNameEscapes("U___1F600_"), "😀");
  EXPECT_EQ(DecodeNameEscapes("U__"), "");
}

TEST(DecodeNameEscapes, LeavesWhatIsMalformed) {
  for (const char* text : {"U__a_", "U__a_2e", "U__a_xyz_", "U__a_1234567_", "U__a_d800_",
                           "U__a_110000_", "U_a_2e_", "u__a_2e_"}) {
    EXPECT_EQ(DecodeNameEscapes(text), text);
  }
}

TEST(Params, KeepsOrderAndRepeats) {
  Params params;
  ASSERT_OK(params.Add("match[]=a&start=1&match%5B%5D=b%26c&&empty=&bare"));
  ASSERT_OK(params.Add("start=2&match[]=d"));
  EXPECT_EQ(params.First("start"), "1");
  EXPECT_THAT(params.All("match[]"), ElementsAre("a", "b&c", "d"));
  EXPECT_EQ(params.First("empty"), "");
  EXPECT_THAT(params.All("bare"), ElementsAre(""));
  EXPECT_THAT(params.All("none"), ElementsAre());
}

TEST(Params, RefusesWhatGoRefuses) {
  Params params;
  EXPECT_THAT(params.Add("a=1;b=2"), test::HasMessage("semicolon"));
  EXPECT_THAT(params.Add("a=%zz"), test::IsKind(ErrorKind::kBadQuery));
  EXPECT_THAT(params.Add("%zz=a"), test::IsKind(ErrorKind::kBadQuery));
}

}  // namespace
}  // namespace larnax::http
