// Elementary functions: on float vectors branch-free and good to a few units in the last place, on doubles through libm.
#pragma once
#include "lane.hpp"

namespace cambium::CAMBIUM_ISA {

constexpr float infinity = __builtin_inff();
constexpr float notANumber = __builtin_nanf("");

template <class V>
CAMBIUM_INLINE V least(V a, V b) {
  V r = (a < b) | (a != a) ? a : b;
  return a == b ? number<V>(bits(a) | bits(b)) : r;
}
template <class V>
CAMBIUM_INLINE V most(V a, V b) {
  V r = (a > b) | (a != a) ? a : b;
  return a == b ? number<V>(bits(a) & bits(b)) : r;
}

/// c[0] x^(N-1) + ... + c[N-1]
template <int N>
CAMBIUM_INLINE F polynomial(F x, const float (&c)[N]) {
  F p = all(c[0]);
  for (int i = 1; i < N; i++) p = p * x + c[i];
  return p;
}

/// exp(x) = 2^k (1 + fraction), with |x - k ln 2| <= ln 2 / 2.
struct Exponential {
  F k, fraction;
};

CAMBIUM_INLINE Exponential exponential(F x) {
  x = x < -104.f ? all(-104.f) : x;
  x = x > 89.f ? all(89.f) : x;
#if defined(__AVX__)
  F k = roundEven(x * 1.44269504f);
#else
  F k = x * 1.44269504f + 12582912.f; // rounds to the nearest whole number
  k -= 12582912.f;
#endif
  F r = x - k * 0.693359375f;
  r -= k * -2.12194440e-4f;
  const float c[] = {1.9875691500e-4f, 1.3981999507e-3f, 8.3334519073e-3f, 4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f};
  return {k, polynomial(r, c) * (r * r) + r};
}

CAMBIUM_INLINE F exp(F x) {
  Exponential e = exponential(x);
  return scale(e.fraction + 1.f, e.k);
}

CAMBIUM_INLINE F expm1(F x) {
  Exponential e = exponential(x);
  F power = scale(all(1.f), e.k);
  F r = e.fraction * power + (power - 1.f);
  return e.k > 30.f ? scale(e.fraction + 1.f, e.k) : r;
}

CAMBIUM_INLINE F log(F x) {
  FI t = bits(x) - 0x3f3504f3; // the mantissa from sqrt(1/2) to sqrt(2)
  F e = __builtin_convertvector(t >> 23, F);
  F f = number<F>((t & 0x7fffff) + 0x3f3504f3) - 1.f;
  const float c[] = {7.0376836292e-2f,  -1.1514610310e-1f, 1.1676998740e-1f,  -1.2420140846e-1f, 1.4249322787e-1f,
                     -1.6668057665e-1f, 2.0000714765e-1f,  -2.4999993993e-1f, 3.3333331174e-1f};
  F z = f * f;
  F y = polynomial(f, c) * f * z;
  y += e * -2.12194440e-4f;
  y -= 0.5f * z;
  F r = (f + y) + e * 0.693359375f;
  r = x < infinity ? r : x;
  r = x > 0.f ? r : (x == 0.f ? all(-infinity) : all(notANumber));
  return r;
}

CAMBIUM_INLINE F log1p(F x) {
  F u = 1.f + x;
  F r = log(u) + (x - (u - 1.f)) / u;
  r = u == 1.f ? x : r;
  return (x == infinity) | (x == -1.f) ? log(u) : r;
}

CAMBIUM_INLINE F log2(F x) {
  F r = log(x);
  F k = roundEven(r * 1.44269504f);
  // Exact for powers of two: the rest is taken from the scaled number.
  F rest = scale(x, -k) - 1.f;
  F exact = k + log1p(rest) * 1.44269504f;
  return (magnitude(k) <= 126.f) ? exact : r * 1.44269504f;
}

CAMBIUM_INLINE F log10(F x) {
  return each(x, [](float v) { return (float)__builtin_log10((double)v); });
}

CAMBIUM_INLINE F tanh(F x) {
  F a = magnitude(x);
  a = a > 10.f ? all(10.f) : a;
  F e = expm1(2.f * a);
  return number<F>(bits(e / (e + 2.f)) | signBit(x));
}

CAMBIUM_INLINE F sigmoid(F x) { return 1.f / (1.f + exp(-x)); }

CAMBIUM_INLINE F softplus(F x) {
  F r = log1p(exp(-magnitude(x)));
  return (x > 0.f ? x : F{}) + (x == x ? r : x);
}

/// erfc(a) for a >= 0, in two factors: `power` is e^(-a * a), and `rest` is erfcx(a), a polynomial in 1 / (1 + 0.4 a).
struct ErrorTail {
  F power, rest;
};

CAMBIUM_INLINE ErrorTail errorTail(F a) {
  // a * a in two parts, so that exp does not see its rounding error.
  F high = number<F>(bits(a) & (int32_t)0xfffff000);
  F d = (high - a) * (high + a);
  F small = 1.f + d * (1.f + d * (0.5f + d * (1.f / 6)));
  F z = exp(-(high * high)) * small;
  F t = 1.f / (1.f + 0.4f * a);
  const float c[] = {-2.9491834342e-2f, 1.4185343683e-1f, -2.3857988417e-1f, 1.4125086367e-1f, -4.9612391740e-2f, 8.5169956088e-2f,
                     1.1864978075e-1f,  1.7179992795e-1f, 2.0760823786e-1f,  2.2567607462e-1f, 2.2567583621e-1f};
  return {a > 10.5f ? F{} : z, t * polynomial(t, c)};
}

/// erf(x) for |x| < 1.
CAMBIUM_INLINE F errorCentre(F x) {
  const float c[] = {7.853861353153693e-5f, -8.010193625184903e-4f, 5.188327685732524e-3f, -2.685381193529856e-2f,
                     1.128358514861418e-1f, -3.761262582423300e-1f, 1.128379165726710e+0f};
  return x * polynomial(x * x, c);
}

CAMBIUM_INLINE F erf(F x) {
  F a = magnitude(x);
  ErrorTail e = errorTail(a);
  F tail = number<F>(bits(1.f - e.power * e.rest) | signBit(x));
  F r = a < 1.f ? errorCentre(x) : tail;
  return x == x ? r : x;
}

CAMBIUM_INLINE F erfc(F x) {
  ErrorTail e = errorTail(magnitude(x));
  F tail = e.power * e.rest;
  F r = x < 0.f ? 2.f - tail : tail;
  return x == x ? r : x;
}

CAMBIUM_INLINE F gelu(F x) {
  F r = 0.5f * x * erfc(x * -0.70710678f);
  return x == -infinity ? F{} : r;
}

/// The slope of gelu: the chance of a number below x, and x times the bell curve, of which the chance's tail has worked out the power.
CAMBIUM_INLINE F geluSlope(F x) {
  ErrorTail e = errorTail(magnitude(x) * 0.70710678f);
  F tail = 0.5f * e.power * e.rest;
  F r = (x > 0.f ? 1.f - tail : tail) + (e.power == 0.f ? F{} : x * e.power * 0.39894228f);
  return x == x ? r : x;
}

CAMBIUM_INLINE F geluTanh(F x) {
  // 0.5 (1 + tanh(u)) = sigmoid(2u)
  F u = 1.59576912f * (x + 0.044715f * x * x * x);
  F r = x / (1.f + exp(-u));
  return x == -infinity ? F{} : r;
}

/// sin(x + quarter * pi / 2); large arguments go through libm.
template <int quarter>
CAMBIUM_INLINE F sine(F x) {
  FI large = (FI)(magnitude(x) > 8192.f);
  bool any = false;
  for (int i = 0; i < Lane<float>::n; i++) any |= large[i] != 0;
  if (__builtin_expect(any, false))
    return each(x, [](float v) { return (float)(quarter ? __builtin_cos((double)v) : __builtin_sin((double)v)); });
  F k = roundEven(x * 0.636619772f);
  F r = x - k * 1.5703125f;
  r -= k * 4.837512969970703125e-4f;
  r -= k * 7.549789948768648e-8f;
  FI q = __builtin_convertvector(k, FI) + quarter;
  F z = r * r;
  const float s[] = {-1.9515295891e-4f, 8.3321608736e-3f, -1.6666654611e-1f};
  const float c[] = {2.443315711809948e-5f, -1.388731625493765e-3f, 4.166664568298827e-2f};
  F sin = polynomial(z, s) * z * r + r;
  F cos = polynomial(z, c) * z * z + (1.f - 0.5f * z);
  F y = (q & 1) != 0 ? cos : sin;
  return number<F>(bits(y) ^ ((q & 2) << 30));
}
CAMBIUM_INLINE F sin(F x) {
  F r = sine<0>(x);
  return x == 0.f ? x : (x - x == 0.f ? r : all(notANumber));
}
CAMBIUM_INLINE F cos(F x) {
  F r = sine<1>(x);
  return x - x == 0.f ? r : all(notANumber);
}

#define CAMBIUM_LIBM(NAME)                                                                                             \
  CAMBIUM_INLINE D NAME(D x) { return each(x, [](double v) { return __builtin_##NAME(v); }); }
CAMBIUM_LIBM(exp)
CAMBIUM_LIBM(expm1)
CAMBIUM_LIBM(log)
CAMBIUM_LIBM(log1p)
CAMBIUM_LIBM(log2)
CAMBIUM_LIBM(log10)
CAMBIUM_LIBM(tanh)
CAMBIUM_LIBM(sin)
CAMBIUM_LIBM(cos)
CAMBIUM_LIBM(erf)
CAMBIUM_LIBM(erfc)
#undef CAMBIUM_LIBM

// Seldom used: in double precision through libm, for floats too.
#define CAMBIUM_LIBM(NAME)                                                                                             \
  template <class V>                                                                                                   \
  CAMBIUM_INLINE V NAME(V x) {                                                                                         \
    using T = typename Of<V>::T;                                                                                       \
    return each(x, [](T v) { return (T)__builtin_##NAME((double)v); });                                                \
  }
CAMBIUM_LIBM(tan)
CAMBIUM_LIBM(asin)
CAMBIUM_LIBM(acos)
CAMBIUM_LIBM(atan)
CAMBIUM_LIBM(sinh)
CAMBIUM_LIBM(cosh)
CAMBIUM_LIBM(asinh)
CAMBIUM_LIBM(acosh)
CAMBIUM_LIBM(atanh)
#undef CAMBIUM_LIBM

#define CAMBIUM_LIBM(NAME, CALL)                                                                                       \
  template <class V>                                                                                                   \
  CAMBIUM_INLINE V NAME(V x, V y) {                                                                                    \
    using T = typename Of<V>::T;                                                                                       \
    return each(x, y, [](T v, T w) { return (T)CALL((double)v, (double)w); });                                         \
  }
inline double floorMod(double a, double b) {
  double r = __builtin_fmod(a, b);
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}
inline double floorDiv(double a, double b) { return __builtin_floor(a / b); }
CAMBIUM_LIBM(pow, __builtin_pow)
CAMBIUM_LIBM(atan2, __builtin_atan2)
CAMBIUM_LIBM(hypot, __builtin_hypot)
CAMBIUM_LIBM(mod, floorMod)
CAMBIUM_LIBM(floorDiv, floorDiv)
#undef CAMBIUM_LIBM

CAMBIUM_INLINE D sigmoid(D x) { return 1.0 / (1.0 + exp(-x)); }
CAMBIUM_INLINE D softplus(D x) {
  return each(x, [](double v) { return v != v ? v : (v > 0 ? v : 0) + __builtin_log1p(__builtin_exp(-__builtin_fabs(v))); });
}
CAMBIUM_INLINE D gelu(D x) {
  return each(x, [](double v) { return v < -40 ? 0 : 0.5 * v * __builtin_erfc(v * -0.70710678118654752440); });
}
CAMBIUM_INLINE D geluSlope(D x) {
  return each(x, [](double v) {
    double density = __builtin_exp(-0.5 * v * v) * 0.39894228040143267794;
    return 0.5 * __builtin_erfc(v * -0.70710678118654752440) + (density == 0 ? 0 : v * density);
  });
}
CAMBIUM_INLINE D geluTanh(D x) {
  return each(x, [](double v) {
    double u = 1.5957691216057307 * (v + 0.044715 * v * v * v);
    return v < -40 ? 0 : v / (1 + __builtin_exp(-u));
  });
}

} // namespace cambium::CAMBIUM_ISA
