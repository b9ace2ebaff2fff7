// Gradient of a convolution with respect to its kernel: for every tap, input pixels (turned around) times gradients.
#pragma once
#include "brgemm.hpp"
#include "depthwise.hpp"
#include "geometry.hpp"

namespace cambium::CAMBIUM_ISA {

template <class T>
struct ConvKernel : Geometry {
  const T *x, *dy;
  T* dw;      ///< [kernel..., channels / groups, filters]
  T* scratch; ///< of the calling thread, `convKernelScratch` bytes, aligned to 64
};

// Rows of the output taken together: their x and dy should stay in L2 while all taps pass over them.
constexpr long sliceBytes = 320 * 1024;

/// One pass over a slice of output rows: terms are rows, k runs along a row.
struct KernelSum {
  const ConvKernel<float>& p;
  const bool merged;  ///< the taps of a kernel row are more rows of the register tile
  const bool stacked; ///< so are the kernel rows themselves: three channels-times-columns each, as the tile wants them
  const float **a, **b;
  long rows; ///< output rows per slice

  static long rowsOf(const Geometry& g) {
    const long bytes = (g.out[2] * g.filters + g.in[2] * g.channels * g.stride[1] / g.inputDilation[1]) * 4;
    return std::clamp(sliceBytes / std::max(1L, bytes), 1L, 2048L);
  }
  static size_t bytes(const Geometry& g) { return (size_t)rowsOf(g) * 2 * sizeof(float*); }

  KernelSum(const ConvKernel<float>& kernel, float* scratch)
      : p(kernel),
        merged(p.groups == 1 && p.dilation[2] == 1 && p.inside(2)),
        stacked(merged && p.kernel[2] * p.channels == 3 && p.inside() && p.kernel[1] * 3 <= tileRows),
        a((const float**)scratch),
        b(a + rowsOf(p)),
        rows(rowsOf(p)) {}

  void run(long n0, long n1, bool accumulate) {
    const long perSample = p.out[0] * p.out[1], end = n1 * perSample;
    for (long row = n0 * perSample; row < end; row += rows, accumulate = true)
      slice(row, std::min(row + rows, end), accumulate);
  }

  void slice(long row0, long row1, bool accumulate) {
    const long columns = merged ? 1 : p.kernel[2], channels = p.channels / p.groups;
    for (long kd = 0; kd < p.kernel[0]; kd++)
      for (long kh = 0; kh < (stacked ? 1 : p.kernel[1]); kh++) {
        const long terms = findRows(row0, row1, kd, kh);
        for (long kw = 0; kw < columns; kw++)
          tap(terms, (kd * p.kernel[1] + kh) * p.kernel[2] + kw, columnsOf(p, kw, 0, p.out[2]), channels, accumulate);
      }
  }

  /// Lists the rows of x and dy that kernel row (kd, kh) brings together.
  long findRows(long row0, long row1, long kd, long kh) {
    long terms = 0;
    for (long row = row0; row < row1; row++) {
      const long oh = row % p.out[1], od = row / p.out[1] % p.out[0], n = row / p.out[1] / p.out[0];
      const long id = p.source(0, od, kd), ih = p.source(1, oh, kh);
      if (id < 0 || ih < 0) continue;
      a[terms] = p.x + ((n * p.in[0] + id) * p.in[1] + ih) * p.in[2] * p.channels;
      b[terms++] = p.dy + row * p.out[2] * p.filters;
    }
    return terms;
  }

