// expect-error: not handled in switch
#include "larnax/error.h"

int Exit(larnax::ErrorKind kind) {
  switch (kind) {
    case larnax::ErrorKind::kBadQuery:
      return 2;
#ifdef LARNAX_COMPILES
    default:
      return 5;
#endif
  }
  return 0;
}
