// expect-error: ignoring return value|ignoring returned value
#include <arrow/result.h>

#include "larnax/format.h"

void Drop() {
#ifdef LARNAX_COMPILES
  (void)larnax::ParseTime("0");
#else
  larnax::ParseTime("0");
#endif
}
