// An archive that is read without a server: beside one, and after one that was killed.

#include <string>
#include <vector>

#include "db/database_fixture.h"

namespace larnax::db {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class ReadOnlyTest : public DatabaseTest {
 protected:
  arrow::Result<std::unique_ptr<DatabaseImpl>> OpenReader() {
    DatabaseOptions options = options_;
    options.read_only = true;
    return DatabaseImpl::Open(TheEnvironment(), kRoot, options, {});
  }
  // One sample in files and two, of an old and a new series, in the log only; then the power goes.
  void WriteAndCrash() {
    ASSERT_OK(Open());
    ASSERT_OK(Write({{"a{job=\"x\"}", now_ms_, 1}}));
    ASSERT_OK(database_->Flush());
    ASSERT_OK(Write({{"a{job=\"x\"}", now_ms_ + 1, 2}, {"b{zone=\"z\"}", now_ms_, 3}}));
    Crash();
  }
  std::string LogPath() { return io::JoinPath(kRoot, "wal/samples/" + NamesIn("wal/samples")[0]); }

  const Content all_ = {{"a{job=\"x\"}", {{now_ms_, 1}, {now_ms_ + 1, 2}}},
                        {"b{zone=\"z\"}", {{now_ms_, 3}}}};
};

TEST_F(ReadOnlyTest, WhatAServerTookBeforeItDiedIsThere) {
  WriteAndCrash();
  const auto log_before = NamesIn("wal/samples");
  const auto bytes_before = io::ReadFile(fs_, LogPath()).ValueOrDie();
  ASSERT_OK_AND_ASSIGN(const auto reader, OpenReader());
  EXPECT_EQ(ReadFrom(*reader), all_);
  EXPECT_THAT(reader->LabelNames({}).ValueOrDie().names, ElementsAre("__name__", "job", "zone"));
  EXPECT_THAT(reader->LabelValues("__name__", {}).ValueOrDie().names, ElementsAre("a", "b"));
  EXPECT_EQ(reader->Series({}).ValueOrDie().series.size(), 2u);
  QueryRequest query;
  query.text = "b";
  query.start_ms = query.end_ms = now_ms_ + 1;
  ASSERT_OK_AND_ASSIGN(const QueryResult result, reader->Query(query));
  EXPECT_EQ(result.series.size(), 1u);
  EXPECT_THAT(result.warnings, IsEmpty());
  EXPECT_EQ(reader->Status(0).ValueOrDie().writer, "");
  // It is for who comes next as it was.
  EXPECT_EQ(NamesIn("wal/samples"), log_before);
  EXPECT_EQ(io::ReadFile(fs_, LogPath()).ValueOrDie(), bytes_before);
  ASSERT_OK(Open());
  EXPECT_EQ(Read(), all_);
}

TEST_F(ReadOnlyTest, AReaderGoesWithWritersThatComeAndGo) {
  WriteAndCrash();
  ASSERT_OK_AND_ASSIGN(const auto reader, OpenReader());
  EXPECT_EQ(ReadFrom(*reader), all_);
  options_.address = "127.0.0.1:9797";
  ASSERT_OK(Open());
  EXPECT_EQ(reader->Status(0).ValueOrDie().writer, "127.0.0.1:9797");
  EXPECT_EQ(database_->Status(0).ValueOrDie().writer, "");
  // What it has is its own until it is in files.
  EXPECT_EQ(ReadFrom(*reader), (Content{{"a{job=\"x\"}", {{now_ms_, 1}}}}));
  ASSERT_OK(Write({{"b{zone=\"z\"}", now_ms_, 4}}));  // Another value for the same time.
  ASSERT_OK(database_->Flush());
  EXPECT_EQ(ReadFrom(*reader).at("b{zone=\"z\"}").at(now_ms_), 4);
  ASSERT_OK(Write({{"b{zone=\"z\"}", now_ms_, 5}}));
  Crash();
  EXPECT_EQ(ReadFrom(*reader).at("b{zone=\"z\"}").at(now_ms_), 5);
}

// Also where it brought nothing into files, so that the log begins where it did.
TEST_F(ReadOnlyTest, AWriterThatCameAndDiedBetweenTwoReadsIsNoticed) {
  WriteAndCrash();
  ASSERT_OK_AND_ASSIGN(const auto reader, OpenReader());
  EXPECT_EQ(ReadFrom(*reader), all_);
  ASSERT_OK(Open());
  ASSERT_OK(Write({{"b{zone=\"z\"}", now_ms_ + 1, 4}}));
  Crash();
  EXPECT_EQ(ReadFrom(*reader).at("b{zone=\"z\"}").at(now_ms_ + 1), 4);
}

TEST_F(ReadOnlyTest, ALogThatCannotBeReadIsTold) {
  WriteAndCrash();
  ASSERT_OK_AND_ASSIGN(const auto bytes, io::ReadFile(fs_, LogPath()));
  // In the midst of its records: what follows was acknowledged.
  ASSERT_OK(fs_.Corrupt(LogPath(), static_cast<int64_t>(bytes.size() / 2)));
  ASSERT_OK_AND_ASSIGN(const auto reader, OpenReader());
  ASSERT_OK_AND_ASSIGN(const auto stream, reader->Select({}));
  EXPECT_THAT(stream->warnings(), ElementsAre(HasSubstr("wal/samples")));
  EXPECT_EQ(ReadFrom(*reader), (Content{{"a{job=\"x\"}", {{now_ms_, 1}}}}));
  EXPECT_THAT(reader->LabelNames({}).ValueOrDie().warnings, ElementsAre(HasSubstr("wal/samples")));
  QueryRequest query;
  query.text = "a";
  query.start_ms = query.end_ms = now_ms_ + 1;
  EXPECT_THAT(reader->Query(query).ValueOrDie().warnings, ElementsAre(HasSubstr("wal/samples")));
}

}  // namespace
}  // namespace larnax::db
