// Runs test/ingest/remote_write/<case>.in and compares with <case>.want. With LARNAX_REGENERATE set
// it writes the .want files, and the bodies as the corpus of the fuzz target, instead.
//
// A case is the description of one request, line by line:
//
//   content-type TYPE | content-encoding NAME | limit BYTES
//   series NAME=VALUE ...              labels as they are sent; names and values may be quoted
//   sample TIME VALUE [START]          value: a number, `stale` or `bits:HEX`
//   histogram KEY=VALUE ...            see HistogramOf; lists with commas, spans as OFFSET:LENGTH
//   exemplar TIME VALUE NAME=VALUE ...
//   metadata METRIC TYPE HELP UNIT
//   bytes HEX ...                      appended to the message
//   cut BYTES                          taken off its end
//   body HEX ...                       sent in place of the compressed message

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "larnax/format.h"
#include "larnax/samples.h"
#include "test/matchers.h"
#include "wire/label_bytes.h"
#include "wire/remote_write/decoder.h"
#include "wire/remote_write/encoder.h"
#include "wire/remote_write/negotiation.h"

namespace larnax::wire {
namespace {

namespace fs = std::filesystem;

const fs::path kCases = fs::path(LARNAX_SOURCE_DIR) / "test/ingest/remote_write";
const fs::path kCorpus = fs::path(LARNAX_SOURCE_DIR) / "fuzz/corpus/remote_write";

std::string ReadFile(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

void WriteFile(const fs::path& path, std::string_view text) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

// Words of a line; quotes keep blanks and know \n \t \\ \" \xHH.
std::vector<std::string> Words(const std::string& line) {
  std::vector<std::string> words;
  bool in_word = false;
  bool quoted = false;
  for (size_t i = 0; i < line.size(); ++i) {
    char c = line[i];
    if (!quoted && c == ' ') {
      in_word = false;
      continue;
    }
    if (!in_word) words.emplace_back();
    in_word = true;
    if (c == '"') {
      quoted = !quoted;
      continue;
    }
    if (quoted && c == '\\') {
      c = line[++i];
      if (c == 'n') c = '\n';
      if (c == 'x') {
        c = static_cast<char>(std::stoi(line.substr(i + 1, 2), nullptr, 16));
        i += 2;
      }
    }
    words.back().push_back(c);
  }
  return words;
}

std::pair<std::string, std::string> Split(const std::string& word, char separator) {
  const size_t at = word.find(separator);
  return {word.substr(0, at), at == std::string::npos ? "" : word.substr(at + 1)};
}

std::string LabelsOf(const std::vector<std::string>& words, size_t first) {
  std::string bytes;
  for (size_t i = first; i < words.size(); ++i) {
    const auto [name, value] = Split(words[i], '=');
    AppendLabel(name, value, &bytes);
  }
  return bytes;
}

double ValueOf(const std::string& word) {
  if (word == "stale") return std::bit_cast<double>(kStaleBits);
  if (word.starts_with("bits:")) {
    return std::bit_cast<double>(std::stoull(word.substr(5), nullptr, 16));
  }
  return std::strtod(word.c_str(), nullptr);
}

std::string HexOf(const std::vector<std::string>& words) {
  std::string bytes;
  for (size_t i = 1; i < words.size(); ++i) {
    bytes.push_back(static_cast<char>(std::stoi(words[i], nullptr, 16)));
  }
  return bytes;
}

template <typename T, typename Parse>
std::vector<T> ListOf(const std::string& text, Parse parse) {
  std::vector<T> list;
  std::istringstream items(text);
  for (std::string item; std::getline(items, item, ',');) list.push_back(parse(item));
  return list;
}

HistogramFields HistogramOf(const std::vector<std::string>& words) {
  std::map<std::string, std::string> given;
  for (size_t i = 1; i < words.size(); ++i) given.insert(Split(words[i], '='));
  const auto number = [&](const char* key) { return std::atoll(given[key].c_str()); };
  const auto real = [&](const char* key) { return ValueOf(given[key]); };
  const auto spans = [&](const char* key) {
    return ListOf<BucketSpan>(given[key], [](const std::string& item) {
      const auto [offset, length] = Split(item, ':');
      return BucketSpan{std::stoi(offset), static_cast<uint32_t>(std::stoul(length))};
    });
  };
  const auto deltas = [&](const char* key) {
    return ListOf<int64_t>(given[key], [](const std::string& item) { return std::stoll(item); });
  };
  const auto reals = [&](const char* key) { return ListOf<double>(given[key], ValueOf); };
  HistogramFields fields;
  fields.is_float = given.contains("float");
  fields.time_ms = number("time");
  fields.count_int = static_cast<uint64_t>(number("count"));
  fields.count_float = real("count");
  fields.sum = real("sum");
  fields.schema = static_cast<int32_t>(number("schema"));
  fields.zero_threshold = real("threshold");
  fields.zero_count_int = static_cast<uint64_t>(number("zero"));
  fields.zero_count_float = real("zero");
  fields.positive_spans = spans("spans");
  fields.positive_deltas = deltas("deltas");
  fields.positive_counts = reals("counts");
  fields.negative_spans = spans("negative_spans");
  fields.negative_deltas = deltas("negative_deltas");
  fields.negative_counts = reals("negative_counts");
  fields.custom_bounds = reals("bounds");
  fields.start_ms = number("start");
  return fields;
}

struct Case {
  std::string content_type;
  std::string content_encoding = "snappy";
  size_t limit_bytes = size_t{1} << 20;
  std::string body;
};

class CaseReader {
 public:
  Case Read(const std::string& text) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      const auto words = Words(line);
      if (!words.empty() && !words[0].starts_with("#")) ReadLine(words);
    }
    std::string message(encoder().Finish());
    message.resize(message.size() - std::min(cut_, message.size()));
    message += bytes_;
    // An encoding that is not known is refused before the body is looked at.
    const auto encoding = NegotiateEncoding(case_.content_encoding);
    Compress(encoding.ValueOr(BodyEncoding::kIdentity), message, &case_.body);
    if (body_) case_.body = *body_;
    return case_;
  }

