#include "larnax/version.h"

#ifndef LARNAX_REVISION
#define LARNAX_REVISION "unknown"
#endif

namespace larnax {

const char* Version() { return LARNAX_VERSION; }
const char* Revision() { return LARNAX_REVISION; }

}  // namespace larnax
