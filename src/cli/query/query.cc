#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <memory>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/human.h"
#include "cli/query/answer_text.h"
#include "cli/query/graph.h"
#include "cli/query/query_client.h"
#include "cli/query/question.h"
#include "larnax/database.h"
#include "larnax/error.h"

namespace larnax::cli {
namespace {

AnswerFormat FormatOf(const std::string& name) {
  if (name == "csv") return AnswerFormat::kCsv;
  if (name == "arrow") return AnswerFormat::kArrow;
  if (name == "parquet") return AnswerFormat::kParquet;
  return AnswerFormat::kJson;
}

GraphSize SizeOfTerminal() {
  GraphSize size;
  winsize window = {};
  size.colors = isatty(STDOUT_FILENO) != 0;
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 0) {
    size.columns = window.ws_col;
    size.rows = std::max(5, window.ws_row - 6);
  }
  return size;
}

arrow::Status Print(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size()) return arrow::Status::OK();
  return arrow::Status::IOError("cannot write the answer");
}

void PrintNotes(const QueryResult& result) {
  for (const auto* notes : {&result.warnings, &result.infos}) {
    for (const std::string& note : *notes) std::fprintf(stderr, "larnax: %s\n", note.c_str());
  }
}

arrow::Status PrintForEyes(const QueryResult& result, const QueryArguments& arguments) {
  PrintNotes(result);
  if (arguments.format == "table") return Print(AnswerText(result));
  if (result.type != QueryValueType::kMatrix) {
    return MakeError(ErrorKind::kBadQuery, "a graph needs a range: give --start");
  }
  return Print(DrawGraph(result, SizeOfTerminal()));
}

arrow::Result<QueryResult> AskArchive(const QueryArguments& arguments,
                                      const QueryRequest& request) {
  DatabaseOptions options;
  options.read_only = true;
  ARROW_ASSIGN_OR_RAISE(const auto database, Database::Open(arguments.data, options));
  ARROW_ASSIGN_OR_RAISE(QueryResult result, database->Query(request));
  ARROW_ASSIGN_OR_RAISE(const DatabaseStatus status, database->Status(0));
  if (!status.writer.empty()) {
    result.warnings.insert(result.warnings.begin(), WriterWarning(status.writer));
  }
  return result;
}

arrow::Status Query(const QueryArguments& arguments) {
  ARROW_ASSIGN_OR_RAISE(const QueryRequest request, ReadQuestion(arguments, NowMs()));
  const bool for_eyes = arguments.format == "table" || arguments.format == "graph";
  const bool binary = arguments.format == "arrow" || arguments.format == "parquet";
  if (binary && isatty(STDOUT_FILENO) != 0) {
    return MakeError(ErrorKind::kBadQuery, "this format is not for a terminal: add `> FILE`");
  }
  if (!arguments.url.empty()) {
    ARROW_ASSIGN_OR_RAISE(const std::string body,
                          AskServer(arguments.url, request, for_eyes ? "json" : arguments.format));
    if (!for_eyes) return Print(body);
    ARROW_ASSIGN_OR_RAISE(const QueryResult result, ReadAnswerJson(body));
    return PrintForEyes(result, arguments);
  }
  ARROW_ASSIGN_OR_RAISE(QueryResult result, AskArchive(arguments, request));
  if (for_eyes) return PrintForEyes(result, arguments);
  if (arguments.format != "json") PrintNotes(result);  // The others have no place for them.
  const auto writer = WriteAnswer(std::move(result), FormatOf(arguments.format));
  while (true) {
    std::string piece;
    ARROW_ASSIGN_OR_RAISE(const bool more, writer->Next(&piece));
    if (!more) break;
    ARROW_RETURN_NOT_OK(Print(piece));
  }
  return arguments.format == "json" ? Print("\n") : arrow::Status::OK();
}

arrow::Status Explain(const QueryArguments& arguments) {
  ARROW_ASSIGN_OR_RAISE(QueryRequest request, ReadQuestion(arguments, NowMs()));
  request.explain = arguments.analyze ? QueryExplain::kAnalyze : QueryExplain::kPlan;
  ARROW_ASSIGN_OR_RAISE(const QueryResult result, AskArchive(arguments, request));
  PrintNotes(result);
  return Print(PlanText(result, arguments.analyze));
}

}  // namespace

int RunQuery(const QueryArguments& arguments) {
  const arrow::Status status = Query(arguments);
  return status.ok() ? kOk : Fail(status);
}

int RunExplain(const ExplainArguments& arguments) {
  const arrow::Status status = Explain(arguments.query);
  return status.ok() ? kOk : Fail(status);
}

}  // namespace larnax::cli
