// Convolution of channels-last images: batch-reduce products over the taps of the kernel.
#pragma once
#include "depthwise.hpp"
#include "geometry.hpp"
#include "matmul.hpp"

namespace cambium::CAMBIUM_ISA {

template <class T>
struct Conv : Geometry {
  const T *x, *w;
  T* y;              ///< unused when `finish` is set
  Finish<T> finish;
  T* scratch;        ///< of the calling thread, `convScratch` bytes, aligned to 64
  const T* bias;     ///< nullable, one number per filter
};

/// Outputs of one row that share their taps: one register tile (or a part of it, next to the padding).
struct Run {
  long first, step, count; ///< output columns
  long tap, tapStep, taps; ///< kernel columns; none: the run only writes the bias
  long input;              ///< input column of the first output under the first tap
  bool start;              ///< the first run of its outputs: it writes what the others add to
};
struct ColumnBlock {
  long first, count;
  const Run *begin, *end;
};

/// How a row of outputs is cut into register tiles: by phase of the input's dilation, then by reach of the taps,
/// so that no arithmetic is spent on padding. The same for all rows of a convolution.
struct RowPlan {
  ColumnBlock* blocks;
  long blockCount;
  long phases;               ///< outputs this far apart share their taps
  long inputStep, tapInput;  ///< input columns from output to output and from tap to tap of a run

  static long blocksOf(const Geometry& g) {
    const long span = tileRows * phasesOf(g);
    return (g.out[2] + span - 1) / span;
  }
  static long phasesOf(const Geometry& g) { return g.inputDilation[2] / std::gcd(g.inputDilation[2], g.stride[2]); }
  static size_t bytes(const Geometry& g) {
    return (size_t)blocksOf(g) * (sizeof(ColumnBlock) + (size_t)(phasesOf(g) * (g.kernel[2] + 1)) * sizeof(Run));
  }

  RowPlan(const Geometry& g, void* memory) {
    blocks = (ColumnBlock*)memory, blockCount = blocksOf(g), phases = phasesOf(g);
    const long spread = g.inputDilation[2], tapStep = spread / std::gcd(spread, g.dilation[2]);
    inputStep = phases * g.stride[2] / spread, tapInput = tapStep * g.dilation[2] / spread;
    Run* run = (Run*)(blocks + blockCount);
    const Cut cut(g.out[2], tileRows * phases);
    for (long i = 0; i < blockCount; i++) {
      const long at = cut.start(i), end = cut.start(i + 1);
      blocks[i] = {at, end - at, run, run};
      for (long phase = at; phase < std::min(end, at + phases); phase++) run = addPhase(g, phase, end, tapStep, run);
      blocks[i].end = run;
    }
  }

private:
  Run* addPhase(const Geometry& g, long phase, long end, long tapStep, Run* run) {
    const long all = (end - phase + phases - 1) / phases;
    Run* const begin = run;
    *run++ = {phase, phases, all, 0, tapStep, 0, 0, true};
    for (long k = 0; k < g.kernel[2]; k++) {
      if ((phase * g.stride[2] + k * g.dilation[2] - g.padLow[2]) % g.inputDilation[2]) continue;
      const Columns c = columnsOf(g, k, phase, end);
      if (c.count == 0) continue;
      // The taps that reach every output of the phase come first: they need no extra pass to start the sums.
      Run& last = c.count == all ? *begin : run[-1];
      const bool joins = last.taps > 0 && last.first == c.first && last.count == c.count && k == last.tap + last.taps * tapStep;
      if (joins) last.taps++;
      else if (c.count == all && begin->taps == 0) *begin = {phase, phases, all, k, tapStep, 1, c.input, true};
      else *run++ = {c.first, phases, c.count, k, tapStep, 1, c.input, false};
    }
    return run;
  }
};

/// The row plan and the lists of pointers of a convolution, in scratch.
inline size_t convListBytes(const Geometry& g) {
  return RowPlan::bytes(g) + (size_t)g.taps() * 2 * sizeof(float*) + (size_t)(g.kernel[0] * g.kernel[1]) * 2 * sizeof(long) + 64;
}

// Filters computed together: their weights (all taps) should stay in L2.
constexpr long weightBytes = 384 * 1024;

/// Convolution by register tiles along the rows of the output.
struct RowConv {
  const Conv<float>& p;
  const float* const base;                ///< the lists point into this image and are shifted to others
  const long depth, kernelWidth; ///< k of one term and terms of a kernel row: whole kernel rows are merged if they can
  RowPlan plan;
  const float **a, **b;
  long *inRows, *kernelRows, rowTaps = 0; ///< the kernel rows that meet the input at the current output row
  long reached[4] = {-1, -1, -1, -1}, origin = 0;
  const Run* listed = nullptr;            ///< the run whose terms are in the lists
  long terms = 0;
  float *tile, *packed;
  long f0 = 0, f1 = 0, stride = 0;        ///< filters in work and the tile's row stride
  long tileRow = 0, tileCount = 0;        ///< rows in the tile

  static bool merges(const Geometry& g) { return g.groups == 1 && g.dilation[2] == 1 && g.inside(2); }
  static Geometry columnGeometry(Geometry g) {
    if (merges(g)) g.in[2] -= g.kernel[2] - 1, g.kernel[2] = 1;
    return g;
  }

