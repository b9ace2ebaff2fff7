// Copies of matrix blocks in the order in which the micro-kernel reads them.
#pragma once
#include "brgemm.hpp"
#include <algorithm>

namespace cambium::CAMBIUM_ISA {

/// out[k * outRow + c] = in[c * inRow + k] for c < columns <= lanes, k < depth. Lanes beyond `columns` are zeros.
inline void packTransposed(const float* in, long inRow, long columns, long depth, float* out, long outRow) {
  long k = 0;
  for (; k + lanes <= depth; k += lanes) {
    Vector r[lanes];
    CAMBIUM_UNROLL
    for (int i = 0; i < lanes; i++) r[i] = i < columns ? load(in + i * inRow + k) : Vector{};
    transpose(r);
    // Rows may lie closer than a vector (outRow < lanes): each store then overwrites the excess of the one before.
    CAMBIUM_UNROLL
    for (int i = 0; i < lanes; i++) store(out + (k + i) * outRow, r[i]);
  }
  if (k == depth) return;
  const Part part((int)(depth - k));
  Vector r[lanes];
  CAMBIUM_UNROLL
  for (int i = 0; i < lanes; i++) r[i] = i < columns ? load(in + i * inRow + k, part) : Vector{};
  transpose(r);
  for (int i = 0; i < part.count; i++) store(out + (k + i) * outRow, r[i]);
}

/// Packs B[k][c] (at b + k * bRow + c * bCol) into panels of `width` columns, one after the other, each [depth, width].
/// The last panel is narrower: its columns rounded up to whole vectors and filled with zeros.
inline void packPanels(const float* b, long bRow, long bCol, long depth, long columns, long width, float* out) {
  for (long c0 = 0; c0 < columns; c0 += width) {
    long w = std::min(width, columns - c0), padded = (w + lanes - 1) / lanes * lanes;
    float* panel = out + c0 * depth;
    for (long c = 0; c < w; c += lanes) {
      long count = std::min<long>(lanes, w - c);
      const float* from = b + (c0 + c) * bCol;
      float* to = panel + c;
      if (bCol == 1 && count == lanes) {
        for (long k = 0; k < depth; k++) store(to + k * padded, load(from + k * bRow));
      } else if (bCol == 1) {
        const Part part((int)count);
        for (long k = 0; k < depth; k++) store(to + k * padded, load(from + k * bRow, part));
      } else if (bRow == 1) {
        packTransposed(from, bCol, count, depth, to, padded);
      } else {
        for (long k = 0; k < depth; k++) {
          Vector r{};
          for (long i = 0; i < count; i++) r[i] = from[k * bRow + i * bCol];
          store(to + k * padded, r);
        }
      }
    }
  }
}

/// Floats `packPanels` writes.
inline long packedPanels(long depth, long columns) { return depth * ((columns + lanes - 1) / lanes * lanes); }

/// Packs `rows` rows of A[r][k] (at a + r * aRow + k * aCol) as [depth, rows]. Writes up to `lanes` floats past the
/// end.
inline void packRows(const float* a, long aRow, long aCol, long rows, long depth, float* out) {
  if (aCol == 1 && rows <= lanes) {
    packTransposed(a, aRow, rows, depth, out, rows);
  } else if (aRow == 1 && rows <= lanes) {
    const Part part((int)rows);
    for (long k = 0; k < depth; k++) store(out + k * rows, load(a + k * aCol, part));
  } else if (aRow == 1) {
    for (long k = 0; k < depth; k++) memcpy(out + k * rows, a + k * aCol, rows * sizeof(float));
  } else {
    for (long k = 0; k < depth; k++)
      for (long r = 0; r < rows; r++) out[k * rows + r] = a[r * aRow + k * aCol];
  }
}

/// Packs A[r][k] (at a + r + k * aCol), contiguous along its rows, as one tile of [depth, rows] after the other, `apart` floats from one to the
/// next: at least `lanes` more than a tile takes. All tiles a few k at a time, so that each line of A is read once; lines may lie pages apart,
/// where the processor does not guess the next, so it is told.
inline void packTiles(const float* a, long aCol, const Cut& cut, long depth, float* out, long apart) {
  constexpr long together = 8, line = 64 / sizeof(float);
  const long rows = cut.start(cut.count);
  for (long k0 = 0; k0 < depth; k0 += together) {
    const long k1 = std::min(k0 + together, depth);
    if (aCol >= 4 * rows)
      for (long k = k0; k < k1; k++)
        for (long r = 0; r < rows; r += line) __builtin_prefetch(a + (k + 2 * together) * aCol + r);
    for (long i = 0; i < cut.count; i++) {
      const Part part((int)cut.length(i));
      const float* from = a + cut.start(i) + k0 * aCol;
      float* to = out + i * apart + k0 * part.count;
      for (long k = k0; k < k1; k++, from += aCol, to += part.count) store(to, load(from, part));
    }
  }
}

} // namespace cambium::CAMBIUM_ISA
