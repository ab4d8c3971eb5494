#pragma once

#include <cmath>

namespace larnax::base {

/// A sum of doubles with its lost low digits (Kahan-Neumaier). Results depend on the order of the
/// terms and on nothing else.
struct KahanSum {
  double sum = 0;
  double compensation = 0;

  void Add(double term) {
    const double total = sum + term;
    if (std::isinf(total)) {
      compensation = 0;
    } else if (std::abs(sum) >= std::abs(term)) {
      compensation += (sum - total) + term;
    } else {
      compensation += (term - total) + sum;
    }
    sum = total;
  }
  void Scale(double factor) {
    sum *= factor;
    compensation *= factor;
  }
  double Total() const { return sum + compensation; }
};

}  // namespace larnax::base
