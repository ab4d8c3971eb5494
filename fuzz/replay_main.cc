// Runs a fuzz target without a fuzzer: every file of a corpus as it is, and seeded mutations of
// it. Without a corpus, it begins with random bytes.
//
//   x_fuzz CORPUS_DIRECTORY_OR_FILE ... [--rounds=N] [--seed=N]

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

using Bytes = std::vector<uint8_t>;

Bytes ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// Nothing where there is no such folder or file.
std::vector<Bytes> ReadCorpus(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) return {};
  if (!std::filesystem::is_directory(path)) return {ReadFile(path)};
  // In name order, so that a seed means the same everywhere.
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<Bytes> corpus;
  for (const auto& file : files) corpus.push_back(ReadFile(file));
  return corpus;
}

std::vector<Bytes> RandomCorpus(uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<Bytes> corpus;
  for (size_t size = 0; size <= 4096; size = size * 4 + 1) {
    Bytes bytes(size);
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
    corpus.push_back(std::move(bytes));
  }
  return corpus;
}

class Mutator {
 public:
  explicit Mutator(uint64_t seed) : random_(seed) {}

  Bytes Mutate(Bytes bytes, const Bytes& other) {
    for (size_t changes = 1 + Below(4); changes > 0; --changes) Change(other, &bytes);
    return bytes;
  }

 private:
  size_t Below(size_t limit) { return limit == 0 ? 0 : random_() % limit; }

  void Change(const Bytes& other, Bytes* bytes) {
    const size_t at = Below(bytes->size());
    const auto place = bytes->begin() + static_cast<ptrdiff_t>(at);
    switch (Below(6)) {
      case 0:
        if (!bytes->empty()) *place = static_cast<uint8_t>(*place ^ (1U << Below(8)));
        return;
      case 1:
        // Numbers at the edges of their ranges are what decoders get wrong.
        if (!bytes->empty()) *place = kEdges[Below(std::size(kEdges))];
        return;
      case 2:
        bytes->insert(place, Below(12), static_cast<uint8_t>(random_()));
        return;
      case 3: {
        const size_t count = Below(std::min<size_t>(bytes->size() - at, 32) + 1);
        bytes->erase(place, place + static_cast<ptrdiff_t>(count));
        return;
      }
      case 4:
        bytes->resize(at);
        return;
      default: {
        const size_t from = Below(other.size());
        const size_t count = Below(other.size() - from + 1);
        const auto first = other.begin() + static_cast<ptrdiff_t>(from);
        bytes->insert(place, first, first + static_cast<ptrdiff_t>(count));
      }
    }
  }

  static constexpr uint8_t kEdges[] = {0x00, 0x01, 0x7F, 0x80, 0xFE, 0xFF, '"', '\n'};
  std::mt19937_64 random_;
};

// A copy on the heap of exactly the input's size, so that sanitizers see reads past its end.
void RunOne(const Bytes& input) {
  Bytes copy;
  copy.reserve(input.size());
  copy.assign(input.begin(), input.end());
  LLVMFuzzerTestOneInput(copy.data(), copy.size());
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<Bytes> corpus;
  size_t rounds = 2000;
  uint64_t seed = 1;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument.starts_with("--rounds=")) {
      rounds = std::strtoull(argv[i] + 9, nullptr, 10);
    } else if (argument.starts_with("--seed=")) {
      seed = std::strtoull(argv[i] + 7, nullptr, 10);
    } else {
      for (Bytes& file : ReadCorpus(argument)) corpus.push_back(std::move(file));
    }
  }
  if (corpus.empty()) corpus = RandomCorpus(seed);
  for (const Bytes& input : corpus) RunOne(input);
  Mutator mutator(seed);
  for (size_t round = 0; round < rounds; ++round) {
    for (size_t i = 0; i < corpus.size(); ++i) {
      RunOne(mutator.Mutate(corpus[i], corpus[(i + round) % corpus.size()]));
    }
  }
  std::printf("ran %zu files and %zu mutations, seed %llu\n", corpus.size(), rounds * corpus.size(),
              static_cast<unsigned long long>(seed));
  return 0;
}
