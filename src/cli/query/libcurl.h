#pragma once

#include <string>

#include <arrow/result.h>
#include <curl/curl.h>

namespace larnax::cli {

/// The functions of libcurl that ask a server, loaded when they are: the library brings more than
/// twenty others into a process, and a server needs none of them.
///
/// Stays loaded until the program ends. Each is the `curl_easy_...` (`free`: `curl_free`) of
/// libcurl's manual.
struct Libcurl {
  static constexpr const char* kName = "libcurl.so.4";

  decltype(&curl_easy_init) init;
  decltype(&curl_easy_cleanup) cleanup;
  decltype(&curl_easy_setopt) set_option;
  decltype(&curl_easy_perform) perform;
  decltype(&curl_easy_getinfo) get_info;
  decltype(&curl_easy_strerror) error_text;
  decltype(&curl_easy_escape) escape;
  decltype(&curl_free) free;

  /// \param name  Of the library, as the dynamic linker looks for it.
  /// \retval IOError  It is not there, or is another one.
  static arrow::Result<Libcurl> Load(const std::string& name = kName);
};

}  // namespace larnax::cli
