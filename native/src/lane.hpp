// One vector register of float or double with the arithmetic that bodies need, and the same on a part of a register.
#pragma once
#include "vector.hpp"
#include <cmath>
#include <cstdint>

namespace cambium::CAMBIUM_ISA {

template <class T>
struct Lane;

template <>
struct Lane<float> {
  typedef float V __attribute__((vector_size(vectorBytes)));
  typedef int32_t I __attribute__((vector_size(vectorBytes)));
  typedef uint32_t U __attribute__((vector_size(vectorBytes)));
  static constexpr int n = vectorBytes / 4;
};

template <>
struct Lane<double> {
  typedef double V __attribute__((vector_size(vectorBytes)));
  typedef int64_t I __attribute__((vector_size(vectorBytes)));
  typedef uint64_t U __attribute__((vector_size(vectorBytes)));
  static constexpr int n = vectorBytes / 8;
};

using F = Lane<float>::V;
using FI = Lane<float>::I;
using FU = Lane<float>::U;
using D = Lane<double>::V;

template <class V>
struct Of;
template <>
struct Of<F> {
  using T = float;
  using I = Lane<float>::I;
};
template <>
struct Of<D> {
  using T = double;
  using I = Lane<double>::I;
};

template <class T>
CAMBIUM_INLINE typename Lane<T>::V get(const T* p) {
  typename Lane<T>::V v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}

template <class V, class T>
CAMBIUM_INLINE void put(T* p, V v) {
  __builtin_memcpy(p, &v, sizeof v);
}

template <class T>
CAMBIUM_INLINE typename Lane<T>::V all(T x) {
  return typename Lane<T>::V{} + x;
}

/// The first `count` (1 .. n - 1) lanes: what is left over at the end of a row.
template <class T>
struct Some {
  long count;
#if defined(__AVX512F__)
  unsigned mask;
  explicit Some(long n) : count(n), mask((1u << n) - 1) {}
#elif defined(__AVX2__)
  __m256i mask;
  explicit Some(long n) : count(n) {
    if constexpr (sizeof(T) == 4)
      mask = _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    else mask = _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), _mm256_setr_epi64x(0, 1, 2, 3));
  }
#else
  explicit Some(long n) : count(n) {}
#endif
};

template <class T>
CAMBIUM_INLINE typename Lane<T>::V get(const T* p, const Some<T>& some) {
  using V = typename Lane<T>::V;
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4) return (V)_mm512_maskz_loadu_ps((__mmask16)some.mask, p);
  else return (V)_mm512_maskz_loadu_pd((__mmask8)some.mask, p);
#elif defined(__AVX2__)
  if constexpr (sizeof(T) == 4) return (V)_mm256_maskload_ps(p, some.mask);
  else return (V)_mm256_maskload_pd(p, some.mask);
#else
  V v{};
  for (int i = 0; i < Lane<T>::n; i++)
    if (i < some.count) v[i] = p[i];
  return v;
#endif
}

template <class V, class T>
CAMBIUM_INLINE void put(T* p, V v, const Some<T>& some) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4) _mm512_mask_storeu_ps(p, (__mmask16)some.mask, (__m512)v);
  else _mm512_mask_storeu_pd(p, (__mmask8)some.mask, (__m512d)v);
#elif defined(__AVX2__)
  if constexpr (sizeof(T) == 4) _mm256_maskstore_ps(p, some.mask, (__m256)v);
  else _mm256_maskstore_pd(p, some.mask, (__m256d)v);
#else
  for (int i = 0; i < Lane<T>::n; i++)
    if (i < some.count) p[i] = v[i];
#endif
}

