# Every library from outside, in one place. docs/decisions/ says why each was taken.

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)

# Arrow and Parquet: an installed Arrow if there is one, else the libraries inside the pyarrow wheel
# of the project's virtual environment. Only libarrow and libparquet are linked, never
# libarrow_compute and what needs it: it carries an RE2 of its own that clashes with the system's.
find_package(Arrow 21 CONFIG QUIET)
find_package(Parquet 21 CONFIG QUIET)
if(Arrow_FOUND AND Parquet_FOUND)
  add_library(larnax_arrow INTERFACE)
  target_link_libraries(larnax_arrow INTERFACE Arrow::arrow_shared Parquet::parquet_shared)
else()
  if(NOT LARNAX_PYTHON)
    set(LARNAX_PYTHON "${PROJECT_SOURCE_DIR}/.venv/bin/python")
  endif()
  execute_process(
    COMMAND "${LARNAX_PYTHON}" -c "import os, pyarrow; print(os.path.dirname(pyarrow.__file__)); \
print(''.join(p.zfill(2) for p in pyarrow.__version__.split('.')[:2]).lstrip('0'))"
    OUTPUT_VARIABLE larnax_pyarrow RESULT_VARIABLE larnax_pyarrow_failed
    OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(larnax_pyarrow_failed)
    message(FATAL_ERROR "No Arrow C++ library: run `make setup`, which installs pyarrow into .venv, "
                        "or pass -DLARNAX_PYTHON=<a python that has pyarrow>.")
  endif()
  string(REPLACE "\n" ";" larnax_pyarrow "${larnax_pyarrow}")
  list(GET larnax_pyarrow 0 larnax_pyarrow_dir)
  list(GET larnax_pyarrow 1 larnax_pyarrow_so)
  add_library(larnax_arrow INTERFACE)
  target_include_directories(larnax_arrow SYSTEM INTERFACE "${larnax_pyarrow_dir}/include")
  target_link_libraries(larnax_arrow INTERFACE
    "${larnax_pyarrow_dir}/libparquet.so.${larnax_pyarrow_so}"
    "${larnax_pyarrow_dir}/libarrow.so.${larnax_pyarrow_so}")
endif()

pkg_check_modules(zstd REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(re2 REQUIRED IMPORTED_TARGET re2)
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash)
find_package(ZLIB REQUIRED)
find_package(OpenSSL 3 REQUIRED)
find_package(Boost 1.81 REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(CURL REQUIRED)
find_path(PROTOZERO_INCLUDE protozero/pbf_reader.hpp REQUIRED)
find_library(SNAPPY_LIBRARY snappy REQUIRED)
find_library(JEMALLOC_LIBRARY jemalloc REQUIRED)
# libxcrypt: bcrypt, for passwords.
find_library(CRYPT_LIBRARY crypt REQUIRED)

add_library(larnax_protozero INTERFACE)
target_include_directories(larnax_protozero SYSTEM INTERFACE "${PROTOZERO_INCLUDE}")
add_library(larnax_snappy INTERFACE)
target_link_libraries(larnax_snappy INTERFACE "${SNAPPY_LIBRARY}")
add_library(larnax_xxhash INTERFACE)
# Header only: the compiler can then specialize for short keys.
target_compile_definitions(larnax_xxhash INTERFACE XXH_INLINE_ALL)

if(LARNAX_TESTS)
  find_package(GTest REQUIRED)
  find_package(benchmark REQUIRED)
endif()
