// Pooling of channels-last images, vectorised over the channels.
#pragma once
#include "finish.hpp"
#include "vector.hpp"
#include "window.hpp"
#include <cstdint>
#include <limits>

namespace cambium {
enum class PoolMode { max, sum, average };
}

namespace cambium::CAMBIUM_ISA {

/// The window is the geometry's kernel; filters, groups and inputDilation are not looked at.
template <class T>
struct Pool : Geometry {
  PoolMode mode;
  bool countIncludePad; ///< an average divides by the whole window
  const T* x;
  T* y;             ///< unused when `finish` is set
  uint8_t* index8;  ///< nullable: the winner's position in its window, row-major, for windows of up to 256
  int32_t* index32; ///< nullable: the same for windows of any size
  Finish<T> finish; ///< gets the winners' positions as second tile
  T* scratch;       ///< of the calling thread, `poolScratch` bytes, aligned to 64
};

typedef uint8_t ByteVector __attribute__((vector_size(lanes), aligned(1), may_alias));

/// Stores `count` positions to those of the destinations that are there.
CAMBIUM_INLINE void storeIndex(IntVector index, int count, uint8_t* index8, int32_t* index32, float* number) {
  if (count == lanes) {
    if (index8) *(ByteVector*)index8 = __builtin_convertvector(index, ByteVector);
    if (index32) *(IntVector*)index32 = index;
    if (number) store(number, __builtin_convertvector(index, Vector));
    return;
  }
  for (int i = 0; i < count; i++) {
    if (index8) index8[i] = (uint8_t)index[i];
    if (index32) index32[i] = index[i];
    if (number) number[i] = (float)index[i];
  }
}

/// The largest number under a window per channel. The first of equals wins, and a NaN wins over numbers.
/// Taps: the number of taps if it is known, else 0.
template <int Taps>
inline void poolMax(const float* x, const Window& window, long channels, float* y, uint8_t* index8, int32_t* index32,
                    float* number) {
  const int taps = Taps ? Taps : window.count;
  const float* from[Taps ? Taps : 1];
  IntVector position[Taps ? Taps : 1];
  x += window.first;
  for (int t = 0; t < Taps; t++) from[t] = x + window.offset[t], position[t] = IntVector{} + window.tap[t];
  auto channelsFrom = [&](long c, int count, auto read, auto write) {
    Vector best =
        taps ? read((Taps ? from[0] : x + window.offset[0]) + c) : splat(-std::numeric_limits<float>::infinity());
    IntVector winner = Taps ? position[0] : IntVector{} + (taps ? window.tap[0] : 0);
    auto meet = [&](int t) {
      const Vector value = read((Taps ? from[t] : x + window.offset[t]) + c);
      const IntVector wins = (value > best) | (value != value);
      best = wins ? value : best;
      winner = wins ? (Taps ? position[t] : IntVector{} + window.tap[t]) : winner;
    };
    if constexpr (Taps > 0) {
      CAMBIUM_UNROLL
      for (int t = 1; t < Taps; t++) meet(t);
    } else {
      for (int t = 1; t < taps; t++) meet(t);
    }
    write(y + c, best);
    if (index8 || index32 || number)
      storeIndex(winner, count, index8 ? index8 + c : nullptr, index32 ? index32 + c : nullptr,
                 number ? number + c : nullptr);
  };
  long c = 0;
  for (; c + lanes <= channels; c += lanes)
    channelsFrom(
        c, lanes, [](const float* p) { return load(p); }, [](float* p, Vector v) { store(p, v); });
  if (c == channels) return;
  const Part part((int)(channels - c));
  channelsFrom(
      c, part.count, [&](const float* p) { return load(p, part); }, [&](float* p, Vector v) { store(p, v, part); });
}

template <class T>
void poolMax(const T* x, const Window& window, long channels, T* y, uint8_t* index8, int32_t* index32, T* number) {
  for (long c = 0; c < channels; c++) {
    T best = window.count ? x[window.first + window.offset[0] + c] : -std::numeric_limits<T>::infinity();
    int winner = window.count ? window.tap[0] : 0;
    for (int t = 1; t < window.count; t++) {
      const T value = x[window.first + window.offset[t] + c];
      if (value > best || value != value) best = value, winner = window.tap[t];
    }
    y[c] = best;
    if (index8) index8[c] = (uint8_t)winner;
    if (index32) index32[c] = winner;
    if (number) number[c] = (T)winner;
  }
}
inline void poolMax(const float* x, const Window& window, long channels, float* y, uint8_t* index8, int32_t* index32,
                    float* number) {
  if (window.count == 4) poolMax<4>(x, window, channels, y, index8, index32, number);
  else poolMax<0>(x, window, channels, y, index8, index32, number);
}

/// scale * the sum under a window per channel.
template <class T>
void poolSum(const T* x, const Window& window, long channels, T scale, T* y) {
  for (long c = 0; c < channels; c++) {
    T sum = 0;
    for (int t = 0; t < window.count; t++) sum += x[window.first + window.offset[t] + c];
    y[c] = sum * scale;
  }
}
inline void poolSum(const float* x, const Window& window, long channels, float scale, float* y) {
  long c = 0;
  for (; c + lanes <= channels; c += lanes) {
    Vector sum{};
    for (int t = 0; t < window.count; t++) sum += load(x + window.first + window.offset[t] + c);
    store(y + c, sum * scale);
  }
  const Part part((int)(channels - c));
  Vector sum{};
  if (c == channels) return;
  for (int t = 0; t < window.count; t++) sum += load(x + window.first + window.offset[t] + c, part);
  store(y + c, sum * scale, part);
}

/// What a sum under a window is multiplied with.
template <class T>
T poolScale(const Geometry& g, PoolMode mode, bool countIncludePad, const Window& window) {
  if (mode == PoolMode::sum) return T(1);
  return T(1) / (T)std::max(1L, countIncludePad ? g.taps() : (long)window.count);
}

// A finish gets up to this many numbers at once.
constexpr long poolTile = 2048;

/// Bytes of scratch a thread needs, for pooling and its adjoints.
inline size_t poolScratch(const Geometry& g, size_t number = sizeof(float)) {
  return (Window::bytes(g) + 63) / 64 * 64 + (size_t)(2 * std::max(poolTile, g.channels)) * number;
}

/// Calls f(sample, row of the output, window) for every output pixel of samples [n0, n1).
template <class F>
CAMBIUM_INLINE void eachWindow(const Geometry& g, void* scratch, long n0, long n1, const F& f) {
  Window window(g, scratch);
  long row = n0 * g.outPixels();
  for (long n = n0; n < n1; n++)
    for (long od = 0; od < g.out[0]; od++)
      for (long oh = 0; oh < g.out[1]; oh++)
        for (long ow = 0; ow < g.out[2]; ow++, row++) {
          window.move(od, oh, ow);
          f(n, row, window);
        }
}

/// Pools samples [n0, n1).
template <class T>
void pool(const Pool<T>& p, long n0, long n1) {
  const long channels = p.channels, size = p.inPixels() * channels,
             most = std::max(1L, poolTile / std::max(1L, channels));
  T* const tile = (T*)((char*)p.scratch + (Window::bytes(p) + 63) / 64 * 64);
  T* const second = tile + most * channels;
  const bool finishing = p.finish.apply, max = p.mode == PoolMode::max;
  long tiled = 0;
  auto flush = [&](long end) {
    if (tiled) p.finish.apply(p.finish.self, end - tiled, tiled, 0, channels, tile, channels, max ? second : nullptr);
    tiled = 0;
  };
  eachWindow(p, p.scratch, n0, n1, [&](long n, long row, const Window& window) {
    T* y = finishing ? tile + tiled * channels : p.y + row * channels;
    const T* x = p.x + n * size;
    if (max)
      poolMax(x, window, channels, y, p.index8 ? p.index8 + row * channels : nullptr,
              p.index32 ? p.index32 + row * channels : nullptr, finishing ? second + tiled * channels : nullptr);
    else poolSum(x, window, channels, poolScale<T>(p, p.mode, p.countIncludePad, window), y);
    if (finishing && ++tiled == most) flush(row + 1);
  });
  flush(n1 * p.outPixels());
}

/// y = the number of x that `index8` or `index32` points at, in samples [n0, n1).
template <class T>
void poolTake(const Pool<T>& p, long n0, long n1) {
  const long channels = p.channels, size = p.inPixels() * channels,
             most = std::max(1L, poolTile / std::max(1L, channels));
  T* const tile = (T*)((char*)p.scratch + (Window::bytes(p) + 63) / 64 * 64);
  long tiled = 0;
  auto flush = [&](long end) {
    if (tiled) p.finish.apply(p.finish.self, end - tiled, tiled, 0, channels, tile, channels, nullptr);
    tiled = 0;
  };
  eachWindow(p, p.scratch, n0, n1, [&](long n, long row, const Window& window) {
    T* y = p.finish.apply ? tile + tiled * channels : p.y + row * channels;
    const T* x = p.x + n * size;
    for (long c = 0; c < channels; c++) {
      const int tap = p.index8 ? p.index8[row * channels + c] : p.index32[row * channels + c];
      int t = std::min(tap, window.count - 1); // only next to padding do the two differ
      while (t > 0 && window.tap[t] > tap) t--;
      y[c] = t >= 0 && window.count && window.tap[t] == tap ? x[window.first + window.offset[t] + c] : T(0);
    }
    if (p.finish.apply && ++tiled == most) flush(row + 1);
  });
  flush(n1 * p.outPixels());
}

} // namespace cambium::CAMBIUM_ISA
