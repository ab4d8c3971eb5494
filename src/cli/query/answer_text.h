#pragma once

#include <string>

#include "larnax/query.h"

namespace larnax::cli {

/// Print an answer for eyes: a line per series of a vector; of a matrix a heading per series and a
/// line per point.
std::string AnswerText(const QueryResult& result);

/// Print a plan as a tree; with `analyze`, what each operator took and put out, and at the end what
/// was read.
std::string PlanText(const QueryResult& result, bool analyze);

}  // namespace larnax::cli