 private:
  RequestEncoder& encoder() {
    if (!encoder_) {
      encoder_.emplace(NegotiateVersion(case_.content_type).ValueOr(WriteVersion::kV1));
    }
    return *encoder_;
  }

  void ReadLine(const std::vector<std::string>& words) {
    const std::string& keyword = words[0];
    if (keyword == "content-type") {
      case_.content_type = words[1];
    } else if (keyword == "content-encoding") {
      case_.content_encoding = words[1];
    } else if (keyword == "limit") {
      case_.limit_bytes = std::stoul(words[1]);
    } else if (keyword == "series") {
      encoder().BeginSeries(LabelsOf(words, 1));
    } else if (keyword == "sample") {
      encoder().AddSample(std::stoll(words[1]), ValueOf(words[2]),
                          words.size() > 3 ? std::stoll(words[3]) : 0);
    } else if (keyword == "histogram") {
      encoder().AddHistogram(EncodeHistogram(HistogramOf(words)));
    } else if (keyword == "exemplar") {
      encoder().AddExemplar(LabelsOf(words, 3), ValueOf(words[2]), std::stoll(words[1]));
    } else if (keyword == "metadata") {
      int type = 0;
      while (type < 7 && words[2] != MetricTypeName(static_cast<MetricType>(type))) ++type;
      encoder().AddMetadata({words[1], static_cast<MetricType>(type), words[3], words[4]});
    } else if (keyword == "bytes") {
      bytes_ += HexOf(words);
    } else if (keyword == "cut") {
      cut_ = std::stoul(words[1]);
    } else if (keyword == "body") {
      body_ = HexOf(words);
    } else {
      ADD_FAILURE() << "unknown keyword: " << keyword;
    }
  }

