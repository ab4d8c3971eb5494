#include "cli/query/libcurl.h"

#include <dlfcn.h>

namespace larnax::cli {
namespace {

template <typename F>
arrow::Status Find(void* library, const char* name, F* function) {
  *function = reinterpret_cast<F>(dlsym(library, name));
  if (*function != nullptr) return arrow::Status::OK();
  return arrow::Status::IOError("cannot ask a server: ", dlerror());
}

}  // namespace

arrow::Result<Libcurl> Libcurl::Load(const std::string& name) {
  void* library = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    return arrow::Status::IOError("cannot ask a server without libcurl: ", dlerror());
  }
  Libcurl found;
  ARROW_RETURN_NOT_OK(Find(library, "curl_easy_init", &found.init));
  ARROW_RETURN_NOT_OK(Find(library, "curl_easy_cleanup", &found.cleanup));
  ARROW_RETURN_NOT_OK(Find(library, "curl_easy_setopt", &found.set_option));
  ARROW_RETURN_NOT_OK(Find(library, "curl_easy_perform", &found.perform));
  ARROW_RETURN_NOT_OK(Find(library, "curl_easy_getinfo", &found.get_info));
  ARROW_RETURN_NOT_OK(Find(library, "curl_easy_strerror", &found.error_text));
  ARROW_RETURN_NOT_OK(Find(library, "curl_easy_escape", &found.escape));
  ARROW_RETURN_NOT_OK(Find(library, "curl_free", &found.free));
  return found;
}

}  // namespace larnax::cli
