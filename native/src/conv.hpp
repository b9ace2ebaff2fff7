// Convolution of channels-last images: batch-reduce products over the taps of the kernel.
#pragma once
#include "depthwise.hpp"
#include "geometry.hpp"
#include "matmul.hpp"
#include "rowplan.hpp"
#include "scratch.hpp"

namespace cambium::CAMBIUM_ISA {

template <class T>
struct Conv : Geometry {
  const T *x, *w;
  T* y; ///< unused when `finish` is set
  Finish<T> finish;
  T* scratch;    ///< of the calling thread, `convScratch` bytes, aligned to 64
  const T* bias; ///< nullable, one number per filter
};

// Filters computed together: their weights (all taps) should stay in L2.
constexpr long weightBytes = 384 * 1024;
// Weights are copied into panels when their rows lie this far apart (they would share few sets of the cache) and the
// panels are used for this many pixels.
constexpr long packFilters = 128, packPixels = 42;

/// Convolution by register tiles along the rows of the output.
struct RowConv {
  const Conv<float>& p;
  const float* const base;       ///< the lists point into this image and are shifted to others
  const long channels, perGroup; ///< of one group
  const long depth;              ///< k of one term: a kernel row if it can be read at once, else a tap
  const long chunk;              ///< filters computed together
  bool packs = false;            ///< the weights in work are in `packed`
  RowPlan plan;
  const float **a, **b;                   ///< the terms of a run
  long *inRows, *kernelRows, rowTaps = 0; ///< the kernel rows that meet the input at the current output row
  long reached[4] = {-1, -1, -1, -1}, origin = 0;
  const Run* listed = nullptr; ///< the run whose terms are in the lists
  long terms = 0;
  float *tile, *packed;
  const float* weights = nullptr;
  long f0 = 0, f1 = 0, stride = 0; ///< filters in work and the tile's row stride
  long tileRow = 0, tileCount = 0; ///< rows in the tile

  static bool merges(const Geometry& g) { return g.groups == 1 && g.dilation[2] == 1 && g.inside(2); }
  static Geometry columnGeometry(Geometry g) {
    if (merges(g)) g.in[2] -= g.kernel[2] - 1, g.kernel[2] = 1;
    return g;
  }
  static long depthOfKernel(const Geometry& g) { return g.taps() * (g.channels / g.groups); }
  static long chunkOf(const Geometry& g) {
    const long fits = weightBytes / (long)sizeof(float) / std::max(1L, depthOfKernel(g)) / panelWidth * panelWidth;
    return std::min(std::clamp(fits, (long)panelWidth, finishColumns), g.filters / g.groups);
  }
  static bool packsWeights(const Geometry& g) {
    return g.filters >= packFilters && g.filters / g.groups % panelWidth == 0;
  }

  RowConv(const Conv<float>& conv, Scratch& scratch)
      : p(conv),
        base(conv.x),
        channels(p.channels / p.groups),
        perGroup(p.filters / p.groups),
        depth(channels * (merges(p) ? p.kernel[2] : 1)),
        chunk(chunkOf(p)),
        plan(columnGeometry(p), scratch.take<char>((long)RowPlan::bytes(p))) {
    a = scratch.take<const float*>(p.taps()), b = scratch.take<const float*>(p.taps());
    inRows = scratch.take<long>(p.kernel[0] * p.kernel[1]), kernelRows = scratch.take<long>(p.kernel[0] * p.kernel[1]);
    tile = scratch.take<float>(finishTile + tileRows * finishColumns);
    packed = scratch.take<float>(packsWeights(p) ? chunk * depthOfKernel(p) : 0);
  }
  static void reserve(const Geometry& g, Scratch& scratch) {
    scratch.take<char>((long)RowPlan::bytes(g));
    scratch.take<float*>(g.taps()), scratch.take<float*>(g.taps());
    scratch.take<long>(g.kernel[0] * g.kernel[1]), scratch.take<long>(g.kernel[0] * g.kernel[1]);
    scratch.take<float>(finishTile + tileRows * finishColumns);
    scratch.take<float>(packsWeights(g) ? chunkOf(g) * depthOfKernel(g) : 0);
  }

