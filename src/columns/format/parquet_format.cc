#include "columns/format/parquet_format.h"

#include <concepts>
#include <type_traits>

#include "columns/format/thrift_compact.h"
#include "larnax/error.h"

namespace larnax::columns {
namespace {

using Field = ThriftReader::Field;

arrow::Status Corrupt(const char* what) {
  return MakeError(ErrorKind::kCorrupt, std::string("cannot parse Parquet ") + what);
}

// The old way to name a logical type and the new one, an empty struct in a union.
void WriteAnnotation(int32_t converted_type, int logical_field, ThriftWriter* w) {
  w->I32(6, converted_type);
  w->Begin(10);
  w->Begin(logical_field);
  w->End();
  w->End();
}

void WriteSchemaNode(const SchemaNode& node, bool is_root, ThriftWriter* w) {
  w->BeginElement();
  if (node.type.has_value()) w->I32(1, static_cast<int32_t>(*node.type));
  if (!is_root) w->I32(3, static_cast<int32_t>(node.repetition));
  w->Binary(4, node.name);
  if (!node.type.has_value()) w->I32(5, node.num_children);
  switch (node.logical) {
    case LogicalType::kNone:
      break;
    case LogicalType::kString:
      WriteAnnotation(/*UTF8*/ 0, 1, w);
      break;
    case LogicalType::kMap:
      WriteAnnotation(/*MAP*/ 1, 2, w);
      break;
    case LogicalType::kList:
      WriteAnnotation(/*LIST*/ 3, 3, w);
      break;
    case LogicalType::kTimestampMicros:
      w->I32(6, 10);  // TIMESTAMP_MICROS
      w->Begin(10);
      w->Begin(8);
      w->Bool(1, true);  // isAdjustedToUTC
      w->Begin(2);
      w->Begin(2);  // MICROS
      w->End();
      w->End();
      w->End();
      w->End();
      break;
  }
  w->End();
}

void WriteBounds(const ColumnBounds& bounds, ThriftWriter* w) {
  w->Begin(12);
  w->I64(3, bounds.null_count);
  if (bounds.max.has_value()) w->Binary(5, *bounds.max);
  if (bounds.min.has_value()) w->Binary(6, *bounds.min);
  if (bounds.max.has_value()) w->Bool(7, true);
  if (bounds.min.has_value()) w->Bool(8, true);
  w->End();
}

void WriteChunk(const ChunkMeta& chunk, ThriftWriter* w) {
  w->BeginElement();
  w->I64(2, 0);  // file_offset: writers of today put 0
  w->Begin(3);
  w->I32(1, static_cast<int32_t>(chunk.type));
  w->List(2, ThriftType::kI32, chunk.encodings.size());
  for (const int32_t encoding : chunk.encodings) w->I32Element(encoding);
  w->List(3, ThriftType::kBinary, chunk.path.size());
  for (const std::string& part : chunk.path) w->BinaryElement(part);
  w->I32(4, static_cast<int32_t>(chunk.codec));
  w->I64(5, chunk.num_values);
  w->I64(6, chunk.uncompressed_bytes);
  w->I64(7, chunk.compressed_bytes);
  w->I64(9, chunk.data_page_offset);
  if (chunk.dictionary_page_offset > 0) w->I64(11, chunk.dictionary_page_offset);
  WriteBounds(chunk.bounds, w);
  w->List(13, ThriftType::kStruct, chunk.page_counts.size());
  for (const auto& [key, count] : chunk.page_counts) {
    w->BeginElement();
    w->I32(1, key.first);
    w->I32(2, key.second);
    w->I32(3, count);
    w->End();
  }
  w->End();
  if (chunk.offset_index_bytes > 0) {
    w->I64(4, chunk.offset_index_offset);
    w->I32(5, chunk.offset_index_bytes);
  }
  w->End();
}

void WriteRowGroup(const RowGroupMeta& group, size_t ordinal, ThriftWriter* w) {
  int64_t uncompressed = 0;
  int64_t compressed = 0;
  for (const ChunkMeta& chunk : group.chunks) {
    uncompressed += chunk.uncompressed_bytes;
    compressed += chunk.compressed_bytes;
  }
  w->BeginElement();
  w->List(1, ThriftType::kStruct, group.chunks.size());
  for (const ChunkMeta& chunk : group.chunks) WriteChunk(chunk, w);
  w->I64(2, uncompressed);
  w->I64(3, group.rows);
  if (!group.sorting.empty()) {
    w->List(4, ThriftType::kStruct, group.sorting.size());
    for (const SortingColumn& column : group.sorting) {
      w->BeginElement();
      w->I32(1, column.column);
      w->Bool(2, false);
      w->Bool(3, column.nulls_first);
      w->End();
    }
  }
  if (!group.chunks.empty()) w->I64(5, group.chunks.front().begin_offset());
  w->I64(6, compressed);
  if (ordinal <= INT16_MAX) w->I16(7, static_cast<int16_t>(ordinal));
  w->End();
}

void Put(ThriftReader* r, Field field, bool* to) { *to = r->Bool(field); }
void Put(ThriftReader* r, Field field, int32_t* to) { *to = r->I32(field); }
void Put(ThriftReader* r, Field field, int64_t* to) { *to = r->Int(field); }
void Put(ThriftReader* r, Field field, std::string* to) { *to = r->Binary(field); }
template <typename Enum>
  requires std::is_enum_v<Enum>
void Put(ThriftReader* r, Field field, Enum* to) {
  *to = static_cast<Enum>(r->I32(field));
}
void Put(ThriftReader* r, Field field, std::optional<uint32_t>* to) {
  *to = static_cast<uint32_t>(r->I32(field));
}
template <typename T>
void Put(ThriftReader* r, Field field, std::optional<T>* to) {
  Put(r, field, &to->emplace());
}
// What reads the value itself.
template <typename Read>
  requires std::invocable<Read, Field>
void Put(ThriftReader*, Field field, const Read& read) {
  read(field);
}

// A field that is wanted, and where its value goes.
template <typename To>
struct Wanted {
  int id;
  To to;
};
template <typename To>
Wanted(int, To) -> Wanted<To>;

template <typename... To>
void ReadFields(ThriftReader* r, const Wanted<To>&... wanted) {
  Field field;
  while (r->Next(&field)) {
    const bool is_wanted = ((wanted.id == field.id && (Put(r, field, wanted.to), true)) || ...);
    if (!is_wanted) r->Skip(field.type);
  }
}

template <typename... To>
void ReadStruct(ThriftReader* r, const Wanted<To>&... wanted) {
  r->Enter();
  ReadFields(r, wanted...);
}

// Calls read(type of the elements) for each element of a list.
template <typename Read>
void ReadList(ThriftReader* r, Field field, Read read) {
  const auto list = r->List(field);
  for (uint32_t i = 0; i < list.size && r->ok(); ++i) read(list.type);
}

LogicalType ReadLogical(ThriftReader* r) {
  LogicalType type = LogicalType::kNone;
  const auto set = [&](LogicalType to) {
    return [&type, r, to](Field field) {
      type = to;
      r->Skip(field.type);
    };
  };
  ReadStruct(r, Wanted{1, set(LogicalType::kString)}, Wanted{2, set(LogicalType::kMap)},
             Wanted{3, set(LogicalType::kList)}, Wanted{8, set(LogicalType::kTimestampMicros)});
  return type;
}

SchemaNode ReadSchemaNode(ThriftReader* r) {
  SchemaNode node;
  ReadStruct(r, Wanted{1, &node.type}, Wanted{3, &node.repetition}, Wanted{4, &node.name},
             Wanted{5, &node.num_children},
             Wanted{10, [&](Field) { node.logical = ReadLogical(r); }});
  return node;
}

ColumnBounds ReadBounds(ThriftReader* r) {
  ColumnBounds bounds;
  ReadStruct(r, Wanted{3, &bounds.null_count}, Wanted{5, &bounds.max}, Wanted{6, &bounds.min});
  return bounds;
}

void ReadPageCount(ThriftReader* r, ChunkMeta* chunk) {
  int32_t type = 0;
  int32_t encoding = 0;
  int32_t count = 0;
  ReadStruct(r, Wanted{1, &type}, Wanted{2, &encoding}, Wanted{3, &count});
  chunk->page_counts[{type, encoding}] = count;
}

void ReadColumnMeta(ThriftReader* r, ChunkMeta* chunk) {
  const auto read_encodings = [&](Field field) {
    ReadList(r, field, [&](ThriftType type) { chunk->encodings.push_back(r->I32Element(type)); });
  };
  const auto read_path = [&](Field field) {
    ReadList(r, field, [&](ThriftType) { chunk->path.emplace_back(r->BinaryElement()); });
  };
  const auto read_page_counts = [&](Field field) {
    ReadList(r, field, [&](ThriftType) { ReadPageCount(r, chunk); });
  };
  ReadStruct(r, Wanted{1, &chunk->type}, Wanted{2, read_encodings}, Wanted{3, read_path},
             Wanted{4, &chunk->codec}, Wanted{5, &chunk->num_values},
             Wanted{6, &chunk->uncompressed_bytes}, Wanted{7, &chunk->compressed_bytes},
             Wanted{9, &chunk->data_page_offset}, Wanted{11, &chunk->dictionary_page_offset},
             Wanted{12, [&](Field) { chunk->bounds = ReadBounds(r); }},
             Wanted{13, read_page_counts});
}

ChunkMeta ReadChunk(ThriftReader* r) {
  ChunkMeta chunk;
  ReadStruct(r, Wanted{3, [&](Field) { ReadColumnMeta(r, &chunk); }},
             Wanted{4, &chunk.offset_index_offset}, Wanted{5, &chunk.offset_index_bytes});
  // An empty struct takes one byte in the file and hundreds in memory: refuse it at once.
  if (chunk.path.empty() || chunk.data_page_offset <= 0) r->Fail();
  return chunk;
}

SortingColumn ReadSorting(ThriftReader* r) {
  SortingColumn column;
  ReadStruct(r, Wanted{1, &column.column}, Wanted{3, &column.nulls_first});
  return column;
}

RowGroupMeta ReadRowGroup(ThriftReader* r) {
  RowGroupMeta group;
  const auto read_chunks = [&](Field field) {
    ReadList(r, field, [&](ThriftType) { group.chunks.push_back(ReadChunk(r)); });
  };
  const auto read_sorting = [&](Field field) {
    ReadList(r, field, [&](ThriftType) { group.sorting.push_back(ReadSorting(r)); });
  };
  ReadStruct(r, Wanted{1, read_chunks}, Wanted{3, &group.rows}, Wanted{4, read_sorting});
  return group;
}

void ReadKeyValue(ThriftReader* r, FileMeta* meta) {
  std::string key;
  std::string value;
  ReadStruct(r, Wanted{1, &key}, Wanted{2, &value});
  meta->key_values[key] = value;
}

PageLocation ReadPageLocation(ThriftReader* r) {
  PageLocation page;
  ReadStruct(r, Wanted{1, &page.offset}, Wanted{2, &page.size_bytes}, Wanted{3, &page.first_row});
  return page;
}

}  // namespace

std::string EncodingName(int32_t encoding) {
  switch (encoding) {
    case 0:
      return "PLAIN";
    case 2:
      return "PLAIN_DICTIONARY";
    case 3:
      return "RLE";
    case 4:
      return "BIT_PACKED";
    case 5:
      return "DELTA_BINARY_PACKED";
    case 6:
      return "DELTA_LENGTH_BYTE_ARRAY";
    case 7:
      return "DELTA_BYTE_ARRAY";
    case 8:
      return "RLE_DICTIONARY";
    case 9:
      return "BYTE_STREAM_SPLIT";
    default:
      return "ENCODING_" + std::to_string(encoding);
  }
}

void AppendFileMeta(const FileMeta& meta, std::string* out) {
  ThriftWriter w(out);
  w.I32(1, 2);  // version
  w.List(2, ThriftType::kStruct, meta.schema.size());
  size_t leaves = 0;
  for (size_t i = 0; i < meta.schema.size(); ++i) {
    WriteSchemaNode(meta.schema[i], i == 0, &w);
    if (meta.schema[i].type.has_value()) ++leaves;
  }
  w.I64(3, meta.rows);
  w.List(4, ThriftType::kStruct, meta.row_groups.size());
  for (size_t i = 0; i < meta.row_groups.size(); ++i) WriteRowGroup(meta.row_groups[i], i, &w);
  w.List(5, ThriftType::kStruct, meta.key_values.size());
  for (const auto& [key, value] : meta.key_values) {
    w.BeginElement();
    w.Binary(1, key);
    w.Binary(2, value);
    w.End();
  }
  w.Binary(6, meta.created_by);
  // Without column orders readers must not trust min and max.
  w.List(7, ThriftType::kStruct, leaves);
  for (size_t i = 0; i < leaves; ++i) {
    w.BeginElement();
    w.Begin(1);
    w.End();
    w.End();
  }
  w.Finish();
}

void AppendPageHeader(const PageHeader& header, std::string* out) {
  ThriftWriter w(out);
  w.I32(1, static_cast<int32_t>(header.type));
  w.I32(2, header.uncompressed_bytes);
  w.I32(3, header.compressed_bytes);
  if (header.crc32.has_value()) w.I32(4, static_cast<int32_t>(*header.crc32));
  if (header.type == PageType::kDictionary) {
    w.Begin(7);
    w.I32(1, header.num_values);
    w.I32(2, header.encoding);
    w.Bool(3, header.is_sorted);
    w.End();
  } else {
    w.Begin(5);
    w.I32(1, header.num_values);
    w.I32(2, header.encoding);
    w.I32(3, static_cast<int32_t>(Encoding::kRle));
    w.I32(4, static_cast<int32_t>(Encoding::kRle));
    w.End();
  }
  w.Finish();
}

void AppendOffsetIndex(const std::vector<PageLocation>& pages, std::string* out) {
  ThriftWriter w(out);
  w.List(1, ThriftType::kStruct, pages.size());
  for (const PageLocation& page : pages) {
    w.BeginElement();
    w.I64(1, page.offset);
    w.I32(2, page.size_bytes);
    w.I64(3, page.first_row);
    w.End();
  }
  w.Finish();
}

arrow::Result<FileMeta> ParseFileMeta(std::string_view bytes) {
  ThriftReader r(bytes);
  FileMeta meta;
  const auto read_schema = [&](Field field) {
    ReadList(&r, field, [&](ThriftType) { meta.schema.push_back(ReadSchemaNode(&r)); });
  };
  const auto read_groups = [&](Field field) {
    ReadList(&r, field, [&](ThriftType) { meta.row_groups.push_back(ReadRowGroup(&r)); });
  };
  const auto read_key_values = [&](Field field) {
    ReadList(&r, field, [&](ThriftType) { ReadKeyValue(&r, &meta); });
  };
  ReadFields(&r, Wanted{2, read_schema}, Wanted{3, &meta.rows}, Wanted{4, read_groups},
             Wanted{5, read_key_values}, Wanted{6, &meta.created_by});
  if (!r.ok()) return Corrupt("footer");
  return meta;
}

arrow::Result<PageHeader> ParsePageHeader(std::string_view bytes, size_t* size_bytes) {
  ThriftReader r(bytes);
  PageHeader header;
  // What must be there: a damaged field header would leave a default that reads as good.
  header.num_values = -1;
  header.encoding = -1;
  header.compressed_bytes = -1;
  header.uncompressed_bytes = -1;
  const auto read_data = [&](Field) {
    ReadStruct(&r, Wanted{1, &header.num_values}, Wanted{2, &header.encoding},
               Wanted{3, &header.level_encoding});
  };
  const auto read_dictionary = [&](Field) {
    ReadStruct(&r, Wanted{1, &header.num_values}, Wanted{2, &header.encoding},
               Wanted{3, &header.is_sorted});
  };
  ReadFields(&r, Wanted{1, &header.type}, Wanted{2, &header.uncompressed_bytes},
             Wanted{3, &header.compressed_bytes}, Wanted{4, &header.crc32}, Wanted{5, read_data},
             Wanted{7, read_dictionary});
  if (!r.ok() || header.uncompressed_bytes < 0 || header.compressed_bytes < 0 ||
      header.num_values < 0 || header.encoding < 0 || !header.crc32.has_value()) {
    return Corrupt("page header");
  }
  *size_bytes = r.position();
  return header;
}

arrow::Result<std::vector<PageLocation>> ParseOffsetIndex(std::string_view bytes) {
  ThriftReader r(bytes);
  std::vector<PageLocation> pages;
  const auto read_pages = [&](Field field) {
    ReadList(&r, field, [&](ThriftType) { pages.push_back(ReadPageLocation(&r)); });
  };
  ReadFields(&r, Wanted{1, read_pages});
  if (!r.ok()) return Corrupt("offset index");
  return pages;
}

}  // namespace larnax::columns
