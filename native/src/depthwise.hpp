// Depthwise convolution (one filter per channel) and its kernel gradient: vector loops over the channels.
#pragma once
#include "finish.hpp"
#include "geometry.hpp"
#include "scratch.hpp"
#include "vector.hpp"
#include <algorithm>

namespace cambium::CAMBIUM_ISA {

// Channels in work, and output columns: a piece of a row stays in L1 while all taps pass over it.
constexpr int channelVectors = 4;
constexpr long depthwiseChannels = channelVectors * lanes, depthwiseColumns = 32;

/// Pixels of a row that one tap brings together, for up to `channelVectors` vectors of channels.
template <class Y>
struct ChannelRow {
  const float* x;
  long xStep;
  Y* y; ///< y or dy
  long yStep;
  long count;
};

/// Calls f with the number of vectors as a type and the width of the last one.
template <class F>
CAMBIUM_INLINE void withVectors(long channels, const F& f) {
  const int vectors = (int)((channels + lanes - 1) / lanes);
  const Part last((int)(channels - (vectors - 1) * lanes));
  if (vectors == 4 && last.count == lanes)
    f(
        std::integral_constant<int, 4>{}, [](const float* p, int) { return load(p); },
        [](float* p, int, Vector value) { store(p, value); });
  else
    for (int v = 0; v < vectors; v++) {
      const bool whole = v < vectors - 1 || last.count == lanes;
      f(
          std::integral_constant<int, 1>{},
          [&, v](const float* p, int) { return whole ? load(p + v * lanes) : load(p + v * lanes, last); },
          [&, v](float* p, int, Vector value) {
            whole ? store(p + v * lanes, value) : store(p + v * lanes, value, last);
          });
    }
}

/// y += x * w for one tap.
inline void addTap(const ChannelRow<float>& row, const float* w, long channels) {
  withVectors(channels, [&](auto vectors, auto read, auto write) {
    constexpr int V = decltype(vectors)::value;
    Vector weight[V];
    for (int v = 0; v < V; v++) weight[v] = read(w + v * lanes, v);
    const float* x = row.x;
    float* y = row.y;
    for (long i = 0; i < row.count; i++, x += row.xStep, y += row.yStep) {
      CAMBIUM_UNROLL
      for (int v = 0; v < V; v++) write(y + v * lanes, v, read(y + v * lanes, v) + read(x + v * lanes, v) * weight[v]);
    }
  });
}

/// dw += the sum of x * dy for one tap.
inline void addTapGradient(const ChannelRow<const float>& row, float* dw, long channels) {
  withVectors(channels, [&](auto vectors, auto read, auto write) {
    constexpr int V = decltype(vectors)::value;
    Vector sum[V];
    for (int v = 0; v < V; v++) sum[v] = read(dw + v * lanes, v);
    const float *x = row.x, *y = row.y;
    for (long i = 0; i < row.count; i++, x += row.xStep, y += row.yStep) {
      CAMBIUM_UNROLL
      for (int v = 0; v < V; v++) sum[v] += read(x + v * lanes, v) * read(y + v * lanes, v);
    }
    for (int v = 0; v < V; v++) write(dw + v * lanes, v, sum[v]);
  });
}

/// Calls f(tap, columns of the piece) for every tap that meets the piece of an output row in sample image x.
struct DepthwiseTaps {
  const Geometry& g;
  Columns* columns; ///< of every piece of a row and every kernel column

  static long pieces(const Geometry& g) { return (g.out[2] + depthwiseColumns - 1) / depthwiseColumns; }
  DepthwiseTaps(const Geometry& geometry, Scratch& scratch)
      : g(geometry), columns(scratch.take<Columns>(pieces(g) * g.kernel[2])) {
    for (long i = 0; i < pieces(g); i++)
      for (long k = 0; k < g.kernel[2]; k++)
        columns[i * g.kernel[2] + k] =
            columnsOf(g, k, i * depthwiseColumns, std::min((i + 1) * depthwiseColumns, g.out[2]));
  }

