// Checks the matrix product against plain loops in double.
#pragma once
#include "../src/matmul.hpp"
#include "harness.hpp"

namespace test {

using namespace cambium;
using namespace cambium::CAMBIUM_ISA;

/// A finish that stores the tile and counts its calls.
struct Store {
  float* out;
  long outRow;
  float* second = nullptr;
  long calls = 0, numbers = 0;
  static void apply(void* self, long row, long rows, long col, long cols, const float* tile, long stride,
                    const float* second) {
    Store& s = *(Store*)self;
    s.calls++, s.numbers += rows * cols;
    for (long r = 0; r < rows; r++)
      for (long c = 0; c < cols; c++) {
        s.out[(row + r) * s.outRow + col + c] = tile[r * stride + c];
        if (second) s.second[(row + r) * s.outRow + col + c] = second[r * stride + c];
      }
  }
  Finish<float> finish() { return {apply, this}; }
};

/// Scratch comes aligned to 64 bytes, and here ends at the guard.
inline long scratchFloats(size_t bytes) { return (long)((bytes + 63) / 64 * 16); }

inline bool close(double got, double want, double scale) { return std::fabs(got - want) <= 1e-6 * scale + 1e-6; }

inline void checkMatmul(int rounds) {
  for (int round = 0; round < rounds; round++) {
    const bool big = round % 20 == 0;
    const long batch = between(1, 3);
    const long m = below(6) == 0 ? between(1, 3) : big ? between(100, 300) : between(1, 70);
    const long n = below(6) == 0 ? between(1, 3) : big ? between(1, 700) : between(1, 150);
    const long k = big ? between(900, 2300) : between(0, 90);
    const bool aT = below(2), bT = below(2);
    long pad = below(2) * between(1, 5);
    Matmul<float> p{};
    p.batch = batch, p.m = m, p.n = n, p.k = k;
    p.aRow = aT ? 1 : k + pad, p.aCol = aT ? m + pad : 1;
    p.bRow = bT ? 1 : n + pad, p.bCol = bT ? k + pad : 1;
    if (below(8) == 0) p.bRow *= 2, p.bCol *= 2;
    if (below(8) == 0) p.aRow *= 2, p.aCol *= 2;
    auto extent = [](long r, long rs, long c, long cs) { return r && c ? (r - 1) * rs + (c - 1) * cs + 1 : 1; };
    p.aBatch = extent(m, p.aRow, k, p.aCol), p.bBatch = below(2) ? 0 : extent(k, p.bRow, n, p.bCol);
    p.outRow = n + pad, p.outBatch = m * p.outRow;
    Guarded a(batch * p.aBatch), b((batch - 1) * p.bBatch + extent(k, p.bRow, n, p.bCol)), bias(n);
    Guarded out((batch - 1) * p.outBatch + (m - 1) * p.outRow + n, false);
    Guarded scratch(scratchFloats(matmulScratch(m, n, k, batch > 1 && p.bBatch == 0)));
    p.a = a, p.b = b, p.out = out, p.scratch = scratch, p.bias = below(2) ? bias.data : nullptr;
    Store store{out, p.outRow};
    if (below(2)) p.finish = store.finish(), p.out = nullptr, p.outBatch = 0;
    const long outBatch = m * p.outRow;
    const long m0 = below(m), n0 = below(n), b0 = below(batch);
    matmul(p, b0, batch, 0, m0, 0, n), matmul(p, b0, batch, m0, m, 0, n0), matmul(p, b0, batch, m0, m, n0, n);
    if (b0) matmul(p, 0, b0, 0, m, 0, n);
    // The same rows and columns once more, from a B that has been packed for them.
    const bool kept = p.bBatch == 0 && m0 < m;
    Guarded panels(kept ? k * (n - n0 + lanes) + 16 : 16);
    if (kept) {
      packAll(p, m - m0, n0, n, panels);
      p.panels = panels;
      matmul(p, 0, batch, m0, m, n0, n);
    }
    bool ok = true;
    for (long i = 0; i < batch && ok; i++)
      for (long r = 0; r < m && ok; r++)
        for (long c = 0; c < n && ok; c++) {
          double want = p.bias ? bias[c] : 0, scale = 1;
          for (long q = 0; q < k; q++) {
            double t = (double)a[i * p.aBatch + r * p.aRow + q * p.aCol] * b[i * p.bBatch + q * p.bRow + c * p.bCol];
            want += t, scale += std::fabs(t);
          }
          ok = close(out[i * outBatch + r * p.outRow + c], want, scale);
        }
    char what[200];
    snprintf(what, sizeof what, "matmul %ldx%ldx%ld batch %ld a%c b%c finish %d (round %d)", m, k, n, batch, "NT"[aT],
             "NT"[bT], p.finish.apply != nullptr, round);
    expect(ok, what);
  }
}

} // namespace test