  Case case_;
  std::optional<RequestEncoder> encoder_;
  std::string bytes_;
  size_t cut_ = 0;
  std::optional<std::string> body_;
};

std::string ShowError(const arrow::Status& status) {
  const char* kind = "other";
  if (KindOf(status) == ErrorKind::kBadSample) kind = "bad sample";
  if (KindOf(status) == ErrorKind::kTooLarge) kind = "too large";
  if (KindOf(status) == ErrorKind::kUnsupported) kind = "unsupported";
  return std::string("refused, ") + kind + ": " + status.message() + "\n";
}

std::string ShowValue(double value) {
  const auto bits = std::bit_cast<uint64_t>(value);
  if (bits == kStaleBits) return "stale";
  std::string text;
  if (value != value) {
    char hex[24];
    std::snprintf(hex, sizeof hex, "bits:%016llx", static_cast<unsigned long long>(bits));
    return hex;
  }
  AppendValue(value, &text);
  return text;
}

void ShowSeries(const WriteRequest& request, const DecodedSeries& series, std::ostream& out) {
  const auto labels = CanonicalLabels(series.labels);
  if (labels.ok()) {
    out << "series " << labels->ToString() << "\n";
  } else {
    out << "series refused: " << labels.status().message() << "\n";
  }
  for (uint32_t i = 0; i < series.sample_count; ++i) {
    const size_t at = series.first_sample + i;
    out << "  sample " << request.time_ms[at] << " " << ShowValue(request.value[at]);
    if (!request.start_ms.empty()) out << " start=" << request.start_ms[at];
    out << "\n";
  }
  for (uint32_t i = 0; i < series.histogram_count; ++i) {
    const DecodedHistogram& histogram = request.histograms[series.first_histogram + i];
    out << "  histogram " << histogram.time_ms << (histogram.stale ? " stale" : "");
    if (histogram.start_ms != 0) out << " start=" << histogram.start_ms;
    if (histogram.rejection != RejectReason::kNone) {
      out << " refused: " << RejectReasonText(histogram.rejection);
    }
    out << "\n";
  }
  for (uint32_t i = 0; i < series.exemplar_count; ++i) {
    const DecodedExemplar& exemplar = request.exemplars[series.first_exemplar + i];
    const auto exemplar_labels = CanonicalExemplarLabels(exemplar.labels);
    out << "  exemplar " << exemplar.time_ms << " " << ShowValue(exemplar.value) << " "
        << (exemplar_labels.ok() ? exemplar_labels->ToString() : exemplar_labels.status().message())
        << "\n";
  }
}

std::string Describe(const Case& given) {
  const auto version = NegotiateVersion(given.content_type);
  if (!version.ok()) return ShowError(version.status());
  const auto encoding = NegotiateEncoding(given.content_encoding);
  if (!encoding.ok()) return ShowError(encoding.status());
  const auto span = [](const std::string& text) {
    return std::span(reinterpret_cast<const uint8_t*>(text.data()), text.size());
  };
  std::string message;
  auto status = Decompress(*encoding, span(given.body), given.limit_bytes, &message);
  if (!status.ok()) return ShowError(status);
  WriteRequest request;
  status = *version == WriteVersion::kV1 ? DecodeV1(span(message), &request)
                                         : DecodeV2(span(message), &request);
  if (!status.ok()) return ShowError(status);
  std::ostringstream out;
  for (const DecodedSeries& series : request.series) ShowSeries(request, series, out);
  for (const DecodedMetadata& metadata : request.metadata) {
    out << "metadata " << metadata.metric << " " << MetricTypeName(metadata.type) << " \""
        << metadata.help << "\" \"" << metadata.unit << "\"\n";
  }
  for (const Rejection& rejection : request.rejections) {
    out << "rejection series=" << rejection.series << " " << RejectReasonText(rejection.reason)
        << (rejection.detail.empty() ? "" : ": ") << rejection.detail << "\n";
  }
  return out.str();
}

// One file of the corpus: a byte that chooses version and encoding, and the body.
std::string CorpusFile(const Case& given) {
  const auto version = NegotiateVersion(given.content_type);
  const auto encoding = NegotiateEncoding(given.content_encoding);
  if (!version.ok() || !encoding.ok()) return {};
  const int choice = (*version == WriteVersion::kV1 ? 0 : 1) + 2 * static_cast<int>(*encoding);
  return std::string(1, static_cast<char>(choice)) + given.body;
}

TEST(RemoteWriteCases, DecodeAsExpected) {
  const bool regenerate = std::getenv("LARNAX_REGENERATE") != nullptr;
  size_t count = 0;
  for (const auto& entry : fs::directory_iterator(kCases)) {
    if (entry.path().extension() != ".in") continue;
    ++count;
    const Case given = CaseReader().Read(ReadFile(entry.path()));
    const std::string got = Describe(given);
    fs::path want = entry.path();
    want.replace_extension(".want");
    if (regenerate) {
      WriteFile(want, got);
      const std::string corpus = CorpusFile(given);
      if (!corpus.empty()) WriteFile(kCorpus / entry.path().stem(), corpus);
    } else {
      EXPECT_EQ(got, ReadFile(want)) << entry.path();
    }
  }
  EXPECT_GE(count, 20);
}

}  // namespace
}  // namespace larnax::wire
