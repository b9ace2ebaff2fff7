// Batched matrix product with any strides: out[m][n] = bias[n] + sum over k of a[m][k] * b[k][n].
#pragma once
#include "dots.hpp"
#include "finish.hpp"
#include "pack.hpp"

namespace cambium::CAMBIUM_ISA {

template <class T>
struct Matmul {
  long batch;
  const T* a;
  const T* b;
  T* out; ///< unused when `finish` is set
  long m, n, k;
  long aBatch, bBatch, outBatch; ///< distance between batch items
  long aRow, aCol, bRow, bCol;   ///< a[m][k] is at m * aRow + k * aCol, b[k][n] at k * bRow + n * bCol
  long outRow;
  Finish<T> finish;
  T* scratch;    ///< of the calling thread, `matmulScratch` bytes, aligned to 64
  const T* bias; ///< nullable, n numbers
  const T* panels = nullptr; ///< nullable: what `packAll` has made of B for these rows and columns
};

/// Columns are best split among threads in multiples of this.
inline long splitUnitN() { return panelWidth; }

// Blocks of the product. A packed block of A and a panel of B stay in L2.
// Where A is contiguous along m, as in a weight's gradient, sums are deep and panels of B must stay in L1.
constexpr long depthBlock = 1024, turnedDepth = 256, rowBlock = 8 * tileRows, columnBlock = 512;
// Finished tiles: up to 2048 numbers, as wide as 128 columns so that a finish sees long rows.
constexpr long finishTile = 2048, finishColumns = 128;
// A problem deeper than one depth block and with a finish sums up in scratch, a block of this many rows at a time.
constexpr long partialRows = 1024, turnedSums = 65536;
// Products with this many rows read each panel of B so often that its rows must not share a few sets of the cache, or many of them.
constexpr long manyRows = 8 * tileRows, mostRows = 32 * tileRows;
// B of up to so many numbers is packed once for all items of a batch.
constexpr long sharedNumbers = 1 << 18;
/// Floats for a packed block of A: tiles lie apart, since each store writes whole vectors.
inline long packedRows(long rows, long depth) { return (std::min(rows + tileRows, rowBlock) * depth + (rowBlock / tileRows + 2) * lanes + 15) / 16 * 16; }

/// Bytes of scratch a thread needs for a block of a product (m, n: of the block or of the whole product).
inline size_t matmulScratch(long m, long n, long k, bool shared = false) {
  long depth = std::min(k, depthBlock), columns = std::min(n, columnBlock) + lanes;
  long floats = finishTile + 16 * finishColumns + packedRows(m, depth) + columns * depth;
  if (shared && k * n <= sharedNumbers) floats += k * (n + lanes);
  if (k > turnedDepth) floats += std::min(m, partialRows) * (columns + lanes);
  return (size_t)floats * sizeof(float) + 256;
}

/// One block of the output, all of k: the state the loops below share.
struct MatmulBlock {
  const Matmul<float>& p;
  const float *a, *b, *bias;
  long outRow0; ///< row of this batch item in the flattened output
  float* out;   ///< where finished or partial sums go, null: to the tile
  long outStride;
  float *tile, *packedA, *packedB;
  bool packA, packB;
  int vectors; ///< width of a panel
  const float* panels = nullptr; ///< nullable: all of B, packed, for columns from `firstColumn`
  long firstColumn = 0;

