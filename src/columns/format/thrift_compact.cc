#include "columns/format/thrift_compact.h"

#include "base/check.h"
#include "base/varint.h"

namespace larnax::columns {

void ThriftWriter::Field(int field, ThriftType type) {
  const int delta = field - last_field_;
  LARNAX_DCHECK(delta > 0 && delta < 16);
  out_->push_back(static_cast<char>((delta << 4) | static_cast<int>(type)));
  last_field_ = field;
}

void ThriftWriter::Push() {
  LARNAX_CHECK(depth_ < kMaxDepth);
  stack_[depth_++] = last_field_;
  last_field_ = 0;
}

void ThriftWriter::Bool(int field, bool value) {
  Field(field, value ? ThriftType::kTrue : ThriftType::kFalse);
}

void ThriftWriter::I16(int field, int16_t value) {
  Field(field, ThriftType::kI16);
  base::PutVarint(base::ZigZag(value), out_);
}

void ThriftWriter::I32(int field, int32_t value) {
  Field(field, ThriftType::kI32);
  base::PutVarint(base::ZigZag(value), out_);
}

void ThriftWriter::I64(int field, int64_t value) {
  Field(field, ThriftType::kI64);
  base::PutVarint(base::ZigZag(value), out_);
}

void ThriftWriter::Binary(int field, std::string_view value) {
  Field(field, ThriftType::kBinary);
  BinaryElement(value);
}

void ThriftWriter::Begin(int field) {
  Field(field, ThriftType::kStruct);
  Push();
}

void ThriftWriter::End() {
  out_->push_back(0);
  LARNAX_CHECK(depth_ > 0);
  last_field_ = stack_[--depth_];
}

void ThriftWriter::List(int field, ThriftType type, size_t size) {
  Field(field, ThriftType::kList);
  if (size < 15) {
    out_->push_back(static_cast<char>((size << 4) | static_cast<size_t>(type)));
  } else {
    out_->push_back(static_cast<char>(0xF0 | static_cast<int>(type)));
    base::PutVarint(size, out_);
  }
}

void ThriftWriter::BeginElement() { Push(); }

void ThriftWriter::I32Element(int32_t value) { base::PutVarint(base::ZigZag(value), out_); }

void ThriftWriter::BinaryElement(std::string_view value) {
  base::PutVarint(value.size(), out_);
  out_->append(value);
}

uint8_t ThriftReader::Byte() {
  if (!ok_ || at_ == end_) {
    ok_ = false;
    return 0;
  }
  return static_cast<uint8_t>(*at_++);
}

uint64_t ThriftReader::Varint() {
  if (!ok_) return 0;
  uint64_t value = 0;
  const uint8_t* next = base::GetVarint(reinterpret_cast<const uint8_t*>(at_),
                                        reinterpret_cast<const uint8_t*>(end_), &value);
  if (next == nullptr) {
    ok_ = false;
    return 0;
  }
  at_ = reinterpret_cast<const char*>(next);
  return value;
}

bool ThriftReader::Next(Field* field) {
  const uint8_t header = Byte();
  if (!ok_ || header == 0) {
    if (depth_ > 0) last_field_ = stack_[--depth_];
    return false;
  }
  const int delta = header >> 4;
  field->type = static_cast<ThriftType>(header & 0x0F);
  field->id = delta != 0 ? last_field_ + delta : static_cast<int16_t>(base::UnZigZag(Varint()));
  last_field_ = field->id;
  return ok_;
}

void ThriftReader::Enter() {
  if (depth_ == kMaxDepth) {
    ok_ = false;
    return;
  }
  stack_[depth_++] = last_field_;
  last_field_ = 0;
}

void ThriftReader::Skip(ThriftType type) { SkipDeep(type, 0); }

void ThriftReader::SkipDeep(ThriftType type, int depth) {
  if (depth > kMaxDepth) ok_ = false;
  if (!ok_) return;
  switch (type) {
    case ThriftType::kTrue:
    case ThriftType::kFalse:
      return;
    case ThriftType::kByte:
      Byte();
      return;
    case ThriftType::kI16:
    case ThriftType::kI32:
    case ThriftType::kI64:
      Varint();
      return;
    case ThriftType::kDouble:
      for (int i = 0; i < 8; ++i) Byte();
      return;
    case ThriftType::kBinary:
      BinaryElement();
      return;
    case ThriftType::kList:
    case ThriftType::kSet: {
      const ListHeader list = List({0, ThriftType::kList});
      for (uint32_t i = 0; i < list.size && ok_; ++i) {
        // A boolean in a list takes a byte, unlike one in a field.
        const bool is_bool = list.type == ThriftType::kTrue || list.type == ThriftType::kFalse;
        SkipDeep(is_bool ? ThriftType::kByte : list.type, depth + 1);
      }
      return;
    }
    case ThriftType::kStruct: {
      Enter();
      Field field;
      while (Next(&field)) SkipDeep(field.type, depth + 1);
      return;
    }
    case ThriftType::kStop:
    case ThriftType::kMap:
      break;
  }
  ok_ = false;  // Parquet's metadata has no maps; anything else is no Thrift.
}

bool ThriftReader::Bool(Field field) {
  if (field.type != ThriftType::kTrue && field.type != ThriftType::kFalse) ok_ = false;
  return field.type == ThriftType::kTrue;
}

int64_t ThriftReader::Int(Field field) {
  if (field.type != ThriftType::kI16 && field.type != ThriftType::kI32 &&
      field.type != ThriftType::kI64) {
    ok_ = false;
  }
  return base::UnZigZag(Varint());
}

int32_t ThriftReader::I32(Field field) {
  const int64_t value = Int(field);
  if (value != static_cast<int32_t>(value)) ok_ = false;
  return static_cast<int32_t>(value);
}

std::string_view ThriftReader::Binary(Field field) {
  if (field.type != ThriftType::kBinary) ok_ = false;
  return BinaryElement();
}

ThriftReader::ListHeader ThriftReader::List(Field field) {
  if (field.type != ThriftType::kList && field.type != ThriftType::kSet) ok_ = false;
  const uint8_t header = Byte();
  uint64_t size = header >> 4;
  if (size == 15) size = Varint();
  // Every element takes a byte at least, so that a hostile size cannot make anyone reserve much.
  if (size > static_cast<uint64_t>(end_ - at_)) ok_ = false;
  if (!ok_) return {};
  return {static_cast<ThriftType>(header & 0x0F), static_cast<uint32_t>(size)};
}

int32_t ThriftReader::I32Element(ThriftType type) { return I32({0, type}); }

std::string_view ThriftReader::BinaryElement() {
  const uint64_t size = Varint();
  if (!ok_ || size > static_cast<uint64_t>(end_ - at_)) {
    ok_ = false;
    return {};
  }
  const std::string_view value(at_, size);
  at_ += size;
  return value;
}

}  // namespace larnax::columns
