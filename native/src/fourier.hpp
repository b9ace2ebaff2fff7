// The discrete Fourier transform of any length in n log n steps: Stockham's stages for small factors, Bluestein's convolution where a large prime divides the length.
#pragma once
#include <cmath>
#include <memory>
#include <vector>

namespace cambium::CAMBIUM_ISA {

struct Complex {
  double re, im;
};
inline Complex operator+(Complex a, Complex b) { return {a.re + b.re, a.im + b.im}; }
inline Complex operator-(Complex a, Complex b) { return {a.re - b.re, a.im - b.im}; }
inline Complex operator*(Complex a, Complex b) { return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re}; }
inline Complex operator*(double s, Complex a) { return {s * a.re, s * a.im}; }
/// -i a
inline Complex turned(Complex a) { return {a.im, -a.re}; }

/// e^(-2 pi i k / n)
inline Complex root(long k, long n) {
  const double angle = -2 * 3.14159265358979323846 * (double)(k % n) / (double)n;
  return {std::cos(angle), std::sin(angle)};
}

class Fourier {
public:
  explicit Fourier(long n) : n(n) {
    long rest = n;
    for (long r : {4L, 2L, 3L, 5L}) while (rest % r == 0 && rest > 1) factors.push_back(r), rest /= r;
    for (long r = 7; rest > 1 && r <= largest; r += 2) while (rest % r == 0) factors.push_back(r), rest /= r;
    if (rest > 1) {
      factors.clear();
      long m = 1;
      while (m < 2 * n - 1) m *= 2;
      inner = std::make_unique<Fourier>(m);
      std::vector<Complex> around((size_t)m, Complex{0, 0}), spare((size_t)m);
      for (long k = 0; k < n; k++) {
        // k^2 / 2n of a turn: k^2 modulo 2n keeps the angle small.
        const Complex c = root((long)((unsigned long long)k * (unsigned long long)k % (unsigned long long)(2 * n)), 2 * n);
        chirp.push_back(c);
        around[k] = {c.re, -c.im};
        if (k > 0) around[m - k] = {c.re, -c.im};
      }
      const Complex* made = inner->stages(around.data(), spare.data(), 1);
      kernel.assign(made, made + m);
      return;
    }
    for (long k = 0; k < n; k++) roots.push_back(root(k, n));
  }

  /// Lines that can be transformed at once, next to each other.
  bool several() const { return !inner; }
  /// Numbers of room that `transform` needs for `lines` lines, those themselves included.
  long room(long lines) const { return inner ? n + 2 * inner->n : 2 * n * lines; }

  /// Transforms x[k * lines + line]; the result lies where the returned pointer says. `x` has `room(lines)` numbers.
  const Complex* transform(Complex* x, long lines, bool backward) const {
    if (backward) conjugate(x, n * lines);
    Complex* y = inner ? convolved(x) : stages(x, x + n * lines, lines);
    if (backward) conjugate(y, n * lines);
    return y;
  }

private:
  static constexpr long largest = 41;
  long n;
  std::vector<long> factors;
  std::vector<Complex> roots, chirp, kernel;
  std::unique_ptr<Fourier> inner;

  static void conjugate(Complex* x, long count) {
    for (long i = 0; i < count; i++) x[i].im = -x[i].im;
  }

  Complex* convolved(Complex* x) const {
    const long m = inner->n;
    Complex *a = x + n, *b = a + m;
    for (long k = 0; k < n; k++) a[k] = x[k] * chirp[k];
    for (long k = n; k < m; k++) a[k] = {0, 0};
    Complex* y = inner->stages(a, b, 1);
    for (long k = 0; k < m; k++) {
      const Complex product = y[k] * kernel[k];
      y[k] = {product.re, -product.im};
    }
    Complex* z = inner->stages(y, y == a ? b : a, 1);
    const double scale = 1 / (double)m;
    for (long k = 0; k < n; k++) x[k] = scale * (Complex{z[k].re, -z[k].im} * chirp[k]);
    return x;
  }

  /// All factors, one after another, between x and y; the one that holds the result.
  Complex* stages(Complex* x, Complex* y, long step) const {
    long left = n;
    for (long r : factors) {
      const long m = left / r;
      switch (r) {
        case 2: stage<2>(x, y, m, step, n / left, r); break;
        case 3: stage<3>(x, y, m, step, n / left, r); break;
        case 4: stage<4>(x, y, m, step, n / left, r); break;
        case 5: stage<5>(x, y, m, step, n / left, r); break;
        default: stage<0>(x, y, m, step, n / left, r);
      }
      std::swap(x, y);
      left = m, step *= r;
    }
    return x;
  }

  /// y[q + step (r p + j)] = w^(j p) sum_k w_r^(j k) x[q + step (p + m k)], w the root of length m r, which is roots[stride].
  template <int R>
  void stage(const Complex* x, Complex* y, long m, long step, long stride, long r) const {
    for (long p = 0; p < m; p++) {
      const Complex* from = x + step * p;
      Complex* to = y + step * r * p;
      Complex w[largest + 1];
      for (long j = 0; j < r; j++) w[j] = roots[stride * j * p];
      const long far = step * m;
      for (long q = 0; q < step; q++) {
        if constexpr (R == 2) {
          const Complex a = from[q], b = from[q + far];
          to[q] = a + b, to[q + step] = w[1] * (a - b);
        } else if constexpr (R == 4) {
          const Complex a = from[q], b = from[q + far], c = from[q + 2 * far], d = from[q + 3 * far];
          const Complex s = a + c, t = a - c, u = b + d, v = turned(b - d);
          to[q] = s + u, to[q + step] = w[1] * (t + v), to[q + 2 * step] = w[2] * (s - u), to[q + 3 * step] = w[3] * (t - v);
        } else if constexpr (R == 3) {
          const Complex a = from[q], b = from[q + far], c = from[q + 2 * far];
          const Complex s = b + c, t = a - 0.5 * s, v = 0.86602540378443864676 * turned(b - c);
          to[q] = a + s, to[q + step] = w[1] * (t + v), to[q + 2 * step] = w[2] * (t - v);
        } else if constexpr (R == 5) {
          const double c1 = 0.30901699437494742410, c2 = -0.80901699437494742410, s1 = 0.95105651629515357212, s2 = 0.58778525229247312917;
          const Complex a = from[q], b = from[q + far], c = from[q + 2 * far], d = from[q + 3 * far], e = from[q + 4 * far];
          const Complex be = b + e, cd = c + d, be2 = turned(b - e), cd2 = turned(c - d);
          const Complex t1 = a + c1 * be + c2 * cd, t2 = a + c2 * be + c1 * cd;
          const Complex v1 = s1 * be2 + s2 * cd2, v2 = s2 * be2 - s1 * cd2;
          to[q] = a + be + cd;
          to[q + step] = w[1] * (t1 + v1), to[q + 4 * step] = w[4] * (t1 - v1);
          to[q + 2 * step] = w[2] * (t2 + v2), to[q + 3 * step] = w[3] * (t2 - v2);
        } else {
          const long turn = n / r;
          for (long j = 0; j < r; j++) {
            Complex total = from[q];
            for (long k = 1; k < r; k++) total = total + roots[j * k % r * turn] * from[q + k * far];
            to[q + j * step] = w[j] * total;
          }
        }
      }
    }
  }
};

} // namespace cambium::CAMBIUM_ISA