  void tap(long terms, long tap, const Columns& c, long channels, bool accumulate) {
    TileSum s{};
    s.a = a, s.b = b, s.terms = terms, s.depth = c.count;
    s.aRow = 1, s.aTriple = stacked ? p.dilation[1] * p.in[2] * p.channels : 3;
    s.aStep = c.inputStep * p.channels, s.bStep = c.step * p.filters;
    const long height = channels * (merged ? p.kernel[2] : 1) * (stacked ? p.kernel[1] : 1),
               perGroup = p.filters / p.groups;
    const Cut cut(height, tileRows);
    if (accumulate && (terms == 0 || c.count == 0)) return;
    for (long g = 0; g < p.groups; g++)
      for (long i = 0; i < cut.count; i++) {
        const long count = cut.length(i), r = cut.start(i);
        s.aShift = c.input * p.channels + g * channels + r, s.bShift = c.first * p.filters + g * perGroup;
        s.out = p.dw + (tap * channels + r) * p.filters + g * perGroup, s.outRow = s.fromRow = p.filters;
        s.from = accumulate ? s.out : nullptr;
        tileSums(s, (int)count, perGroup, vectorsFor(count));
      }
  }
};

/// Bytes of scratch a thread needs.
inline size_t convKernelScratch(const Geometry& g) {
  if (g.depthwise()) return depthwiseScratch(g);
  const Geometry inner = g.thin() && !g.inside() ? g.padded() : g;
  size_t bytes = KernelSum::bytes(inner) + 64;
  if (g.thin() && !g.inside()) bytes += (size_t)(inner.inPixels() * g.channels) * sizeof(float);
  return bytes;
}

/// dw = (accumulate: dw +) the contribution of samples [n0, n1).
inline void convKernel(const ConvKernel<float>& p, long n0, long n1, bool accumulate) {
  if (n0 >= n1 || p.outPixels() == 0) {
    if (!accumulate) std::fill(p.dw, p.dw + p.taps() * (p.channels / p.groups) * p.filters, 0.f);
    return;
  }
  if (p.depthwise()) {
    Scratch scratch(p.scratch);
    return depthwiseKernel(p, p.x, p.dy, p.dw, scratch, n0, n1, accumulate);
  }
  if (p.pointwise()) { // one long row
    ConvKernel<float> line = p;
    const long height = p.in[0] * p.in[1] > 1 && p.in[2] < 64 ? 1 : p.in[0] * p.in[1];
    line.in[0] = line.out[0] = 1, line.in[1] = line.out[1] = height, line.in[2] = line.out[2] = p.inPixels() / height;
    return KernelSum(line, p.scratch).run(n0, n1, accumulate);
  }
  if (p.thin() && !p.inside()) {
    ConvKernel<float> inner = p;
    (Geometry&)inner = p.padded();
    float* image = p.scratch + (KernelSum::bytes(inner) + 63) / 64 * 16;
    KernelSum sum(inner, p.scratch);
    for (long n = n0; n < n1; n++, accumulate = true) {
      padImage<float>(p, inner, p.x + n * p.inPixels() * p.channels, image);
      inner.x = image - n * inner.inPixels() * p.channels;
      sum.run(n, n + 1, accumulate);
    }
    return;
  }
  KernelSum(p, p.scratch).run(n0, n1, accumulate);
}

/// Any other number type: plain loops.
template <class T>
void convKernel(const ConvKernel<T>& p, long n0, long n1, bool accumulate) {
  const long channels = p.channels / p.groups, filters = p.filters / p.groups;
  T* out = p.dw;
  for (long kd = 0; kd < p.kernel[0]; kd++)
    for (long kh = 0; kh < p.kernel[1]; kh++)
      for (long kw = 0; kw < p.kernel[2]; kw++)
        for (long c = 0; c < channels; c++)
          for (long f = 0; f < p.filters; f++, out++) {
            T sum = accumulate ? *out : T(0);
            for (long n = n0; n < n1; n++)
              for (long od = 0; od < p.out[0]; od++)
                for (long oh = 0; oh < p.out[1]; oh++)
                  for (long ow = 0; ow < p.out[2]; ow++) {
                    const long id = p.source(0, od, kd), ih = p.source(1, oh, kh), iw = p.source(2, ow, kw);
                    if (id < 0 || ih < 0 || iw < 0) continue;
                    sum += p.x[(((n * p.in[0] + id) * p.in[1] + ih) * p.in[2] + iw) * p.channels +
                               f / filters * channels + c] *
                           p.dy[(((n * p.out[0] + od) * p.out[1] + oh) * p.out[2] + ow) * p.filters + f];
                  }
            *out = sum;
          }
}

} // namespace cambium::CAMBIUM_ISA
