// Checks every compute kernel against plain loops in double and measures it. Not part of the package.
// make -C native/test && native/test/build/kernels [check|bench] [part of a name]
#include "harness.hpp"
#include "../src/matmul.hpp"
#include <string>

using namespace cambium;
using namespace cambium::CAMBIUM_ISA;
using namespace test;

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

bool close(double got, double want, double scale) { return std::fabs(got - want) <= 1e-6 * scale + 1e-6; }

void checkMatmul(int rounds) {
  for (int round = 0; round < rounds; round++) {
    const bool big = round % 40 == 0;
    const long batch = between(1, 3), m = big ? between(100, 300) : between(1, 70), n = big ? between(1, 700) : between(1, 150);
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
    Guarded scratch((long)((matmulScratch(m, n, k) + 3) / 4));
    p.a = a, p.b = b, p.out = out, p.scratch = scratch, p.bias = below(2) ? bias.data : nullptr;
    Store store{out, p.outRow};
    if (below(2)) p.finish = store.finish(), p.out = nullptr, p.outBatch = 0;
    const long outBatch = m * p.outRow;
    const long m0 = below(m), n0 = below(n), b0 = below(batch);
    matmul(p, b0, batch, 0, m0, 0, n), matmul(p, b0, batch, m0, m, 0, n0), matmul(p, b0, batch, m0, m, n0, n);
    if (b0) matmul(p, 0, b0, 0, m, 0, n);
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

std::string filter;
bool wanted(const std::string& name) { return filter.empty() || name.find(filter) != std::string::npos; }

void benchMatmul() {
  struct { long m, k, n; const char* kind; long columns; } shapes[] = {
      {32, 784, 128, "NN", 0},  {32, 784, 128, "NN", 64}, {128, 784, 128, "NN", 0}, {784, 32, 128, "TN", 0}, {784, 32, 128, "TN", 64},
      {784, 128, 128, "TN", 0}, {1600, 128, 128, "TN", 0}, {128, 1600, 128, "NN", 0}, {32, 1600, 128, "NN", 0},
      {128, 128, 1600, "NT", 0}, {32, 128, 1600, "NT", 0}, {256, 256, 256, "NN", 0}, {512, 512, 512, "NN", 0},
      {512, 512, 512, "NT", 0}, {512, 512, 512, "TN", 0}, {1024, 1024, 1024, "NN", 0}, {1024, 1024, 1024, "NT", 0}, {1024, 1024, 1024, "TN", 0},
      {2048, 2048, 2048, "NN", 0}, {1000, 1000, 1000, "NN", 0}, {256, 4096, 1024, "NN", 0}, {64, 64, 64, "NN", 0}, {32, 128, 10, "NN", 0}, {128, 32, 10, "TN", 0}, {32, 10, 128, "NT", 0},
      {128, 128, 10, "NN", 0}, {1, 784, 128, "NN", 0}, {1, 1024, 1024, "NN", 0}, {1, 1024, 1024, "NT", 0}, {8, 1024, 1024, "NN", 0},
      {8, 1024, 1024, "NT", 0}, {1024, 1024, 1, "NN", 0}, {1024, 128, 1, "TN", 0}, {64, 1, 64, "NN", 0}};
  for (auto& s : shapes) {
    char name[99];
    const long columns = s.columns ? s.columns : s.n;
    snprintf(name, sizeof name, "matmul %s %ldx%ldx%ld%s", s.kind, s.m, s.k, s.n, s.columns ? " half" : "");
    if (!wanted(name)) continue;
    float *a = buffer((size_t)(s.m * s.k)), *b = buffer((size_t)(s.k * s.n)), *out = buffer((size_t)(s.m * s.n));
    float* scratch = buffer(matmulScratch(s.m, s.n, s.k) / 4);
    Matmul<float> p{};
    p.batch = 1, p.m = s.m, p.n = s.n, p.k = s.k, p.a = a, p.b = b, p.out = out, p.scratch = scratch, p.outRow = s.n;
    p.aRow = s.kind[0] == 'T' ? 1 : s.k, p.aCol = s.kind[0] == 'T' ? s.m : 1;
    p.bRow = s.kind[1] == 'T' ? 1 : s.n, p.bCol = s.kind[1] == 'T' ? s.k : 1;
    report(name, 2.0 * s.m * s.k * columns, [&] { matmul(p, 0, 1, 0, s.m, 0, columns); });
    free(a), free(b), free(out), free(scratch);
  }
}

/// GFLOP/s of multiply-adds that touch registers only.
double measurePeak() {
  float out[lanes] = {1};
  const Timing t = time([&] {
    Vector c[10], a = splat(.999f), b = splat(out[0]);
    for (auto& v : c) v = a;
    for (int i = 0; i < 20000; i++) {
      CAMBIUM_UNROLL
      for (int j = 0; j < 10; j++) c[j] = c[j] * a + b;
    }
    for (int j = 1; j < 10; j++) c[0] += c[j];
    store(out, c[0] * 1e-9f);
  });
  return 2.0 * 10 * lanes * 20000 / t.p10 / 1e9;
}

int main(int count, char** words) {
  const std::string mode = count > 1 ? words[1] : "all";
  if (count > 2) filter = words[2];
  if (mode != "bench") {
    if (wanted("matmul")) checkMatmul(400);
    printf("%d checks, %d wrong\n", checks, failures);
  }
  if (mode != "check") {
    peak = measurePeak();
    printf("peak of one thread: %.0f GFLOP/s, %d lanes\n", peak, lanes);
    benchMatmul();
  }
  return failures != 0;
}