  /// Adds the depth block [k0, k1) to rows [m0, m1) x columns [n0, n1); out is addressed from (m0, n0).
  void accumulate(long k0, long k1, long m0, long m1, long n0, long n1) {
    const long depth = k1 - k0, width = (long)vectors * lanes;
    const float* packed = packedB;
    if (panels) packed = panels + (n0 - firstColumn) * p.k + k0 * packedPanels(1, n1 - n0);
    else if (packB) packPanels(b + k0 * p.bRow + n0 * p.bCol, p.bRow, p.bCol, depth, n1 - n0, width, packedB);
    for (long r0 = m0; r0 < m1; r0 += rowBlock) {
      const long r1 = std::min(r0 + rowBlock, m1);
      const Cut cut(r1 - r0, rowsOf(vectors));
      const long apart = cut.length(0) * depth + lanes;
      if (packA && p.aRow == 1 && cut.length(0) <= lanes) packTiles(a + r0 + k0 * p.aCol, p.aCol, cut, depth, packedA, apart);
      else if (packA)
        for (long i = 0; i < cut.count; i++)
          packRows(a + (r0 + cut.start(i)) * p.aRow + k0 * p.aCol, p.aRow, p.aCol, cut.length(i), depth, packedA + i * apart);
      const bool finishing = p.finish.apply && k1 == p.k;
      const long wide = finishing ? std::max(width, std::min(n1 - n0, finishColumns / width * width)) : n1 - n0;
      const long group = finishing ? std::max(1L, finishTile / (std::min(wide, n1 - n0) * cut.length(0))) : cut.count;
      for (long i0 = 0; i0 < cut.count; i0 += group) {
        const long i1 = std::min(i0 + group, cut.count), row = r0 + cut.start(i0), rows = r0 + cut.start(i1) - row;
        for (long c0 = n0; c0 < n1; c0 += wide) {
          const long c1 = std::min(c0 + wide, n1);
          float* to = out ? out + (row - m0) * outStride + (c0 - n0) : tile;
          const long stride = out ? outStride : wide;
          for (long c = c0; c < c1; c += width) {
            const long columns = std::min(width, c1 - c);
            for (long i = i0; i < i1; i++) {
              const long r = r0 + cut.start(i), count = cut.length(i);
              const float* ai = packA ? packedA + i * apart : a + r * p.aRow + k0 * p.aCol;
              const float* bi = packB ? packed + (c - n0) * depth : b + k0 * p.bRow + c;
              TileSum s{};
              s.a = &ai, s.b = &bi, s.terms = 1, s.depth = depth;
              s.aRow = packA ? 1 : p.aRow, s.aTriple = 3 * s.aRow, s.aStep = packA ? count : p.aCol;
              s.bStep = packB ? (columns + lanes - 1) / lanes * lanes : p.bRow;
              s.out = to + (r - row) * stride + (c - c0), s.outRow = stride;
              if (k0 > 0) s.from = s.out, s.fromRow = stride;
              else s.from = bias ? bias + c : nullptr, s.fromRow = 0;
              tileSums(s, (int)count, columns, vectors);
            }
          }
          if (finishing) p.finish.apply(p.finish.self, outRow0 + row, rows, c0, c1 - c0, to, stride, nullptr);
        }
      }
    }
  }
};

// With both operands contiguous along k and at most this many rows, dot products beat packing B.
constexpr long dotRows = 8, dotColumns = 2;

/// The product by dot products.
inline void matmulDots(const Matmul<float>& p, long batch0, long batch1, long m0, long m1, long n0, long n1) {
  const bool tall = m1 - m0 > dotRows; // few columns: the rows take their place
  const long rows = m1 - m0, columns = n1 - n0;
  const long m = !p.finish.apply ? rows : tall ? std::max(1L, finishTile / columns) : rows;
  const long n = !p.finish.apply || tall ? columns : std::max(1L, finishTile / rows);
  for (long i = batch0; i < batch1; i++)
    for (long r = m0; r < m1; r += m)
      for (long c = n0; c < n1; c += n) {
        const long height = std::min(m, m1 - r), width = std::min(n, n1 - c);
        const float *a = p.a + i * p.aBatch + r * p.aRow, *b = p.b + i * p.bBatch + c * p.bCol;
        const float* bias = p.bias ? p.bias + c : nullptr;
        float* out = p.finish.apply ? p.scratch : p.out + i * p.outBatch + r * p.outRow + c;
        const long stride = p.finish.apply ? width : p.outRow;
        if (tall) dots(b, p.bCol, width, a, p.aRow, height, p.k, bias, 0, 1, out, 1, stride);
        else dots(a, p.aRow, height, b, p.bCol, width, p.k, bias, 1, 0, out, stride, 1);
        if (p.finish.apply) p.finish.apply(p.finish.self, i * p.m + r, height, c, width, out, width, nullptr);
      }
}

/// A product with one column and A contiguous along m, seen as a product with one row.
struct Upright {
  const Matmul<float>& p;
  long batch = 0;

