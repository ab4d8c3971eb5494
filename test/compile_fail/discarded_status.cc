// expect-error: ignoring return value|ignoring returned value
#include <arrow/status.h>

#include "larnax/error.h"

void Drop() {
#ifdef LARNAX_COMPILES
  (void)larnax::MakeError(larnax::ErrorKind::kNotFound, "nothing");
#else
  larnax::MakeError(larnax::ErrorKind::kNotFound, "nothing");
#endif
}