  explicit RowConv(const Conv<float>& conv, float* scratch)
      : p(conv), base(conv.x), depth(p.channels / p.groups * (merges(p) ? p.kernel[2] : 1)), kernelWidth(merges(p) ? 1 : p.kernel[2]),
        plan(columnGeometry(p), scratch) {
    a = (const float**)((char*)scratch + (RowPlan::bytes(p) + 63) / 64 * 64), b = a + p.taps();
    inRows = (long*)(b + p.taps()), kernelRows = inRows + p.kernel[0] * p.kernel[1];
    tile = (float*)(((size_t)(kernelRows + p.kernel[0] * p.kernel[1]) + 63) / 64 * 64);
    packed = tile + finishTile + tileRows * finishColumns;
  }

  void run(long n0, long n1) {
    const long perGroup = p.filters / p.groups, k = p.taps() * (p.channels / p.groups);
    const long fits = std::max<long>(1, weightBytes / 4 / std::max(1L, k) / panelWidth) * panelWidth;
    const long chunk = std::min(finishColumns, fits);
    for (long g = 0; g < p.groups; g++)
      for (f0 = g * perGroup; f0 < (g + 1) * perGroup; f0 += chunk) {
        f1 = std::min(f0 + chunk, (g + 1) * perGroup), stride = f1 - f0;
        for (long n = n0; n < n1; n++) sample(n, p.x + n * p.inPixels() * p.channels + g * (p.channels / p.groups));
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

  /// Which rows of the kernel meet the input at this output row. Neighbouring rows mostly agree, then only `origin` moves.
  void findRows(long od, long oh) {
    const long at[2] = {od * p.stride[0] - p.padLow[0], oh * p.stride[1] - p.padLow[1]}, channels = p.channels / p.groups;
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
        const long id = spread ? p.source(0, od, kd) : kd * p.dilation[0], ih = spread ? p.source(1, oh, kh) : kh * p.dilation[1];
        if (id < 0 || ih < 0) continue;
        inRows[rowTaps] = (id * p.in[1] + ih) * p.in[2] * p.channels;
        kernelRows[rowTaps++] = (kd * p.kernel[1] + kh) * p.kernel[2] * channels * p.filters;
      }
  }

  /// Lists where the terms of a run start in x and w.
  void listTerms(const Run& run) {
    listed = &run, terms = 0;
    for (long r = 0; r < rowTaps; r++)
      for (long t = 0; t < run.taps; t++, terms++) {
        a[terms] = base + inRows[r] + t * plan.tapInput * p.channels;
        b[terms] = p.w + kernelRows[r] + (run.tap + t * run.tapStep) * (p.channels / p.groups) * p.filters;
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
      s.aShift = x - base + origin + run->input * p.channels, s.bShift = f0, s.bStep = p.filters;
      s.aRow = plan.inputStep * p.channels, s.aTriple = 3 * s.aRow, s.aStep = 1;
      s.out = out + (run->first - block.first) * outRow, s.outRow = outRow * run->step;
      if (!run->start) s.from = s.out, s.fromRow = s.outRow;
      else s.from = p.bias ? p.bias + f0 : nullptr, s.fromRow = 0;
      tileSums(s, (int)run->count, f1 - f0, vectorsFor(run->count));
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
  size_t bytes = convListBytes(g) + 192 + (size_t)(finishTile + tileRows * finishColumns) * sizeof(float);
  if (g.thin() && !g.inside()) bytes += (size_t)(g.padded().inPixels() * g.channels) * sizeof(float) + 64;
  return bytes;
}

/// Convolves samples [n0, n1).
inline void conv(const Conv<float>& p, long n0, long n1) {
  if (p.outPixels() == 0 || p.filters == 0) return;
  if (p.pointwise()) {
    const long pixels = p.outPixels();
    Matmul<float> product{};
    product.batch = 1, product.a = p.x, product.b = p.w, product.out = p.y, product.bias = p.bias;
    product.m = p.n * pixels, product.n = product.bRow = product.outRow = p.filters, product.k = product.aRow = p.channels;
    product.aCol = product.bCol = 1, product.finish = p.finish, product.scratch = p.scratch;
    return matmul(product, 0, 1, n0 * pixels, n1 * pixels, 0, p.filters);
  }
  if (p.depthwise()) return depthwise(p, p.x, p.w, p.y, p.finish, p.scratch, p.bias, n0, n1);
  if (p.thin() && !p.inside()) {
    Conv<float> inner = p;
    (Geometry&)inner = p.padded();
    float* image = p.scratch + (convListBytes(p) + 192) / 4 + finishTile + tileRows * finishColumns;
    inner.x = image;
    RowConv rows(inner, p.scratch);
    for (long n = n0; n < n1; n++) {
      padImage<float>(p, inner, p.x + n * p.inPixels() * p.channels, image);
      inner.x = image - n * inner.inPixels() * p.channels;
      rows.run(n, n + 1);
    }
    return;
  }
  RowConv(p, p.scratch).run(n0, n1);
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
                  const T* x = p.x + (((n * p.in[0] + id) * p.in[1] + ih) * p.in[2] + iw) * p.channels + f / filters * channels;
                  for (long c = 0; c < channels; c++) sum += x[c] * w[c * p.filters];
                }
            if (p.finish.apply) p.finish.apply(p.finish.self, row, 1, f, 1, &sum, 1, nullptr);
            else p.y[row * p.filters + f] = sum;
          }
}

} // namespace cambium::CAMBIUM_ISA
