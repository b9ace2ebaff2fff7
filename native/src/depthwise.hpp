// Depthwise convolution (one filter per channel) and its weight gradient: vector loops over the channels.
#pragma once
#include "finish.hpp"
#include "geometry.hpp"
#include "vector.hpp"
#include <algorithm>

namespace cambium::CAMBIUM_ISA {

// Channels in work: their sums stay in registers over all taps.
constexpr int channelVectors = 4;

/// Sum over the taps that meet output pixel (od, oh, ow), for `V` vectors of channels of which the last is partial.
template <int V>
CAMBIUM_INLINE void depthwisePixel(const Geometry& g, const float* x, const float* w, const float* bias, long od, long oh,
                                   long ow, int last, float* out) {
  const Part part(last);
  Vector sum[V];
  for (int v = 0; v < V; v++)
    sum[v] = !bias ? Vector{} : v == V - 1 ? load(bias + v * lanes, part) : load(bias + v * lanes);
  for (long kd = 0; kd < g.kernel[0]; kd++) {
    const long id = g.source(0, od, kd);
    for (long kh = 0; id >= 0 && kh < g.kernel[1]; kh++) {
      const long ih = g.source(1, oh, kh);
      for (long kw = 0; ih >= 0 && kw < g.kernel[2]; kw++) {
        const long iw = g.source(2, ow, kw);
        if (iw < 0) continue;
        const float* xi = x + ((id * g.in[1] + ih) * g.in[2] + iw) * g.channels;
        const float* wi = w + ((kd * g.kernel[1] + kh) * g.kernel[2] + kw) * g.channels;
        CAMBIUM_UNROLL
        for (int v = 0; v < V; v++)
          sum[v] += v == V - 1 ? load(xi + v * lanes, part) * load(wi + v * lanes, part)
                               : load(xi + v * lanes) * load(wi + v * lanes);
      }
    }
  }
  for (int v = 0; v < V - 1; v++) store(out + v * lanes, sum[v]);
  store(out + (V - 1) * lanes, sum[V - 1], part);
}

/// The sums of channels [c, c + count), count <= channelVectors * lanes.
inline void depthwiseChannels(const Geometry& g, const float* x, const float* w, const float* bias, long od, long oh, long ow,
                              long count, float* out) {
  const int vectors = (int)((count + lanes - 1) / lanes), last = (int)(count - (vectors - 1) * lanes);
  switch (vectors) {
    case 1: return depthwisePixel<1>(g, x, w, bias, od, oh, ow, last, out);
    case 2: return depthwisePixel<2>(g, x, w, bias, od, oh, ow, last, out);
    case 3: return depthwisePixel<3>(g, x, w, bias, od, oh, ow, last, out);
    default: return depthwisePixel<4>(g, x, w, bias, od, oh, ow, last, out);
  }
}

constexpr long depthwiseTile = 2048;

/// Convolves samples [n0, n1); a finish gets tiles of pixels x channelVectors * lanes channels.
inline void depthwise(const Geometry& g, const float* x, const float* w, float* y, const Finish<float>& finish, float* scratch,
                      const float* bias, long n0, long n1) {
  const long wide = channelVectors * lanes;
  for (long c = 0; c < g.channels; c += wide) {
    const long count = std::min(wide, g.channels - c), most = depthwiseTile / wide;
    long row = n0 * g.outPixels(), tiled = 0;
    for (long n = n0; n < n1; n++)
      for (long od = 0; od < g.out[0]; od++)
        for (long oh = 0; oh < g.out[1]; oh++)
          for (long ow = 0; ow < g.out[2]; ow++, row++) {
            const float* xn = x + n * g.inPixels() * g.channels + c;
            float* out = finish.apply ? scratch + tiled * wide : y + row * g.channels + c;
            depthwiseChannels(g, xn, w + c, bias ? bias + c : nullptr, od, oh, ow, count, out);
            if (finish.apply && ++tiled == most) {
              finish.apply(finish.self, row + 1 - tiled, tiled, c, count, scratch, wide, nullptr);
              tiled = 0;
            }
          }
    if (tiled) finish.apply(finish.self, row - tiled, tiled, c, count, scratch, wide, nullptr);
  }
}

/// dw[tap][c] = (accumulate: dw +) sum over samples [n0, n1) and pixels, for `V` vectors of channels.
template <int V>
void depthwiseTap(const Geometry& g, const float* x, const float* dy, float* dw, long kd, long kh, long kw, long n0, long n1,
                  int last, bool accumulate) {
  const Part part(last);
  const Columns columns = columnsOf(g, kw, 0, g.out[2]);
  Vector sum[V];
  for (int v = 0; v < V; v++)
    sum[v] = !accumulate ? Vector{} : v == V - 1 ? load(dw + v * lanes, part) : load(dw + v * lanes);
  for (long n = n0; n < n1; n++)
    for (long od = 0; od < g.out[0]; od++)
      for (long oh = 0; oh < g.out[1]; oh++) {
        const long id = g.source(0, od, kd), ih = g.source(1, oh, kh);
        if (id < 0 || ih < 0) continue;
        const float* xi = x + (((n * g.in[0] + id) * g.in[1] + ih) * g.in[2] + columns.input) * g.channels;
        const float* yi = dy + (((n * g.out[0] + od) * g.out[1] + oh) * g.out[2] + columns.first) * g.channels;
        for (long i = 0; i < columns.count; i++) {
          CAMBIUM_UNROLL
          for (int v = 0; v < V; v++)
            sum[v] += v == V - 1 ? load(xi + v * lanes, part) * load(yi + v * lanes, part)
                                 : load(xi + v * lanes) * load(yi + v * lanes);
          xi += columns.inputStep * g.channels, yi += columns.step * g.channels;
        }
      }
  for (int v = 0; v < V - 1; v++) store(dw + v * lanes, sum[v]);
  store(dw + (V - 1) * lanes, sum[V - 1], part);
}

/// Gradient of a depthwise convolution with respect to its kernel, of samples [n0, n1).
inline void depthwiseKernel(const Geometry& g, const float* x, const float* dy, float* dw, long n0, long n1, bool accumulate) {
  const long wide = channelVectors * lanes;
  for (long c = 0; c < g.channels; c += wide) {
    const long count = std::min(wide, g.channels - c);
    const int vectors = (int)((count + lanes - 1) / lanes), last = (int)(count - (vectors - 1) * lanes);
    auto kernel = vectors == 1 ? depthwiseTap<1> : vectors == 2 ? depthwiseTap<2> : vectors == 3 ? depthwiseTap<3> : depthwiseTap<4>;
    float* out = dw + c;
    for (long kd = 0; kd < g.kernel[0]; kd++)
      for (long kh = 0; kh < g.kernel[1]; kh++)
        for (long kw = 0; kw < g.kernel[2]; kw++, out += g.channels)
          kernel(g, x + c, dy + c, out, kd, kh, kw, n0, n1, last, accumulate);
  }
}

} // namespace cambium::CAMBIUM_ISA
