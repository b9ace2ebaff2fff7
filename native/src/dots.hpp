// Products with few rows or columns whose operands are both contiguous along k: vectors run along k, not along columns.
#pragma once
#include "vector.hpp"
#include <algorithm>

namespace cambium::CAMBIUM_ISA {

/// out[r * outRow + c * outCol] = a_r . b_c for R rows and lanes / R columns, of which only rows x columns are there.
template <int R>
void dotTile(const float* a, long aRow, long rows, const float* b, long bCol, long columns, long depth,
             const float* bias, long biasCol, long biasRow, float* out, long outRow, long outCol) {
  constexpr int C = lanes / R;
  const float *x[R], *y[C];
  for (int r = 0; r < R; r++) x[r] = a + std::min<long>(r, rows - 1) * aRow;
  for (int c = 0; c < C; c++) y[c] = b + std::min<long>(c, columns - 1) * bCol;
  Vector sum[R * C];
  CAMBIUM_UNROLL
  for (int i = 0; i < R * C; i++) sum[i] = Vector{};
  long k = 0;
  auto step = [&](auto read) {
    Vector left[R];
    CAMBIUM_UNROLL
    for (int r = 0; r < R; r++) left[r] = read(x[r] + k);
    CAMBIUM_UNROLL
    for (int c = 0; c < C; c++) {
      const Vector right = read(y[c] + k);
      CAMBIUM_UNROLL
      for (int r = 0; r < R; r++) sum[r * C + c] += left[r] * right;
    }
  };
  for (; k + lanes <= depth; k += lanes) step([](const float* p) { return load(p); });
  if (k < depth) {
    const Part part((int)(depth - k));
    step([&](const float* p) { return load(p, part); });
  }
  float result[lanes];
  store(result, totals(sum));
  for (long r = 0; r < rows; r++)
    for (long c = 0; c < columns; c++)
      out[r * outRow + c * outCol] = result[r * C + c] + (bias ? bias[r * biasRow + c * biasCol] : 0.f);
}

/// All dot products of `rows` rows of a and `columns` columns of b.
inline void dots(const float* a, long aRow, long rows, const float* b, long bCol, long columns, long depth,
                 const float* bias, long biasCol, long biasRow, float* out, long outRow, long outCol) {
  constexpr int most = lanes >= 16 ? 4 : 2;
  auto kernel = dotTile<1>;
  int height = 1;
  if (rows >= 3 && most == 4) kernel = dotTile<most>, height = most;
  else if (rows >= 2) kernel = dotTile<2>, height = 2;
  const long width = lanes / height;
  // Columns outside: each of b's rows is read once while the few rows of a stay in L1.
  for (long c = 0; c < columns; c += width)
    for (long r = 0; r < rows; r += height)
      kernel(a + r * aRow, aRow, std::min<long>(height, rows - r), b + c * bCol, bCol, std::min(width, columns - c),
             depth, bias ? bias + r * biasRow + c * biasCol : nullptr, biasCol, biasRow, out + r * outRow + c * outCol,
             outRow, outCol);
}

} // namespace cambium::CAMBIUM_ISA
