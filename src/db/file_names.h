#pragma once

#include <string>
#include <string_view>

namespace larnax::db {

/// Make a file name of any UTF-8 text: bytes that could mean something to a file system become
/// `%XX`, and a name that would get too long ends in a hash. Different texts give different names.
std::string FileNameOf(std::string_view text);

}  // namespace larnax::db
