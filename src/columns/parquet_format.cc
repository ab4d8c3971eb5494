#include "columns/parquet_format.h"

#include "columns/thrift_compact.h"
#include "larnax/error.h"

namespace larnax::columns {
namespace {

using Field = ThriftReader::Field;

arrow::Status Corrupt(const char* what) {
  return MakeError(ErrorKind::kCorrupt, std::string("cannot parse Parquet ") + what);
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
      w->I32(6, 0);  // UTF8
      w->Begin(10);
      w->Begin(1);
      w->End();
      w->End();
      break;
    case LogicalType::kMap:
      w->I32(6, 1);  // MAP
      w->Begin(10);
      w->Begin(2);
      w->End();
      w->End();
      break;
    case LogicalType::kList:
      w->I32(6, 3);  // LIST
      w->Begin(10);
      w->Begin(3);
      w->End();
      w->End();
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

LogicalType ReadLogical(ThriftReader* r) {
  LogicalType type = LogicalType::kNone;
  r->Enter();
  Field field;
  while (r->Next(&field)) {
    if (field.id == 1) type = LogicalType::kString;
    if (field.id == 2) type = LogicalType::kMap;
    if (field.id == 3) type = LogicalType::kList;
    if (field.id == 8) type = LogicalType::kTimestampMicros;
    r->Skip(field.type);
  }
  return type;
}

SchemaNode ReadSchemaNode(ThriftReader* r) {
  SchemaNode node;
  r->Enter();
  Field field;
  while (r->Next(&field)) {
    switch (field.id) {
      case 1:
        node.type = static_cast<PhysicalType>(r->I32(field));
        break;
      case 3:
        node.repetition = static_cast<Repetition>(r->I32(field));
        break;
      case 4:
        node.name = r->Binary(field);
        break;
      case 5:
        node.num_children = r->I32(field);
        break;
      case 10:
        node.logical = ReadLogical(r);
        break;
      default:
        r->Skip(field.type);
    }
  }
  return node;
}

ColumnBounds ReadBounds(ThriftReader* r) {
  ColumnBounds bounds;
  r->Enter();
  Field field;
  while (r->Next(&field)) {
    switch (field.id) {
      case 3:
        bounds.null_count = r->Int(field);
        break;
      case 5:
        bounds.max = r->Binary(field);
        break;
      case 6:
        bounds.min = r->Binary(field);
        break;
      default:
        r->Skip(field.type);
    }
  }
  return bounds;
}

void ReadPageCounts(ThriftReader* r, Field list_field, ChunkMeta* chunk) {
  const auto list = r->List(list_field);
  for (uint32_t i = 0; i < list.size && r->ok(); ++i) {
    int32_t type = 0;
    int32_t encoding = 0;
    int32_t count = 0;
    r->Enter();
    Field field;
    while (r->Next(&field)) {
      if (field.id == 1) {
        type = r->I32(field);
      } else if (field.id == 2) {
        encoding = r->I32(field);
      } else if (field.id == 3) {
        count = r->I32(field);
      } else {
        r->Skip(field.type);
      }
    }
    chunk->page_counts[{type, encoding}] = count;
  }
}

void ReadColumnMeta(ThriftReader* r, ChunkMeta* chunk) {
  r->Enter();
  Field field;
  while (r->Next(&field)) {
    switch (field.id) {
      case 1:
        chunk->type = static_cast<PhysicalType>(r->I32(field));
        break;
      case 2: {
        const auto list = r->List(field);
        for (uint32_t i = 0; i < list.size && r->ok(); ++i) {
          chunk->encodings.push_back(r->I32Element(list.type));
        }
        break;
      }
      case 3: {
        const auto list = r->List(field);
        for (uint32_t i = 0; i < list.size && r->ok(); ++i) {
          chunk->path.emplace_back(r->BinaryElement());
        }
        break;
      }
      case 4:
        chunk->codec = static_cast<Codec>(r->I32(field));
        break;
      case 5:
        chunk->num_values = r->Int(field);
        break;
      case 6:
        chunk->uncompressed_bytes = r->Int(field);
        break;
      case 7:
        chunk->compressed_bytes = r->Int(field);
        break;
      case 9:
        chunk->data_page_offset = r->Int(field);
        break;
      case 11:
        chunk->dictionary_page_offset = r->Int(field);
        break;
      case 12:
        chunk->bounds = ReadBounds(r);
        break;
      case 13:
        ReadPageCounts(r, field, chunk);
        break;
      default:
        r->Skip(field.type);
    }
  }
}

ChunkMeta ReadChunk(ThriftReader* r) {
  ChunkMeta chunk;
  r->Enter();
  Field field;
  while (r->Next(&field)) {
    switch (field.id) {
      case 3:
        ReadColumnMeta(r, &chunk);
        break;
      case 4:
        chunk.offset_index_offset = r->Int(field);
        break;
      case 5:
        chunk.offset_index_bytes = r->I32(field);
        break;
      default:
        r->Skip(field.type);
    }
  }
  // An empty struct takes one byte in the file and hundreds in memory: refuse it at once.
  if (chunk.path.empty() || chunk.data_page_offset <= 0) r->Fail();
  return chunk;
}

SortingColumn ReadSorting(ThriftReader* r) {
  SortingColumn column;
  r->Enter();
  Field field;
  while (r->Next(&field)) {
    if (field.id == 1) {
      column.column = r->I32(field);
    } else if (field.id == 3) {
      column.nulls_first = r->Bool(field);
    } else {
      r->Skip(field.type);
    }
  }
  return column;
}

RowGroupMeta ReadRowGroup(ThriftReader* r) {
  RowGroupMeta group;
  r->Enter();
  Field field;
  while (r->Next(&field)) {
    switch (field.id) {
      case 1: {
        const auto list = r->List(field);
        for (uint32_t i = 0; i < list.size && r->ok(); ++i) group.chunks.push_back(ReadChunk(r));
        break;
      }
      case 3:
        group.rows = r->Int(field);
        break;
      case 4: {
        const auto list = r->List(field);
        for (uint32_t i = 0; i < list.size && r->ok(); ++i) group.sorting.push_back(ReadSorting(r));
        break;
      }
      default:
        r->Skip(field.type);
    }
  }
  return group;
}

void ReadKeyValue(ThriftReader* r, FileMeta* meta) {
  std::string key;
  std::string value;
  r->Enter();
  Field field;
  while (r->Next(&field)) {
    if (field.id == 1) {
      key = r->Binary(field);
    } else if (field.id == 2) {
      value = r->Binary(field);
    } else {
      r->Skip(field.type);
    }
  }
  meta->key_values[key] = value;
}

void ReadDataPageHeader(ThriftReader* r, PageHeader* header) {
  r->Enter();
  Field field;
  while (r->Next(&field)) {
    switch (field.id) {
      case 1:
        header->num_values = r->I32(field);
        break;
      case 2:
        header->encoding = r->I32(field);
        break;
      case 3:
        header->level_encoding = r->I32(field);
        break;
      default:
        r->Skip(field.type);
    }
  }
}

void ReadDictionaryPageHeader(ThriftReader* r, PageHeader* header) {
  r->Enter();
  Field field;
  while (r->Next(&field)) {
    switch (field.id) {
      case 1:
        header->num_values = r->I32(field);
        break;
      case 2:
        header->encoding = r->I32(field);
        break;
      case 3:
        header->is_sorted = r->Bool(field);
        break;
      default:
        r->Skip(field.type);
    }
  }
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
  Field field;
  while (r.Next(&field)) {
    switch (field.id) {
      case 2: {
        const auto list = r.List(field);
        for (uint32_t i = 0; i < list.size && r.ok(); ++i)
          meta.schema.push_back(ReadSchemaNode(&r));
        break;
      }
      case 3:
        meta.rows = r.Int(field);
        break;
      case 4: {
        const auto list = r.List(field);
        for (uint32_t i = 0; i < list.size && r.ok(); ++i) {
          meta.row_groups.push_back(ReadRowGroup(&r));
        }
        break;
      }
      case 5: {
        const auto list = r.List(field);
        for (uint32_t i = 0; i < list.size && r.ok(); ++i) ReadKeyValue(&r, &meta);
        break;
      }
      case 6:
        meta.created_by = r.Binary(field);
        break;
      default:
        r.Skip(field.type);
    }
  }
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
  Field field;
  while (r.Next(&field)) {
    switch (field.id) {
      case 1:
        header.type = static_cast<PageType>(r.I32(field));
        break;
      case 2:
        header.uncompressed_bytes = r.I32(field);
        break;
      case 3:
        header.compressed_bytes = r.I32(field);
        break;
      case 4:
        header.crc32 = static_cast<uint32_t>(r.I32(field));
        break;
      case 5:
        ReadDataPageHeader(&r, &header);
        break;
      case 7:
        ReadDictionaryPageHeader(&r, &header);
        break;
      default:
        r.Skip(field.type);
    }
  }
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
  Field field;
  while (r.Next(&field)) {
    if (field.id != 1) {
      r.Skip(field.type);
      continue;
    }
    const auto list = r.List(field);
    pages.reserve(list.size);
    for (uint32_t i = 0; i < list.size && r.ok(); ++i) {
      PageLocation page;
      r.Enter();
      Field part;
      while (r.Next(&part)) {
        if (part.id == 1) {
          page.offset = r.Int(part);
        } else if (part.id == 2) {
          page.size_bytes = r.I32(part);
        } else if (part.id == 3) {
          page.first_row = r.Int(part);
        } else {
          r.Skip(part.type);
        }
      }
      pages.push_back(page);
    }
  }
  if (!r.ok()) return Corrupt("offset index");
  return pages;
}

}  // namespace larnax::columns
