// Counter-based random words: Threefry 2x32 with 20 rounds, as in src/base/random.ts.
#pragma once
#include "lane.hpp"

namespace cambium::CAMBIUM_ISA {

struct RandomKey {
  uint32_t seed, stream;
};

template <class U>
CAMBIUM_INLINE U turned(U x, int by) {
  return (x << by) | (x >> (32 - by));
}

/// The first word for key (k0, k1) and counter (x0, x1), lane by lane.
template <class U>
CAMBIUM_INLINE U threefry(uint32_t k0, uint32_t k1, U x0, U x1) {
  const uint32_t keys[3] = {k0, k1, 0x1bd11bdau ^ k0 ^ k1};
  constexpr int turns[2][4] = {{13, 15, 26, 6}, {17, 29, 16, 24}};
  x0 += k0, x1 += k1;
  CAMBIUM_UNROLL
  for (int group = 0; group < 5; group++) {
    CAMBIUM_UNROLL
    for (int i = 0; i < 4; i++) {
      x0 += x1;
      x1 = turned(x1, turns[group & 1][i]) ^ x0;
    }
    x0 += keys[(group + 1) % 3];
    x1 += keys[(group + 2) % 3] + (uint32_t)(group + 1);
  }
  return x0;
}

/// Words as numbers in [0, 1), or as their int32 patterns.
CAMBIUM_INLINE void putRandom(float* to, FU word, bool uniform, long count) {
  const F x = uniform ? __builtin_convertvector((FI)(word >> 8), F) * (1.f / 16777216) : __builtin_convertvector((FI)word, F);
  if (count >= Lane<float>::n) put(to, x);
  else put(to, x, Some<float>(count));
}
CAMBIUM_INLINE void putRandom(double* to, FU word, bool uniform, long count) {
  uint32_t w[Lane<float>::n];
  __builtin_memcpy(w, &word, sizeof w);
  if (count > Lane<float>::n) count = Lane<float>::n;
  for (long i = 0; i < count; i++) to[i] = uniform ? (int32_t)(w[i] >> 8) * (1.0 / 16777216) : (int32_t)w[i];
}

/// out[r * cols + c] for counter place + r * row + c * col: as a number in [0, 1) or as the word's int32 pattern.
template <class T>
void randomBlock(T* out, RandomKey key, bool uniform, long place, long row, long col, long rows, long cols) {
  constexpr int n = Lane<float>::n, wide = 4; // registers at once: their chains of operations overlap
  FU lane;
  for (int i = 0; i < n; i++) lane[i] = (uint32_t)i;
  for (long r = 0; r < rows; r++, out += cols)
    for (long c = 0; c < cols; c += n * wide) {
      const uint64_t start = (uint64_t)(place + r * row + c * col);
      FU low[wide], high[wide];
      for (int w = 0; w < wide; w++) {
        const uint64_t first = start + (uint64_t)(w * n * col);
        low[w] = (uint32_t)first + lane * (uint32_t)col;
        high[w] = FU{} + (uint32_t)(first >> 32);
        if (__builtin_expect(((first + (uint64_t)((n - 1) * col)) ^ first) >> 32, 0))
          for (int i = 0; i < n; i++) high[w][i] = (uint32_t)((first + (uint64_t)(i * col)) >> 32);
      }
      CAMBIUM_UNROLL
      for (int w = 0; w < wide; w++) low[w] = threefry(key.seed, key.stream, low[w], high[w]);
      for (int w = 0; w < wide && c + w * n < cols; w++) putRandom(out + c + w * n, low[w], uniform, cols - c - w * n);
    }
}

} // namespace cambium::CAMBIUM_ISA
