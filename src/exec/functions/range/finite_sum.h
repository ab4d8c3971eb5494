#pragma once

namespace larnax::exec {

/// A base::KahanSum without branches: the same bits, unless a sum is not finite. Then the sum is
/// the same, and the compensation means nothing.
///
/// The error of a rounded sum of two doubles is a double itself. There are two ways to find it, and
/// this one need not know which term is the greater.
struct FiniteSum {
  double sum = 0;
  double compensation = 0;

  void Add(double term) {
    const double total = sum + term;
    const double part = total - sum;
    compensation += (sum - (total - part)) + (term - part);
    sum = total;
  }
  double Total() const { return sum + compensation; }
};

}  // namespace larnax::exec