  void run(long n0, long n1) {
    packs = packsWeights(p) && (n1 - n0) * p.outPixels() >= packPixels;
    for (long g = 0; g < p.groups; g++)
      for (f0 = g * perGroup; f0 < (g + 1) * perGroup; f0 += chunk) {
        f1 = std::min(f0 + chunk, (g + 1) * perGroup), stride = f1 - f0;
        weights = packs ? packed : p.w + f0, listed = nullptr;
        if (packs) packPanels(p.w + f0, p.filters, 1, depthOfKernel(p), f1 - f0, panelWidth, packed);
        for (long n = n0; n < n1; n++) sample(n, p.x + n * p.inPixels() * p.channels + g * channels);
        flush();
      }
  }

  void sample(long n, const float* x) {
    for (long od = 0; od < p.out[0]; od++)
      for (long oh = 0; oh < p.out[1]; oh++) {
        findRows(od, oh);
        const long row = ((n * p.out[0] + od) * p.out[1] + oh) * p.out[2];
        for (long i = 0; i < plan.blockCount; i++) block(plan.blocks[i], row, x);
      }
  }

  /// Which rows of the kernel meet the input at this output row. Neighbouring rows mostly agree, then only `origin`
  /// moves.
  void findRows(long od, long oh) {
    const long at[2] = {od * p.stride[0] - p.padLow[0], oh * p.stride[1] - p.padLow[1]};
    const bool spread = p.inputDilation[0] != 1 || p.inputDilation[1] != 1;
    long reach[4]; // the first and the end of the taps inside, along depth and height
    for (int i = 0; i < 2; i++) {
      long first = 0, end = p.kernel[i];
      if (!spread) {
        while (first < end && at[i] + first * p.dilation[i] < 0) first++;
        while (first < end && at[i] + (end - 1) * p.dilation[i] >= p.in[i]) end--;
      }
      reach[2 * i] = first, reach[2 * i + 1] = end;
    }
    origin = spread ? 0 : (at[0] * p.in[1] + at[1]) * p.in[2] * p.channels;
    if (!spread && std::equal(reach, reach + 4, reached)) return;
    std::copy(reach, reach + 4, reached);
    rowTaps = 0, listed = nullptr;
    for (long kd = reach[0]; kd < reach[1]; kd++)
      for (long kh = reach[2]; kh < reach[3]; kh++) {
        const long id = spread ? p.source(0, od, kd) : kd * p.dilation[0],
                   ih = spread ? p.source(1, oh, kh) : kh * p.dilation[1];
        if (id < 0 || ih < 0) continue;
        inRows[rowTaps] = (id * p.in[1] + ih) * p.in[2] * p.channels;
        kernelRows[rowTaps++] = (kd * p.kernel[1] + kh) * p.kernel[2] * channels;
      }
  }

  /// Lists where the terms of a run start in x and w.
  void listTerms(const Run& run) {
    listed = &run, terms = 0;
    const long bStep = packs ? panelWidth : p.filters;
    for (long r = 0; r < rowTaps; r++)
      for (long t = 0; t < run.taps; t++, terms++) {
        a[terms] = base + inRows[r] + t * plan.tapInput * p.channels;
        b[terms] = weights + (kernelRows[r] + (run.tap + t * run.tapStep) * channels) * bStep;
      }
  }

  void block(const ColumnBlock& block, long row, const float* x) {
    float* out;
    long outRow;
    if (p.finish.apply) {
      if ((tileCount + block.count) * stride > finishTile && tileCount) flush();
      if (tileCount == 0) tileRow = row + block.first;
      out = tile + tileCount * stride, outRow = stride, tileCount += block.count;
    } else {
      out = p.y + (row + block.first) * p.filters + f0, outRow = p.filters;
    }
    for (const Run* run = block.begin; run != block.end; run++) {
      if (!listed || listed->tap != run->tap || listed->taps != run->taps) listTerms(*run);
      if (!run->start && terms == 0) continue;
      TileSum s{};
      s.a = a, s.b = b, s.terms = terms, s.depth = depth;
      s.aShift = x - base + origin + run->input * p.channels, s.bStep = packs ? panelWidth : p.filters;
      s.aRow = plan.inputStep * p.channels, s.aTriple = 3 * s.aRow, s.aStep = 1;
      s.out = out + (run->first - block.first) * outRow, s.outRow = outRow * run->step;
      if (!run->start) s.from = s.out, s.fromRow = s.outRow;
      else s.from = p.bias ? p.bias + f0 : nullptr, s.fromRow = 0;
      if (!packs) {
        tileSums(s, (int)run->count, f1 - f0, vectorsFor(run->count));
        continue;
      }
      for (long f = f0; f < f1; f += panelWidth) {
        tileSums(s, (int)run->count, panelWidth, tileVectors);
        s.bShift += panelWidth * depthOfKernel(p), s.out += panelWidth;
        if (s.from) s.from += panelWidth;
      }
    }
  }