  static void apply(void* self, long, long, long col, long cols, const float* tile, long, const float*) {
    const Upright& u = *(Upright*)self;
    if (u.p.finish.apply) return u.p.finish.apply(u.p.finish.self, u.batch * u.p.m + col, cols, 0, 1, tile, 1, nullptr);
    float* out = u.p.out + u.batch * u.p.outBatch + col * u.p.outRow;
    for (long i = 0; i < cols; i++) out[i * u.p.outRow] = tile[i];
  }
};

inline long deepestOf(const Matmul<float>& p) { return p.aCol != 1 ? turnedDepth : depthBlock; }

/// Packs columns [n0, n1) of the first batch item's B for products of m rows, block by block as they read it: k * (n1 - n0 + lanes) floats at most.
inline void packAll(const Matmul<float>& p, long m, long n0, long n1, float* out) {
  const long deepest = deepestOf(p);
  for (long c0 = n0; c0 < n1; c0 += columnBlock) {
    const long columns = std::min(columnBlock, n1 - c0);
    for (long k0 = 0; k0 < p.k; k0 += deepest) {
      const long depth = std::min(deepest, p.k - k0);
      packPanels(p.b + k0 * p.bRow + c0 * p.bCol, p.bRow, p.bCol, depth, columns, (long)vectorsFor(m) * lanes, out);
      out += packedPanels(depth, columns);
    }
  }
}

/// Computes batch items [batch0, batch1), rows [m0, m1) and columns [n0, n1) of the product.
inline void matmul(const Matmul<float>& p, long batch0, long batch1, long m0, long m1, long n0, long n1) {
  if (m1 <= m0 || n1 <= n0) return;
  const long m = m1 - m0;
  if (!p.panels && p.aCol == 1 && p.bRow == 1 && p.k >= 2 * lanes && (m <= dotRows || n1 - n0 <= dotColumns))
    return matmulDots(p, batch0, batch1, m0, m1, n0, n1);
  if (!p.panels && p.n == 1 && p.aRow == 1 && !p.bias && m > 1) {
    Upright upright{p};
    for (long i = batch0; i < batch1; i++) {
      upright.batch = i;
      Matmul<float> row = p;
      row.batch = 1, row.a = p.b + i * p.bBatch, row.b = p.a + i * p.aBatch, row.m = 1, row.n = p.m;
      row.aRow = 1, row.aCol = p.bRow, row.bRow = p.aCol, row.bCol = 1;
      row.finish = {Upright::apply, &upright};
      matmul(row, 0, 1, 0, 1, m0, m1);
    }
    return;
  }
  const int vectors = vectorsFor(m);
  const bool turned = p.aCol != 1;
  const long deepest = deepestOf(p);
  const long depth = std::min(p.k, deepest), columns = std::min(n1 - n0, columnBlock);
  auto conflicting = [](long stride) { return stride % 512 == 0; }; // these lines share a few sets of the cache
  MatmulBlock block{p, nullptr, nullptr, p.bias, 0, nullptr, 0, nullptr, nullptr, nullptr, false, false, vectors};
  const bool shared = p.bBatch == 0 && batch1 - batch0 > 1;
  const long rows = shared ? m * (batch1 - batch0) : m;
  block.packB = p.panels || p.bCol != 1 || (rows >= manyRows && conflicting(p.bRow)) || (rows >= mostRows && p.bRow % 64 == 0 && p.k > 64);
  // Down a column of A a line is read for each k: with rows 256 bytes apart, more than 64 of them share sets as well.
  block.packA = n1 - n0 >= 3 * panelWidth && m > 1 && (turned ? p.aCol % 64 == 0 && p.k > 64 : conflicting(p.aRow));
  const bool partial = p.finish.apply && p.k > deepest;
  block.tile = p.scratch;
  block.packedA = block.tile + finishTile + 16 * finishColumns;
  block.packedB = block.packedA + packedRows(m, depth);
  float* sums = block.packedB + (block.packB ? packedPanels(depth, columns) : 0);
  block.panels = p.panels, block.firstColumn = n0;
  if (!p.panels && shared && block.packB && p.k * p.n <= sharedNumbers) {
    float* panels = sums + (partial ? std::min(m, partialRows) * (columns + lanes) : 0);
    packAll(p, m, n0, n1, panels);
    block.panels = panels;
  }
  const long rowsAtOnce = !partial ? m : turned ? std::min(partialRows, turnedSums / columns) : partialRows;
  for (long i = batch0; i < batch1; i++) {
    block.a = p.a + i * p.aBatch, block.b = p.b + i * p.bBatch, block.outRow0 = i * p.m;
    for (long r0 = m0; r0 < m1; r0 += rowsAtOnce) {
      for (long c0 = n0; c0 < n1; c0 += columnBlock) {
        const long r1 = std::min(r0 + rowsAtOnce, m1), c1 = std::min(c0 + columnBlock, n1);
        if (partial) block.out = sums, block.outStride = c1 - c0;
        else if (!p.finish.apply) block.out = p.out + i * p.outBatch + r0 * p.outRow + c0, block.outStride = p.outRow;
        long k0 = 0;
        do {
          const long k1 = std::min(k0 + deepest, p.k);
          block.accumulate(k0, k1, r0, r1, c0, c1);
          k0 = k1;
        } while (k0 < p.k);
      }
    }
  }
}

/// Any other number type: plain loops.
template <class T>
void matmul(const Matmul<T>& p, long batch0, long batch1, long m0, long m1, long n0, long n1) {
  for (long i = batch0; i < batch1; i++) {
    for (long r = m0; r < m1; r++) {
      for (long c = n0; c < n1; c++) {
        T sum = p.bias ? p.bias[c] : T(0);
        const T *a = p.a + i * p.aBatch + r * p.aRow, *b = p.b + i * p.bBatch + c * p.bCol;
        for (long k = 0; k < p.k; k++) sum += a[k * p.aCol] * b[k * p.bRow];
        if (p.finish.apply) p.finish.apply(p.finish.self, i * p.m + r, 1, c, 1, &sum, 1, nullptr);
        else p.out[i * p.outBatch + r * p.outRow + c] = sum;
      }
    }
  }
}

} // namespace cambium::CAMBIUM_ISA
