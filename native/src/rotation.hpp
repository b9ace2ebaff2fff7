// Eigenvalues and singular values by rotations, in double precision; src/ops/rotation.ts says the same in TypeScript.
#pragma once
#include "elimination.hpp"
#include "lapack.hpp"
#include <algorithm>

namespace cambium::CAMBIUM_ISA {

/// Rows p and q, `count` long, turned: p becomes c p - s q, q becomes s p + c q.
inline void turnRows(double* p, double* q, long count, double c, double s) {
  for (long i = 0; i < count; i++) {
    const double a = p[i], b = q[i];
    p[i] = c * a - s * b;
    q[i] = s * a + c * b;
  }
}

/// Turns a row around so that its largest number is positive: eigenvectors are known up to their sign only. Whether it has.
inline bool settleSign(double* row, long count) {
  double largest = 0;
  for (long i = 0; i < count; i++)
    if (std::abs(row[i]) > std::abs(largest) * (1 + 1e-9)) largest = row[i];
  if (largest < 0)
    for (long i = 0; i < count; i++) row[i] = -row[i];
  return largest < 0;
}

/// Rows of x in the order given.
inline void arrange(const std::vector<long>& order, double* x, long count) {
  const std::vector<double> before(x, x + (long)order.size() * count);
  for (size_t to = 0; to < order.size(); to++) std::copy(before.begin() + order[to] * count, before.begin() + (order[to] + 1) * count, x + (long)to * count);
}

inline std::vector<long> sorted(const double* keys, long n, bool falling) {
  std::vector<long> order((size_t)n);
  for (long i = 0; i < n; i++) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](long i, long j) { return falling ? keys[i] > keys[j] : keys[i] < keys[j]; });
  return order;
}

/// x [n, n] becomes tridiagonal: w its diagonal, beside[i] between i and i + 1; the rows of v are the basis in which it is.
inline void tridiagonalize(double* x, long n, double* w, double* beside, double* v) {
  std::fill(v, v + n * n, 0.0);
  for (long i = 0; i < n; i++) v[i * n + i] = 1;
  std::vector<double> u((size_t)n), p((size_t)n);
  for (long k = 0; k < n - 2; k++) {
    double rest = 0;
    for (long i = k + 2; i < n; i++) rest += x[i * n + k] * x[i * n + k];
    if (rest == 0) continue;
    const double alpha = x[(k + 1) * n + k], beta = alpha > 0 ? -std::sqrt(alpha * alpha + rest) : std::sqrt(alpha * alpha + rest);
    u[k + 1] = alpha - beta;
    for (long i = k + 2; i < n; i++) u[i] = x[i * n + k];
    const double scale = 2 / (u[k + 1] * u[k + 1] + rest);
    double along = 0;
    for (long i = k + 1; i < n; i++) p[i] = scale * dotted(x + i * n + k + 1, 1, &u[k + 1], 1, n - k - 1), along += p[i] * u[i];
    for (long i = k + 1; i < n; i++) p[i] -= scale / 2 * along * u[i];
    for (long i = k + 1; i < n; i++)
      for (long j = k + 1; j < n; j++) x[i * n + j] -= u[i] * p[j] + p[i] * u[j];
    x[(k + 1) * n + k] = beta;
    std::fill(p.begin(), p.end(), 0.0);
    for (long i = k + 1; i < n; i++)
      for (long c = 0; c < n; c++) p[c] += u[i] * v[i * n + c];
    for (long i = k + 1; i < n; i++)
      for (long c = 0; c < n; c++) v[i * n + c] -= scale * p[c] * u[i];
  }
  for (long i = 0; i < n; i++) w[i] = x[i * n + i], beside[i] = i + 1 < n ? x[(i + 1) * n + i] : 0;
}

/// A tridiagonal matrix made diagonal by the QL method with implicit shifts; the rows of v are turned along.
inline void diagonalize(double* w, double* beside, long n, double* v) {
  for (long l = 0; l < n; l++)
    for (int round = 0; round < 60; round++) {
      long m = l;
      while (m < n - 1 && std::abs(beside[m]) > 0x1p-52 * (std::abs(w[m]) + std::abs(w[m + 1]))) m++;
      if (m == l) break;
      double g = (w[l + 1] - w[l]) / (2 * beside[l]);
      g = w[m] - w[l] + beside[l] / (g + (g < 0 ? -std::hypot(g, 1.0) : std::hypot(g, 1.0)));
      double s = 1, c = 1, p = 0;
      long i = m - 1;
      for (; i >= l; i--) {
        const double f = s * beside[i], b = c * beside[i], r = std::hypot(f, g);
        beside[i + 1] = r;
        if (r == 0) {
          w[i + 1] -= p, beside[m] = 0;
          break;
        }
        s = f / r, c = g / r, g = w[i + 1] - p;
        const double t = (w[i] - g) * s + 2 * c * b;
        p = s * t, w[i + 1] = g + p, g = c * t - b;
        turnRows(v + i * n, v + (i + 1) * n, n, c, s);
      }
      if (i >= l) continue;
      w[l] -= p, beside[l] = g, beside[m] = 0;
    }
}

