#include "bench/load/commands.h"
namespace larnax::load {
arrow::Result<std::string> Record(const RecordOptions&, const std::function<bool()>&) {
  return arrow::Status::NotImplemented("record");
}
arrow::Result<std::string> Replay(const ReplayOptions&, const std::function<bool()>&) {
  return arrow::Status::NotImplemented("replay");
}
}  // namespace larnax::load
