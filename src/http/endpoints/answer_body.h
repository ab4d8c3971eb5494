#pragma once

#include <memory>

#include <arrow/result.h>

#include "http/message/request.h"
#include "http/message/response.h"
#include "larnax/query.h"

namespace larnax::http {

/// Choose the form of an answer: the parameter `format` decides; without it the Accept header, if
/// it names one of the other forms.
///
/// \retval kBadQuery There is no such form.
arrow::Result<AnswerFormat> ChooseFormat(const Request& request);

/// Make a response whose body is drawn from `writer`; with `stats_trailer`, what was read is told
/// in a header field after it.
Response AnswerResponse(AnswerFormat format, std::unique_ptr<AnswerWriter> writer,
                        bool stats_trailer);

}  // namespace larnax::http