inline bool allFinite(const double* x, long count) {
  return std::all_of(x, x + count, [](double v) { return std::abs(v) < INFINITY; });
}

/// Eigenvalues w [n], rising, of the symmetric part of a, and in the rows of v [n, n] the eigenvectors; a is used up.
inline void eigen(double* a, long n, double* w, double* v) {
  if (!allFinite(a, n * n)) return std::fill(w, w + n, NAN), std::fill(v, v + n * n, NAN);
  for (long i = 0; i < n; i++)
    for (long j = 0; j < i; j++) a[i * n + j] = a[j * n + i] = (a[i * n + j] + a[j * n + i]) / 2;
  if (n >= worthLapack && lapackEigen(a, n, w)) std::copy(a, a + n * n, v);
  else {
    std::vector<double> beside((size_t)n + 1);
    tridiagonalize(a, n, w, beside.data(), v);
    diagonalize(w, beside.data(), n, v);
    const std::vector<long> order = sorted(w, n, false);
    arrange(order, v, n), arrange(order, w, 1);
  }
  for (long i = 0; i < n; i++) settleSign(v + i * n, n);
}

/// Row j of u [.., m] becomes a unit vector at right angles to all rows before it.
inline void fillIn(double* u, long j, long m) {
  double* mine = u + j * m;
  for (long axis = 0; axis < m; axis++) {
    std::fill(mine, mine + m, 0.0);
    mine[axis] = 1;
    for (int again = 0; again < 2; again++)
      for (long k = 0; k < j; k++) {
        const double along = dotted(u + k * m, 1, mine, 1, m);
        for (long i = 0; i < m; i++) mine[i] -= along * u[k * m + i];
      }
    const double length = dotted(mine, 1, mine, 1, m);
    if (length < 0.25 / (double)m) continue;
    for (long i = 0; i < m; i++) mine[i] /= std::sqrt(length);
    return;
  }
}

/// Singular values s [k], falling, of a [m, n], and in the rows of u [k, m] and v [k, n] the singular vectors; a is used up.
inline void singular(double* a, long m, long n, double* u, double* s, double* v) {
  const long k = std::min(m, n);
  if (!allFinite(a, m * n)) return std::fill(u, u + k * m, NAN), std::fill(s, s + k, NAN), std::fill(v, v + k * n, NAN);
  if (k >= worthLapack && lapackSingular(a, m, n, u, s, v)) {
    for (long j = 0; j < k; j++)
      if (settleSign(v + j * n, n))
        for (long i = 0; i < m; i++) u[j * m + i] = -u[j * m + i];
    return;
  }
  if (m < n) {
    std::vector<double> turned((size_t)(m * n));
    for (long i = 0; i < m; i++)
      for (long j = 0; j < n; j++) turned[j * m + i] = a[i * n + j];
    return singular(turned.data(), n, m, v, s, u);
  }
  for (long i = 0; i < m; i++)
    for (long j = 0; j < n; j++) u[j * m + i] = a[i * n + j];
  std::fill(v, v + n * n, 0.0);
  for (long j = 0; j < n; j++) v[j * n + j] = 1;
  for (int sweep = 0; sweep < 60; sweep++) {
    bool turned = false;
    for (long p = 0; p < n - 1; p++)
      for (long q = p + 1; q < n; q++) {
        double *x = u + p * m, *y = u + q * m;
        const double alpha = dotted(x, 1, x, 1, m), beta = dotted(y, 1, y, 1, m), gamma = dotted(x, 1, y, 1, m);
        if (std::abs(gamma) <= 1e-15 * std::sqrt(alpha * beta) || gamma == 0 || !(std::abs(gamma) < INFINITY)) continue;
        turned = true;
        const double zeta = (beta - alpha) / (2 * gamma), t = (zeta < 0 ? -1 : 1) / (std::abs(zeta) + std::hypot(1.0, zeta));
        const double c = 1 / std::hypot(1.0, t);
        turnRows(x, y, m, c, c * t), turnRows(v + p * n, v + q * n, n, c, c * t);
      }
    if (!turned) break;
  }
  for (long j = 0; j < n; j++) s[j] = std::sqrt(dotted(u + j * m, 1, u + j * m, 1, m));
  const std::vector<long> order = sorted(s, n, true);
  arrange(order, u, m), arrange(order, v, n), arrange(order, s, 1);
  for (long j = 0; j < n; j++) {
    double* mine = u + j * m;
    if (s[j] > s[0] * 1e-14)
      for (long i = 0; i < m; i++) mine[i] /= s[j];
    else fillIn(u, j, m);
    if (settleSign(v + j * n, n))
      for (long i = 0; i < m; i++) mine[i] = -mine[i];
  }
}

} // namespace cambium::CAMBIUM_ISA
