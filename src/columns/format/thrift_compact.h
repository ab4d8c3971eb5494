#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace larnax::columns {

/// Types of Thrift's compact protocol, which Parquet's metadata is written in.
enum class ThriftType : uint8_t {
  kStop = 0,
  kTrue = 1,
  kFalse = 2,
  kByte = 3,
  kI16 = 4,
  kI32 = 5,
  kI64 = 6,
  kDouble = 7,
  kBinary = 8,
  kList = 9,
  kSet = 10,
  kMap = 11,
  kStruct = 12,
};

/// Appends structs in Thrift's compact protocol to a string, fields in ascending order.
///
/// \see Source: Apache Thrift, doc/specs/thrift-compact-protocol.md.
class ThriftWriter {
 public:
  explicit ThriftWriter(std::string* out) : out_(out) {}

  void Bool(int field, bool value);
  void I16(int field, int16_t value);
  void I32(int field, int32_t value);
  void I64(int field, int64_t value);
  void Binary(int field, std::string_view value);
  /// Begin the struct in `field`; End() ends it. The outermost struct needs no Begin.
  void Begin(int field);
  void End();
  /// Begin a list in `field`; its elements follow (BeginElement .. End, or the Element calls).
  void List(int field, ThriftType type, size_t size);
  void BeginElement();
  void I32Element(int32_t value);
  void BinaryElement(std::string_view value);
  /// End the outermost struct.
  void Finish() { out_->push_back(0); }

 private:
  static constexpr int kMaxDepth = 16;
  void Field(int field, ThriftType type);
  void Push();

  std::string* out_;
  int last_field_ = 0;
  int depth_ = 0;
  int stack_[kMaxDepth] = {};
};

/// Reads structs in Thrift's compact protocol from bytes that may be hostile: after the first error
/// everything reads as empty and ok() is false.
class ThriftReader {
 public:
  struct Field {
    int id = 0;
    ThriftType type = ThriftType::kStop;
  };
  struct ListHeader {
    ThriftType type = ThriftType::kStop;
    uint32_t size = 0;
  };

  explicit ThriftReader(std::string_view bytes)
      : begin_(bytes.data()), at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  bool ok() const { return ok_; }
  /// Bytes read so far.
  size_t position() const { return static_cast<size_t>(at_ - begin_); }

  /// Read the header of the next field of the current struct; false at its end, or on an error.
  /// A field that is not wanted must be skipped with Skip.
  bool Next(Field* field);
  /// Enter a struct: the value of the current field, or an element of a list. Next returning false
  /// leaves it.
  void Enter();
  void Skip(ThriftType type);

  /// Read the value of a field; the wrong type is an error.
  bool Bool(Field field);
  int64_t Int(Field field);
  int32_t I32(Field field);
  std::string_view Binary(Field field);
  ListHeader List(Field field);
  int32_t I32Element(ThriftType type);
  std::string_view BinaryElement();
  void Fail() { ok_ = false; }

 private:
  static constexpr int kMaxDepth = 32;
  uint64_t Varint();
  void SkipDeep(ThriftType type, int depth);
  uint8_t Byte();

  const char* begin_;
  const char* at_;
  const char* end_;
  bool ok_ = true;
  int last_field_ = 0;
  int depth_ = 0;
  int stack_[kMaxDepth] = {};
};

}  // namespace larnax::columns