/// f on each lane by itself: for what the instruction set lacks.
template <class V, class G>
CAMBIUM_INLINE V each(V a, G f) {
  using T = typename Of<V>::T;
  T x[Lane<T>::n];
  put(x, a);
  for (int i = 0; i < Lane<T>::n; i++) x[i] = f(x[i]);
  return get<T>(x);
}
template <class V, class G>
CAMBIUM_INLINE V each(V a, V b, G f) {
  using T = typename Of<V>::T;
  T x[Lane<T>::n], y[Lane<T>::n];
  put(x, a), put(y, b);
  for (int i = 0; i < Lane<T>::n; i++) x[i] = f(x[i], y[i]);
  return get<T>(x);
}

template <class V>
CAMBIUM_INLINE typename Of<V>::I bits(V v) {
  return (typename Of<V>::I)v;
}
template <class V>
CAMBIUM_INLINE V number(typename Of<V>::I i) {
  return (V)i;
}

CAMBIUM_INLINE F root(F x) {
#if defined(__AVX512F__)
  return (F)_mm512_sqrt_ps((__m512)x);
#elif defined(__AVX__)
  return (F)_mm256_sqrt_ps((__m256)x);
#else
  return each(x, [](float v) { return __builtin_sqrtf(v); });
#endif
}
CAMBIUM_INLINE D root(D x) {
#if defined(__AVX512F__)
  return (D)_mm512_sqrt_pd((__m512d)x);
#elif defined(__AVX__)
  return (D)_mm256_sqrt_pd((__m256d)x);
#else
  return each(x, [](double v) { return __builtin_sqrt(v); });
#endif
}

#if defined(__AVX512F__)
#define CAMBIUM_ROUND(NAME, MODE, SINGLE, DOUBLE)                                                                      \
  CAMBIUM_INLINE F NAME(F x) { return (F)_mm512_roundscale_ps((__m512)x, MODE); }                                      \
  CAMBIUM_INLINE D NAME(D x) { return (D)_mm512_roundscale_pd((__m512d)x, MODE); }
#elif defined(__AVX__)
#define CAMBIUM_ROUND(NAME, MODE, SINGLE, DOUBLE)                                                                      \
  CAMBIUM_INLINE F NAME(F x) { return (F)_mm256_round_ps((__m256)x, MODE); }                                           \
  CAMBIUM_INLINE D NAME(D x) { return (D)_mm256_round_pd((__m256d)x, MODE); }
#else
#define CAMBIUM_ROUND(NAME, MODE, SINGLE, DOUBLE)                                                                      \
  CAMBIUM_INLINE F NAME(F x) { return each(x, [](float v) { return SINGLE(v); }); }                                    \
  CAMBIUM_INLINE D NAME(D x) { return each(x, [](double v) { return DOUBLE(v); }); }
#endif
CAMBIUM_ROUND(roundEven, 8, __builtin_nearbyintf, __builtin_nearbyint)
CAMBIUM_ROUND(roundDown, 9, __builtin_floorf, __builtin_floor)
CAMBIUM_ROUND(roundUp, 10, __builtin_ceilf, __builtin_ceil)
CAMBIUM_ROUND(roundToZero, 11, __builtin_truncf, __builtin_trunc)
#undef CAMBIUM_ROUND

/// x with its sign taken off, and the sign bit alone.
CAMBIUM_INLINE F magnitude(F x) { return number<F>(bits(x) & 0x7fffffff); }
CAMBIUM_INLINE D magnitude(D x) { return number<D>(bits(x) & 0x7fffffffffffffffL); }
CAMBIUM_INLINE FI signBit(F x) { return bits(x) & (int32_t)0x80000000; }

/// x * 2^k for whole k from -300 to 300.
CAMBIUM_INLINE F scale(F x, F k) {
#if defined(__AVX512F__)
  return (F)_mm512_scalef_ps((__m512)x, (__m512)k);
#else
  // In two steps, so that results near the ends of the range come out right.
  FI whole = __builtin_convertvector(k, FI), half = whole >> 1, rest = whole - half;
  return x * number<F>((half + 127) << 23) * number<F>((rest + 127) << 23);
#endif
}

} // namespace cambium::CAMBIUM_ISA
