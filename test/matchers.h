#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <arrow/result.h>
#include <arrow/status.h>

#include "larnax/error.h"

namespace larnax::test {

inline const arrow::Status& StatusOf(const arrow::Status& status) { return status; }
template <typename T>
const arrow::Status& StatusOf(const arrow::Result<T>& result) {
  return result.status();
}

MATCHER(IsOk, "is OK") {
  *result_listener << StatusOf(arg).ToString();
  return StatusOf(arg).ok();
}

/// Match a failed Status or Result of one kind.
MATCHER_P(IsKind, kind, "fails with the kind") {
  *result_listener << StatusOf(arg).ToString();
  return !StatusOf(arg).ok() && KindOf(StatusOf(arg)) == kind;
}

/// Match a failed Status or Result whose message holds a phrase.
MATCHER_P(HasMessage, phrase, "fails with the message") {
  *result_listener << StatusOf(arg).ToString();
  return !StatusOf(arg).ok() && StatusOf(arg).message().find(phrase) != std::string::npos;
}

#define LARNAX_TEST_CONCAT_(a, b) a##b
#define LARNAX_TEST_CONCAT(a, b) LARNAX_TEST_CONCAT_(a, b)
/// Unwrap a Result in a test, or fail the test.
#define ASSERT_OK_AND_ASSIGN(declaration, expression)               \
  auto LARNAX_TEST_CONCAT(result_, __LINE__) = (expression);        \
  ASSERT_TRUE(LARNAX_TEST_CONCAT(result_, __LINE__).ok())           \
      << LARNAX_TEST_CONCAT(result_, __LINE__).status().ToString(); \
  declaration = std::move(LARNAX_TEST_CONCAT(result_, __LINE__)).ValueUnsafe()
#define ASSERT_OK(expression) ASSERT_THAT((expression), ::larnax::test::IsOk())
#define EXPECT_OK(expression) EXPECT_THAT((expression), ::larnax::test::IsOk())

}  // namespace larnax::test
