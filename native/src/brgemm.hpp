// The micro-kernel below every matrix product and convolution: a batch-reduce product of one register tile.
#pragma once
#include "vector.hpp"
#include <cstddef>
#include <utility>

namespace cambium::CAMBIUM_ISA {

// The register tile: as many rows as leave room for one row of B and a broadcast, by `tileVectors` vectors.
#if defined(__AVX512F__)
constexpr int tileRows = 14, tileVectors = 2; // 28 of 32 registers accumulate
#elif defined(__AVX__)
constexpr int tileRows = 6, tileVectors = 2; // 12 of 16
#elif defined(__aarch64__)
constexpr int tileRows = 5, tileVectors = 4; // 20 of 32: with 24 the compiler runs out of registers
#else
constexpr int tileRows = 4, tileVectors = 2; // 8 of 16: SSE has no fused multiply-add and needs a register in between
#endif
constexpr int panelWidth = tileVectors * lanes;

/// Rows a tile of `vectors` vectors may have. Few rows by many vectors keep enough sums in flight when M is small.
constexpr int rowsOf(int vectors) {
  int accumulators = tileRows * tileVectors;
  return vectors <= tileVectors ? tileRows : accumulators / vectors - (accumulators / vectors > 2 ? 1 : 0);
}

/// out[r][c] = from[r][c] + sum over terms t and k < depth of A_t[r][k] * B_t[k][c]
struct TileSum {
  const float* const* a; ///< where each term's A starts
  const float* const* b; ///< where each term's B starts
  long terms;
  long depth;          ///< k per term
  long aShift, bShift; ///< added to every pointer of `a` and `b`, so that lists serve many tiles
  long aRow, aTriple;  ///< row r of A is at (r % 3) * aRow + (r / 3) * aTriple
  long aStep, bStep;   ///< distance from k to k + 1
  const float* from;   ///< nullable: zeros
  long fromRow;
  float* out;
  long outRow;
};

/// One tile of R rows and V vectors, of which the last has only `last` columns when Ragged.
/// The address of a row is one of five pointers plus 0, 1 or 2 row strides: what x86 can express without an extra
/// instruction, and what lets a 3x3 kernel's nine taps be the rows of a tile.
template <int R, int V, bool Ragged, bool Dense>
__attribute__((noinline)) void tileSum(const TileSum& s, int last) {
  const Part part(last);
  Vector c[R][V];
  if (const float* from = s.from) {
    const long fromRow = s.fromRow;
    CAMBIUM_UNROLL
    for (int r = 0; r < R; r++, from += fromRow) {
      CAMBIUM_UNROLL
      for (int v = 0; v < V; v++)
        c[r][v] = Ragged && v == V - 1 ? load(from + v * lanes, part) : load(from + v * lanes);
    }
  } else {
    CAMBIUM_UNROLL
    for (int r = 0; r < R; r++) {
      CAMBIUM_UNROLL
      for (int v = 0; v < V; v++) c[r][v] = Vector{};
    }
  }
  constexpr long ahead = 16;
  const long aRow = s.aRow, aTriple = s.aTriple, aStep = s.aStep, bStep = s.bStep, depth = s.depth;
  for (long t = 0; t < s.terms; t++) {
    const float *a0 = s.a[t] + s.aShift, *a3 = a0 + aTriple, *a6 = a3 + aTriple, *a9 = a6 + aTriple,
                *a12 = a9 + aTriple;
    const float* b = s.b[t] + s.bShift;
    for (long k = 0; k < depth; k++) {
      Vector x[V];
      CAMBIUM_UNROLL
      for (int v = 0; v < V; v++) x[v] = Ragged && v == V - 1 ? load(b + v * lanes, part) : load(b + v * lanes);
      // Rows of B that lie apart cross pages, where the processor stops guessing. With a dense A the sums are short, or B is packed.
      if (!Dense) {
        CAMBIUM_UNROLL
        for (int v = 0; v < V; v += 16 / lanes) __builtin_prefetch(b + ahead * bStep + v * lanes);
      }
      CAMBIUM_UNROLL
      for (int r = 0; r < R; r++) {
        const float* row = Dense ? a0 + r : (r < 3 ? a0 : r < 6 ? a3 : r < 9 ? a6 : r < 12 ? a9 : a12) + (r % 3) * aRow;
        const float value = *row;
        CAMBIUM_UNROLL
        for (int v = 0; v < V; v++) c[r][v] += value * x[v];
      }
      b += bStep, a0 += aStep;
      if (!Dense) a3 += aStep, a6 += aStep, a9 += aStep, a12 += aStep;
    }
  }
  // Stores may alias `s`: what they need is read before them.
  float* out = s.out;
  const long outRow = s.outRow;
  CAMBIUM_UNROLL
  for (int r = 0; r < R; r++, out += outRow) {
    CAMBIUM_UNROLL
    for (int v = 0; v < V; v++) {
      if (Ragged && v == V - 1) store(out + v * lanes, c[r][v], part);
      else store(out + v * lanes, c[r][v]);
    }
  }
}

using TileKernel = void (*)(const TileSum&, int last);

template <int V, bool Ragged, bool Dense, size_t... R>
TileKernel tileKernelOf(int rows, std::index_sequence<R...>) {
  static constexpr TileKernel table[] = {tileSum<(int)R + 1, V, Ragged, Dense>...};
  return table[rows - 1];
}

/// The kernel for `rows` (1..rowsOf(V)) by V vectors.
template <int V>
TileKernel tileKernelOf(int rows, bool ragged, bool dense) {
  constexpr auto all = std::make_index_sequence<rowsOf(V)>{};
  if (dense) return ragged ? tileKernelOf<V, true, true>(rows, all) : tileKernelOf<V, false, true>(rows, all);
  return ragged ? tileKernelOf<V, true, false>(rows, all) : tileKernelOf<V, false, false>(rows, all);
}

constexpr int widestTile = 8;

/// The most vectors a tile of that many rows can have; few rows take wide tiles.
inline int vectorsFor(long rows) {
  for (int v = widestTile; v > tileVectors; v /= 2)
    if (rows <= rowsOf(v)) return v;
  return tileVectors;
}

/// Any number of columns (> 0), in tiles of at most `vectors` vectors.
inline void tileColumns(TileSum s, int rows, long columns, int vectors) {
  const bool dense = s.aRow == 1 && s.aTriple == 3;
  for (long c = 0; c < columns;) {
    long left = (columns - c + lanes - 1) / lanes;
    int v = vectors;
    while (v > left) v /= 2;
    long width = columns - c < (long)v * lanes ? columns - c : (long)v * lanes;
    int last = (int)(width - (long)(v - 1) * lanes);
    bool ragged = last != lanes;
    TileKernel kernel = v == 1   ? tileKernelOf<1>(rows, ragged, dense)
                        : v == 2 ? tileKernelOf<2>(rows, ragged, dense)
                        : v == 4 ? tileKernelOf<4>(rows, ragged, dense)
                                 : tileKernelOf<8>(rows, ragged, dense);
    kernel(s, last);
    c += width, s.bShift += width, s.out += width;
    if (s.from) s.from += width;
  }
}

/// Computes `columns` (> 0) columns and `rows` (1..rowsOf(vectors)) rows in tiles of at most `vectors` vectors.
inline void tileSums(const TileSum& s, int rows, long columns, int vectors) {
  if (columns == panelWidth && vectors == tileVectors)
    return tileKernelOf<tileVectors>(rows, false, s.aRow == 1 && s.aTriple == 3)(s, lanes);
  tileColumns(s, rows, columns, vectors);
}

/// Cuts a length into the fewest blocks of at most `most`, of nearly equal sizes: 32 by 14 is 11 + 11 + 10.
struct Cut {
  long count, size, longer; ///< the first `longer` blocks have size + 1
  Cut(long length, long most)
      : count((length + most - 1) / most), size(count ? length / count : 0), longer(length - count * size) {}
  long start(long i) const { return i * size + (i < longer ? i : longer); }
  long length(long i) const { return size + (i < longer); }
};

} // namespace cambium::CAMBIUM_ISA