  template <class F>
  CAMBIUM_INLINE void each(long od, long oh, long piece, const F& f) const {
    for (long kd = 0; kd < g.kernel[0]; kd++) {
      const long id = g.source(0, od, kd);
      for (long kh = 0; id >= 0 && kh < g.kernel[1]; kh++) {
        const long ih = g.source(1, oh, kh);
        for (long kw = 0; ih >= 0 && kw < g.kernel[2]; kw++) {
          const Columns& c = columns[piece * g.kernel[2] + kw];
          if (c.count)
            f((kd * g.kernel[1] + kh) * g.kernel[2] + kw, ((id * g.in[1] + ih) * g.in[2] + c.input) * g.channels, c);
        }
      }
    }
  }
};

/// Bytes of scratch of a depthwise convolution or its kernel gradient.
inline size_t depthwiseScratch(const Geometry& g) {
  Scratch scratch;
  scratch.take<Columns>(DepthwiseTaps::pieces(g) * g.kernel[2]),
      scratch.take<float>(depthwiseColumns * depthwiseChannels);
  return scratch.bytes();
}

/// Convolves samples [n0, n1).
inline void depthwise(const Geometry& g, const float* x, const float* w, float* y, const Finish<float>& finish,
                      Scratch& scratch, const float* bias, long n0, long n1) {
  const DepthwiseTaps taps(g, scratch);
  float* tile = scratch.take<float>(depthwiseColumns * depthwiseChannels);
  for (long n = n0; n < n1; n++)
    for (long c = 0; c < g.channels; c += depthwiseChannels) {
      const long count = std::min(depthwiseChannels, g.channels - c);
      for (long od = 0; od < g.out[0]; od++)
        for (long oh = 0; oh < g.out[1]; oh++)
          for (long ow = 0; ow < g.out[2]; ow += depthwiseColumns) {
            const long columns = std::min(depthwiseColumns, g.out[2] - ow),
                       row = ((n * g.out[0] + od) * g.out[1] + oh) * g.out[2] + ow;
            float* out = finish.apply ? tile : y + row * g.channels + c;
            const long step = finish.apply ? depthwiseChannels : g.channels;
            for (long i = 0; i < columns; i++) {
              if (bias) std::copy(bias + c, bias + c + count, out + i * step);
              else std::fill(out + i * step, out + i * step + count, 0.f);
            }
            taps.each(od, oh, ow / depthwiseColumns, [&](long tap, long from, const Columns& at) {
              addTap({x + n * g.inPixels() * g.channels + from + c, at.inputStep * g.channels,
                      out + (at.first - ow) * step, at.step * step, at.count},
                     w + tap * g.channels + c, count);
            });
            if (finish.apply) finish.apply(finish.self, row, columns, c, count, tile, step, nullptr);
          }
    }
}

/// Gradient of a depthwise convolution with respect to its kernel, of samples [n0, n1).
inline void depthwiseKernel(const Geometry& g, const float* x, const float* dy, float* dw, Scratch& scratch, long n0,
                            long n1, bool accumulate) {
  const DepthwiseTaps taps(g, scratch);
  if (!accumulate) std::fill(dw, dw + g.taps() * g.channels, 0.f);
  for (long n = n0; n < n1; n++)
    for (long c = 0; c < g.channels; c += depthwiseChannels)
      for (long od = 0; od < g.out[0]; od++)
        for (long oh = 0; oh < g.out[1]; oh++)
          for (long ow = 0; ow < g.out[2]; ow += depthwiseColumns) {
            const long row = ((n * g.out[0] + od) * g.out[1] + oh) * g.out[2];
            taps.each(od, oh, ow / depthwiseColumns, [&](long tap, long from, const Columns& at) {
              addTapGradient({x + n * g.inPixels() * g.channels + from + c, at.inputStep * g.channels,
                              dy + (row + at.first) * g.channels + c, at.step * g.channels, at.count},
                             dw + tap * g.channels + c, std::min(depthwiseChannels, g.channels - c));
            });
          }
}

} // namespace cambium::CAMBIUM_ISA
