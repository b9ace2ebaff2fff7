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

/// out[r * cols + c] for counter place + r * row + c * col: as a number in [0, 1) or as the word's int32 pattern.
template <class T>
void randomBlock(T* out, RandomKey key, bool uniform, long place, long row, long col, long rows, long cols) {
  constexpr int n = Lane<float>::n;
  for (long r = 0; r < rows; r++) {
    for (long c = 0; c < cols; c += n) {
      const uint64_t start = (uint64_t)(place + r * row + c * col);
      FU low, high;
      uint32_t l[n], h[n];
      for (int i = 0; i < n; i++) {
        uint64_t counter = start + (uint64_t)(i * col);
        l[i] = (uint32_t)counter, h[i] = (uint32_t)(counter >> 32);
      }
      __builtin_memcpy(&low, l, sizeof low);
      __builtin_memcpy(&high, h, sizeof high);
      FU word = threefry(key.seed, key.stream, low, high);
      __builtin_memcpy(l, &word, sizeof word);
      const long count = cols - c < n ? cols - c : n;
      T* to = out + r * cols + c;
      if (uniform)
        for (long i = 0; i < count; i++) to[i] = (T)(int32_t)(l[i] >> 8) * (T)(1.0 / 16777216);
      else
        for (long i = 0; i < count; i++) to[i] = (T)(int32_t)l[i];
    }
  }
}

} // namespace cambium::CAMBIUM_ISA
