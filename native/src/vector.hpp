// The vector register of the instruction set this file is compiled for, as a compiler vector type.
#pragma once
#include <cstddef>
#include <cstring>
#include <utility>
#if defined(__AVX__)
#include <immintrin.h>
#endif

#ifndef CAMBIUM_ISA
#define CAMBIUM_ISA plain
#endif
#define CAMBIUM_INLINE inline __attribute__((always_inline))
#if defined(__clang__)
#define CAMBIUM_UNROLL _Pragma("unroll")
#else
#define CAMBIUM_UNROLL _Pragma("GCC unroll 32")
#endif

namespace cambium::CAMBIUM_ISA {

#if defined(__AVX512F__)
constexpr int vectorBytes = 64;
#elif defined(__AVX__)
constexpr int vectorBytes = 32;
#else
constexpr int vectorBytes = 16;
#endif
constexpr int lanes = vectorBytes / 4;

/// A register of floats that may be loaded from and stored to any address of a float.
typedef float Vector __attribute__((vector_size(vectorBytes), aligned(4), may_alias));
typedef int IntVector __attribute__((vector_size(vectorBytes), aligned(4), may_alias));

CAMBIUM_INLINE Vector load(const float* p) { return *(const Vector*)p; }
CAMBIUM_INLINE void store(float* p, Vector v) { *(Vector*)p = v; }
CAMBIUM_INLINE Vector splat(float value) { return Vector{} + value; }

/// The first `count` lanes of a vector (0..lanes), for the ragged end of a row.
struct Part {
  int count;
#if defined(__AVX512F__)
  __mmask16 mask;
  explicit Part(int n) : count(n), mask((__mmask16)((1u << n) - 1)) {}
#elif defined(__AVX2__)
  __m256i mask;
  explicit Part(int n)
      : count(n), mask(_mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))) {}
#else
  explicit Part(int n) : count(n) {}
#endif
};

CAMBIUM_INLINE Vector load(const float* p, const Part& part) {
#if defined(__AVX512F__)
  return (Vector)_mm512_maskz_loadu_ps(part.mask, p);
#elif defined(__AVX2__)
  return (Vector)_mm256_maskload_ps(p, part.mask);
#else
  Vector v{};
  for (int i = 0; i < lanes; i++)
    if (i < part.count) v[i] = p[i];
  return v;
#endif
}

CAMBIUM_INLINE void store(float* p, Vector v, const Part& part) {
#if defined(__AVX512F__)
  _mm512_mask_storeu_ps(p, part.mask, (__m512)v);
#elif defined(__AVX2__)
  _mm256_maskstore_ps(p, part.mask, (__m256)v);
#else
  for (int i = 0; i < lanes; i++)
    if (i < part.count) p[i] = v[i];
#endif
}

#if defined(__clang__)
#define CAMBIUM_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define CAMBIUM_SHUFFLE(a, b, ...) __builtin_shuffle(a, b, IntVector{__VA_ARGS__})
#endif

/// Lanes of the pair (a, b): `half` 0 or 1 of every group of `Group` lanes.
template <int Group, int Half, size_t... I>
CAMBIUM_INLINE Vector halves(Vector a, Vector b, std::index_sequence<I...>) {
  return CAMBIUM_SHUFFLE(a, b, (int)(I / (Group / 2) * Group + I % (Group / 2) + Half * (Group / 2))...);
}

/// The sums of all lanes of `lanes` vectors, lane i that of r[i]: folds pairs of vectors until one is left.
template <int Group = lanes>
CAMBIUM_INLINE Vector totals(Vector* r) {
  if constexpr (Group == 1) {
    return r[0];
  } else {
    CAMBIUM_UNROLL
    for (int i = 0; i < Group / 2; i++) {
      const Vector a = r[2 * i], b = r[2 * i + 1];
      const auto all = std::make_index_sequence<lanes>{};
      r[i] = halves<Group, 0>(a, b, all) + halves<Group, 1>(a, b, all);
    }
    return totals<Group / 2>(r);
  }
}

/// Lanes of (a, b) taken in turns, from the lower or the upper half of both.
template <size_t... I>
CAMBIUM_INLINE Vector zip(Vector a, Vector b, bool upper, std::index_sequence<I...>) {
  return upper ? CAMBIUM_SHUFFLE(a, b, (int)(lanes / 2 + I / 2 + I % 2 * lanes)...)
               : CAMBIUM_SHUFFLE(a, b, (int)(I / 2 + I % 2 * lanes)...);
}

/// Turns a square of `lanes` vectors around: lane i of r[k] becomes lane k of r[i].
CAMBIUM_INLINE void transpose(Vector* r) {
  const auto all = std::make_index_sequence<lanes>{};
  Vector t[lanes];
  // A perfect shuffle of the rows, log2(lanes) times, is a transposition.
  CAMBIUM_UNROLL
  for (int step = 1; step < lanes; step *= 2) {
    CAMBIUM_UNROLL
    for (int i = 0; i < lanes / 2; i++) {
      t[2 * i] = zip(r[i], r[i + lanes / 2], false, all);
      t[2 * i + 1] = zip(r[i], r[i + lanes / 2], true, all);
    }
    CAMBIUM_UNROLL
    for (int i = 0; i < lanes; i++) r[i] = t[i];
  }
}
#undef CAMBIUM_SHUFFLE

} // namespace cambium::CAMBIUM_ISA