  void flush() {
    if (tileCount) p.finish.apply(p.finish.self, tileRow, tileCount, f0, f1 - f0, tile, stride, nullptr);
    tileCount = 0;
  }
};

/// Bytes of scratch a thread needs.
inline size_t convScratch(const Geometry& g) {
  if (g.pointwise()) return matmulScratch(g.n * g.outPixels(), g.filters, g.channels);
  if (g.depthwise()) return depthwiseScratch(g);
  const bool pads = g.thin() && !g.inside();
  Scratch scratch;
  RowConv::reserve(pads ? g.padded() : g, scratch);
  if (pads) scratch.take<float>(g.padded().inPixels() * g.channels);
  return scratch.bytes();
}

/// Convolves samples [n0, n1).
inline void conv(const Conv<float>& p, long n0, long n1) {
  if (p.outPixels() == 0 || p.filters == 0) return;
  if (p.pointwise()) {
    const long pixels = p.outPixels();
    Matmul<float> product{};
    product.batch = 1, product.a = p.x, product.b = p.w, product.out = p.y, product.bias = p.bias;
    product.m = p.n * pixels, product.n = product.bRow = product.outRow = p.filters,
    product.k = product.aRow = p.channels;
    product.aCol = product.bCol = 1, product.finish = p.finish, product.scratch = p.scratch;
    return matmul(product, 0, 1, n0 * pixels, n1 * pixels, 0, p.filters);
  }
  Scratch scratch(p.scratch);
  if (p.depthwise()) return depthwise(p, p.x, p.w, p.y, p.finish, scratch, p.bias, n0, n1);
  if (p.thin() && !p.inside()) {
    Conv<float> inner = p;
    (Geometry&)inner = p.padded();
    Scratch pieces(p.scratch);
    RowConv::reserve(inner, pieces);
    float* image = pieces.take<float>(inner.inPixels() * p.channels);
    inner.x = image;
    RowConv rows(inner, scratch);
    for (long n = n0; n < n1; n++) {
      padImage<float>(p, inner, p.x + n * p.inPixels() * p.channels, image);
      inner.x = image - n * inner.inPixels() * p.channels;
      rows.run(n, n + 1);
    }
    return;
  }
  RowConv(p, scratch).run(n0, n1);
}

/// Any other number type: plain loops.
template <class T>
void conv(const Conv<T>& p, long n0, long n1) {
  const long channels = p.channels / p.groups, filters = p.filters / p.groups;
  long row = n0 * p.outPixels();
  for (long n = n0; n < n1; n++)
    for (long od = 0; od < p.out[0]; od++)
      for (long oh = 0; oh < p.out[1]; oh++)
        for (long ow = 0; ow < p.out[2]; ow++, row++)
          for (long f = 0; f < p.filters; f++) {
            T sum = p.bias ? p.bias[f] : T(0);
            const T* w = p.w + f;
            for (long kd = 0; kd < p.kernel[0]; kd++)
              for (long kh = 0; kh < p.kernel[1]; kh++)
                for (long kw = 0; kw < p.kernel[2]; kw++, w += channels * p.filters) {
                  const long id = p.source(0, od, kd), ih = p.source(1, oh, kh), iw = p.source(2, ow, kw);
                  if (id < 0 || ih < 0 || iw < 0) continue;
                  const T* x =
                      p.x + (((n * p.in[0] + id) * p.in[1] + ih) * p.in[2] + iw) * p.channels + f / filters * channels;
                  for (long c = 0; c < channels; c++) sum += x[c] * w[c * p.filters];
                }
            if (p.finish.apply) p.finish.apply(p.finish.self, row, 1, f, 1, &sum, 1, nullptr);
            else p.y[row * p.filters + f] = sum;
          }
}

} // namespace cambium::CAMBIUM_ISA
