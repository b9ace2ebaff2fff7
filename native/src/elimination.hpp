// Systems of linear equations in double precision; src/ops/elimination.ts says the same in TypeScript. Matrices are row-major.
#pragma once
#include "vector.hpp"
#include <cmath>
#include <vector>

namespace cambium::CAMBIUM_ISA {

inline double dotted(const double* a, long stepA, const double* b, long stepB, long count) {
  if (stepA == 1 && stepB == 1) {
    // Eight sums side by side: the compiler may not reorder one.
    double sums[8] = {};
    long i = 0;
    for (; i + 8 <= count; i += 8)
      for (int j = 0; j < 8; j++) sums[j] += a[i + j] * b[i + j];
    double total = ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7]));
    for (; i < count; i++) total += a[i] * b[i];
    return total;
  }
  double total = 0;
  for (long i = 0; i < count; i++) total += a[i * stepA] * b[i * stepB];
  return total;
}

/// L of a = L Lᵀ, from the symmetric part of a [n, n]; NaN where it is not positive definite.
inline void cholesky(const double* a, long n, double* out) {
  for (long i = 0; i < n; i++) {
    for (long j = 0; j <= i; j++) {
      const double rest = (a[i * n + j] + a[j * n + i]) / 2 - dotted(out + i * n, 1, out + j * n, 1, j);
      out[i * n + j] = i == j ? std::sqrt(rest) : rest / out[j * n + j];
    }
    for (long j = i + 1; j < n; j++) out[i * n + j] = 0;
  }
}

/// b [n, k] becomes the x of a x = b (transposed: aᵀ x = b), with a triangular a.
inline void substitute(const double* a, long n, double* b, long k, bool upper, bool transposed, bool unit) {
  const long row = transposed ? 1 : n, column = transposed ? n : 1;
  const bool down = upper == transposed;
  for (long step = 0; step < n; step++) {
    const long i = down ? step : n - 1 - step, from = down ? 0 : i + 1, to = down ? i : n;
    double* mine = b + i * k;
    for (long j = from; j < to; j++) {
      const double factor = a[i * row + j * column];
      for (long c = 0; c < k; c++) mine[c] -= factor * b[j * k + c];
    }
    if (unit) continue;
    for (long c = 0; c < k; c++) mine[c] /= a[i * row + i * column];
  }
}

/// a becomes L (with ones on its diagonal) and U of a row-exchanged a = L U; row i came from row order[i]. Returns the sign of the exchange.
inline int decompose(double* a, long n, std::vector<long>& order) {
  int sign = 1;
  order.resize((size_t)n);
  for (long i = 0; i < n; i++) order[i] = i;
  for (long j = 0; j < n; j++) {
    long best = j;
    for (long i = j + 1; i < n; i++)
      if (std::abs(a[i * n + j]) > std::abs(a[best * n + j])) best = i;
    if (best != j) {
      std::swap_ranges(a + j * n, a + (j + 1) * n, a + best * n);
      std::swap(order[j], order[best]);
      sign = -sign;
    }
    const double pivot = a[j * n + j];
    if (pivot == 0) continue;
    for (long i = j + 1; i < n; i++) {
      const double factor = a[i * n + j] /= pivot;
      if (factor != 0)
        for (long c = j + 1; c < n; c++) a[i * n + c] -= factor * a[j * n + c];
    }
  }
  return sign;
}

/// x of a x = b [n, k]; a is used up.
inline void solve(double* a, long n, const double* b, long k, double* out) {
  std::vector<long> order;
  decompose(a, n, order);
  for (long i = 0; i < n; i++) std::copy(b + order[i] * k, b + (order[i] + 1) * k, out + i * k);
  substitute(a, n, out, k, false, false, true);
  substitute(a, n, out, k, true, false, false);
}

/// The sign of the determinant and the logarithm of its size; a is used up.
inline void determinant(double* a, long n, double* out) {
  std::vector<long> order;
  int sign = decompose(a, n, order);
  double log = 0;
  for (long i = 0; i < n; i++) {
    const double pivot = a[i * n + i];
    if (pivot < 0) sign = -sign;
    if (pivot == 0) sign = 0;
    log += std::log(std::abs(pivot));
  }
  out[0] = sign, out[1] = log;
}

/// The columns from `first` on of x [m, width] reflected by the vector below the diagonal of column j of a [m, n].
inline void reflect(const double* a, long j, long m, long n, double factor, double* x, long first, long width, double* along) {
  if (factor == 0) return;
  std::copy(x + j * width + first, x + (j + 1) * width, along);
  for (long i = j + 1; i < m; i++)
    for (long c = first; c < width; c++) along[c - first] += a[i * n + j] * x[i * width + c];
  for (long c = first; c < width; c++) x[j * width + c] -= factor * along[c - first];
  for (long i = j + 1; i < m; i++)
    for (long c = first; c < width; c++) x[i * width + c] -= factor * along[c - first] * a[i * n + j];
}

/// Q [m, k] and R [k, n] of a = Q R by Householder's reflections, with LAPACK's signs; a is used up.
inline void orthogonalize(double* a, long m, long n, double* q, double* r) {
  const long k = std::min(m, n);
  std::vector<double> factors((size_t)k), along((size_t)std::max(n, k));
  for (long j = 0; j < k; j++) {
    const double rest = std::sqrt(dotted(a + (j + 1) * n + j, n, a + (j + 1) * n + j, n, m - j - 1));
    if (rest == 0) continue;
    const double alpha = a[j * n + j], beta = alpha < 0 ? std::hypot(alpha, rest) : -std::hypot(alpha, rest);
    factors[j] = (beta - alpha) / beta;
    for (long i = j + 1; i < m; i++) a[i * n + j] /= alpha - beta;
    a[j * n + j] = beta;
    reflect(a, j, m, n, factors[j], a, j + 1, n, along.data());
  }
  std::fill(q, q + m * k, 0.0), std::fill(r, r + k * n, 0.0);
  for (long i = 0; i < k; i++) std::copy(a + i * n + i, a + (i + 1) * n, r + i * n + i), q[i * k + i] = 1;
  for (long j = k - 1; j >= 0; j--) reflect(a, j, m, n, factors[j], q, j, k, along.data());
}

} // namespace cambium::CAMBIUM_ISA
