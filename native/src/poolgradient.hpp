// The adjoints of pooling: gradients go back to the winner, or are spread over the window.
#pragma once
#include "pool.hpp"

namespace cambium::CAMBIUM_ISA {

template <class T>
struct PoolGradient : Geometry {
  PoolMode mode; ///< of `poolSpread`: sum or average
  bool countIncludePad;
  const T* dy;
  const uint8_t* index8; ///< of `poolPut`: one of the two, as `pool` wrote it
  const int32_t* index32;
  T* dx;
  T* scratch; ///< of the calling thread, `poolScratch` bytes, aligned to 64
};

CAMBIUM_INLINE IntVector loadIndex(const uint8_t* index8, const int32_t* index32, int count) {
  if (count == lanes)
    return index8 ? __builtin_convertvector(*(const ByteVector*)index8, IntVector) : *(const IntVector*)index32;
  IntVector v{};
  for (int i = 0; i < count; i++) v[i] = index8 ? index8[i] : index32[i];
  return v;
}

/// dx under a window (+)= dy where the tap is the winner's. Add: windows overlap, so dx is added to.
template <bool Add, int Taps>
inline void putWindow(const float* dy, const uint8_t* index8, const int32_t* index32, const Window& window,
                      long channels, float* dx) {
  float* to[Taps ? Taps : 1];
  IntVector position[Taps ? Taps : 1];
  dx += window.first;
  for (int t = 0; t < Taps; t++) to[t] = dx + window.offset[t], position[t] = IntVector{} + window.tap[t];
  auto channelsFrom = [&](long c, int count, auto read, auto write) {
    const Vector gradient = read(dy + c);
    const IntVector index = loadIndex(index8 ? index8 + c : nullptr, index32 ? index32 + c : nullptr, count);
    auto put = [&](float* p, IntVector tap) {
      const Vector value = index == tap ? gradient : Vector{};
      write(p, Add ? value + read(p) : value);
    };
    if constexpr (Taps > 0) {
      CAMBIUM_UNROLL
      for (int t = 0; t < Taps; t++) put(to[t] + c, position[t]);
    } else {
      for (int t = 0; t < window.count; t++) put(dx + window.offset[t] + c, IntVector{} + window.tap[t]);
    }
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
template <bool Add, class T>
void putWindow(const T* dy, const uint8_t* index8, const int32_t* index32, const Window& window, long channels, T* dx) {
  for (long c = 0; c < channels; c++)
    for (int t = 0; t < window.count; t++) {
      T& to = dx[window.first + window.offset[t] + c];
      const T value = (index8 ? index8[c] : index32[c]) == window.tap[t] ? dy[c] : T(0);
      to = Add ? to + value : value;
    }
}
template <bool Add>
void putWindow(const float* dy, const uint8_t* index8, const int32_t* index32, const Window& window, long channels,
               float* dx) {
  if (window.count == 4) putWindow<Add, 4>(dy, index8, index32, window, channels, dx);
  else putWindow<Add, 0>(dy, index8, index32, window, channels, dx);
}

/// dx under a window (+)= scale * dy.
template <bool Add, class T>
void spreadWindow(const T* dy, T scale, const Window& window, long channels, T* dx) {
  for (int t = 0; t < window.count; t++) {
    T* to = dx + window.first + window.offset[t];
    for (long c = 0; c < channels; c++) to[c] = Add ? to[c] + scale * dy[c] : scale * dy[c];
  }
}

/// Every input pixel is under one window at most, and all windows are inside.
inline bool apart(const Geometry& g) {
  for (int i = 0; i < 3; i++)
    if (g.stride[i] < g.kernel[i] || g.dilation[i] != 1 || !g.inside(i)) return false;
  return true;
}

/// Writes zeros to the input pixels of one sample that no window covers; the windows are `apart`.
template <class T>
void clearUncovered(const Geometry& g, T* dx) {
  auto covered = [&](int axis, long i) {
    const long at = i + g.padLow[axis];
    return at >= 0 && at / g.stride[axis] < g.out[axis] && at % g.stride[axis] < g.kernel[axis];
  };
  for (long d = 0; d < g.in[0]; d++)
    for (long h = 0; h < g.in[1]; h++, dx += g.in[2] * g.channels) {
      if (!covered(0, d) || !covered(1, h)) std::fill(dx, dx + g.in[2] * g.channels, T(0));
      else if (g.stride[2] > g.kernel[2] || g.out[2] * g.stride[2] != g.in[2])
        for (long w = 0; w < g.in[2]; w++)
          if (!covered(2, w)) std::fill(dx + w * g.channels, dx + (w + 1) * g.channels, T(0));
    }
}

/// Runs `window(add, row, dx of the sample, window)` over all windows, with dx cleared where needed.
template <class T, class F>
CAMBIUM_INLINE void eachGradient(const PoolGradient<T>& p, long n0, long n1, const F& f) {
  const long size = p.inPixels() * p.channels;
  const bool once = apart(p);
  for (long n = n0; n < n1; n++) {
    T* dx = p.dx + n * size;
    if (once) clearUncovered<T>(p, dx);
    else std::fill(dx, dx + size, T(0));
    if (once)
      eachWindow(p, p.scratch, n, n + 1, [&](long, long row, const Window& w) { f(std::false_type{}, row, dx, w); });
    else eachWindow(p, p.scratch, n, n + 1, [&](long, long row, const Window& w) { f(std::true_type{}, row, dx, w); });
  }
}

/// dx = dy at each window's winner, zero elsewhere, in samples [n0, n1).
template <class T>
void poolPut(const PoolGradient<T>& p, long n0, long n1) {
  eachGradient(p, n0, n1, [&](auto add, long row, T* dx, const Window& window) {
    const long at = row * p.channels;
    putWindow<decltype(add)::value>(p.dy + at, p.index8 ? p.index8 + at : nullptr, p.index32 ? p.index32 + at : nullptr,
                                    window, p.channels, dx);
  });
}

/// dx = the gradient of a sum or average pool, in samples [n0, n1).
template <class T>
void poolSpread(const PoolGradient<T>& p, long n0, long n1) {
  eachGradient(p, n0, n1, [&](auto add, long row, T* dx, const Window& window) {
    spreadWindow<decltype(add)::value>(p.dy + row * p.channels, poolScale<T>(p, p.mode, p.countIncludePad, window),
                                       window, p.channels, dx);
  });
}

} // namespace cambium::CAMBIUM_ISA
