// The vector register of the instruction set this file is compiled for, as a compiler vector type.
#pragma once
#include <cstring>
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

/// The sum of all lanes.
CAMBIUM_INLINE float total(Vector v) {
  float half[lanes];
  store(half, v);
  for (int n = lanes / 2; n > 0; n /= 2)
    for (int i = 0; i < n; i++) half[i] += half[i + n];
  return half[0];
}

/// Turns a square of `lanes` vectors around: lane i of r[k] becomes lane k of r[i].
CAMBIUM_INLINE void transpose(Vector* r) {
#if defined(__clang__)
#define CAMBIUM_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define CAMBIUM_SHUFFLE(a, b, ...) __builtin_shuffle(a, b, IntVector{__VA_ARGS__})
#endif
  Vector t[lanes];
  // A perfect shuffle of the rows, log2(lanes) times, is a transposition.
  for (int step = 1; step < lanes; step *= 2) {
    CAMBIUM_UNROLL
    for (int i = 0; i < lanes / 2; i++) {
      Vector a = r[i], b = r[i + lanes / 2];
#if defined(__AVX512F__)
      t[2 * i] = CAMBIUM_SHUFFLE(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      t[2 * i + 1] = CAMBIUM_SHUFFLE(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
#elif defined(__AVX__)
      t[2 * i] = CAMBIUM_SHUFFLE(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
      t[2 * i + 1] = CAMBIUM_SHUFFLE(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
#else
      t[2 * i] = CAMBIUM_SHUFFLE(a, b, 0, 4, 1, 5);
      t[2 * i + 1] = CAMBIUM_SHUFFLE(a, b, 2, 6, 3, 7);
#endif
    }
    CAMBIUM_UNROLL
    for (int i = 0; i < lanes; i++) r[i] = t[i];
  }
#undef CAMBIUM_SHUFFLE
}

} // namespace cambium::CAMBIUM_ISA
