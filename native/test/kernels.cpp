// Checks every compute kernel against plain loops in double and measures it. Not part of the package.
// make -C native/test && native/test/build/kernels [check|bench] [part of a name]
#include "harness.hpp"
#include "../src/conv.hpp"
#include "../src/convkernel.hpp"
#include "../src/matmul.hpp"
#include "../src/poolgradient.hpp"
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

/// Scratch comes aligned to 64 bytes, and here ends at the guard.
long scratchFloats(size_t bytes) { return (long)((bytes + 63) / 64 * 16); }

bool close(double got, double want, double scale) { return std::fabs(got - want) <= 1e-6 * scale + 1e-6; }

void checkMatmul(int rounds) {
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
    Guarded scratch(scratchFloats(matmulScratch(m, n, k)));
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

Geometry randomGeometry(int round) {
  Geometry g{};
  g.n = between(1, 3), g.spatial = (int)between(1, 3);
  for (int i = 0; i < 3; i++) g.in[i] = g.out[i] = g.kernel[i] = g.stride[i] = g.dilation[i] = g.inputDilation[i] = 1, g.padLow[i] = 0;
  const int kind = (int)below(6); // 0: depthwise, 1: groups, 2: thin, 3: pointwise, else plain
  for (int i = 3 - g.spatial; i < 3; i++) {
    g.kernel[i] = kind == 3 ? 1 : between(1, 5), g.in[i] = between(1, g.spatial == 3 ? 7 : i == 2 && round % 8 == 0 ? 40 : 14);
    if (kind == 3 && below(2)) { g.out[i] = g.in[i]; continue; }
    g.stride[i] = below(2) ? 1 : between(1, 3), g.dilation[i] = below(3) ? 1 : between(1, 3);
    g.inputDilation[i] = below(3) ? 1 : between(1, 3), g.padLow[i] = below(2) ? 0 : between(-2, 5);
    const long high = below(2) ? 0 : between(-2, 5), reach = (g.kernel[i] - 1) * g.dilation[i] + 1;
    const long length = (g.in[i] - 1) * g.inputDilation[i] + 1 + g.padLow[i] + high;
    if (length < reach) { g.padLow[i] = reach, g.out[i] = 1; continue; }
    g.out[i] = (length - reach) / g.stride[i] + 1;
  }
  g.channels = between(1, 40), g.filters = between(1, 70), g.groups = 1;
  if (below(3) == 0) g.channels = 32, g.filters = 64;
  if (kind == 0) g.channels = g.filters = g.groups = between(2, 100);
  if (kind == 1) g.groups = between(2, 4), g.channels = g.groups * between(1, 9), g.filters = g.groups * between(1, 20);
  if (kind == 2) g.channels = between(1, 4), g.dilation[2] = 1;
  return g;
}

void describe(const Geometry& g, const char* what, int round, char* text) {
  int at = sprintf(text, "%s n %ld c %ld f %ld groups %ld (round %d)", what, g.n, g.channels, g.filters, g.groups, round);
  for (int i = 0; i < 3; i++)
    at += sprintf(text + at, " [in %ld out %ld k %ld s %ld d %ld id %ld p %ld]", g.in[i], g.out[i], g.kernel[i], g.stride[i],
                  g.dilation[i], g.inputDilation[i], g.padLow[i]);
}

void checkConv(int rounds) {
  for (int round = 0; round < rounds; round++) {
    Conv<float> p{};
    (Geometry&)p = randomGeometry(round);
    Conv<double> q{};
    (Geometry&)q = p;
    const long xs = p.n * p.inPixels() * p.channels, ws = p.taps() * (p.channels / p.groups) * p.filters;
    const long rows = p.n * p.outPixels(), ys = rows * p.filters;
    Guarded x(xs), w(ws), bias(p.filters), y(ys, false), scratch(scratchFloats(convScratch(p)));
    const bool hasBias = below(2);
    p.x = x, p.w = w, p.y = y, p.scratch = scratch, p.bias = hasBias ? bias.data : nullptr;
    Store store{y, p.filters};
    const bool finish = below(2);
    if (finish) p.finish = store.finish(), p.y = nullptr;
    const long n0 = below(p.n);
    conv(p, n0, p.n), conv(p, 0, n0);
    std::vector<double> xd(x.data, x + xs), wd(w.data, w + ws), bd(bias.data, bias + p.filters), yd((size_t)ys);
    q.x = xd.data(), q.w = wd.data(), q.y = yd.data(), q.bias = hasBias ? bd.data() : nullptr;
    conv(q, 0, q.n);
    bool ok = true;
    for (long i = 0; i < ys; i++) ok = ok && close(y[i], yd[(size_t)i], 4 + (double)(p.taps() * p.channels) / 20);
    char text[600];
    describe(p, finish ? "conv with finish" : "conv", round, text);
    expect(ok, text);

    ConvKernel<float> k{};
    (Geometry&)k = p;
    ConvKernel<double> kd{};
    (Geometry&)kd = p;
    Guarded dw(ws, false), dy(ys), scratch2(scratchFloats(convKernelScratch(p)));
    std::vector<double> dyd(dy.data, dy + ys), dwd((size_t)ws);
    k.x = x, k.dy = dy, k.dw = dw, k.scratch = scratch2;
    convKernel(k, n0, p.n, false), convKernel(k, 0, n0, true);
    kd.x = xd.data(), kd.dy = dyd.data(), kd.dw = dwd.data();
    convKernel(kd, 0, p.n, false);
    ok = true;
    for (long i = 0; i < ws; i++) ok = ok && close(dw[i], dwd[(size_t)i], 4 + (double)rows / 20);
    describe(p, "conv kernel gradient", round, text);
    expect(ok, text);
  }
}

void checkPool(int rounds) {
  for (int round = 0; round < rounds; round++) {
    Geometry g = randomGeometry(round);
    for (int i = 0; i < 3; i++) {
      g.inputDilation[i] = 1;
      if (round % 4 == 0) g.stride[i] = g.kernel[i], g.dilation[i] = 1, g.padLow[i] = -below(2);
      const long high = below(2) ? 0 : between(-1, 2), reach = (g.kernel[i] - 1) * g.dilation[i] + 1;
      const long length = g.in[i] + g.padLow[i] + high;
      if (length < reach) g.padLow[i] = 0, g.in[i] = reach + below(3), g.out[i] = 1;
      else g.out[i] = (length - reach) / g.stride[i] + 1;
    }
    const PoolMode mode = (PoolMode)below(3);
    const bool finish = below(2), small = below(2), max = mode == PoolMode::max;
    const long xs = g.n * g.inPixels() * g.channels, ys = g.n * g.outPixels() * g.channels;
    Guarded x(xs), y(ys, false), dy(ys), dx(xs, false), taken(ys, false), second(ys, false);
    Guarded scratch(scratchFloats(poolScratch(g))), bytes((ys + 3) / 4 + 1), ints(ys);
    for (long i = 0; i < xs; i++)
      if (below(3) == 0) x[i] = .25f;
    if (round % 5 == 0) x[below(xs)] = NAN;
    Pool<float> p{};
    (Geometry&)p = g, p.mode = mode, p.countIncludePad = below(2), p.x = x, p.y = y, p.scratch = scratch;
    if (max && small) p.index8 = (uint8_t*)(bytes.data + (ys + 3) / 4 + 1) - ys;
    else if (max) p.index32 = (int32_t*)ints.data;
    Store store{y, g.channels, second};
    if (finish) p.finish = store.finish(), p.y = nullptr;
    const long n0 = below(g.n);
    pool(p, n0, g.n), pool(p, 0, n0);
    std::vector<double> xd(x.data, x + xs), dyd(dy.data, dy + ys), yd((size_t)ys), dxd((size_t)xs);
    std::vector<int32_t> want((size_t)ys);
    std::vector<double> scratchd(poolScratch(g, 8) / 8);
    bool ok = true;
    long at = 0;
    for (long n = 0; n < g.n; n++)
      for (long o = 0; o < g.outPixels(); o++)
        for (long c = 0; c < g.channels; c++, at++) {
          double best = max ? -INFINITY : 0;
          int winner = -1, seen = 0, t = 0;
          auto each = [&](auto f) {
            t = 0;
            for (long a = 0; a < g.kernel[0]; a++)
              for (long b = 0; b < g.kernel[1]; b++)
                for (long w = 0; w < g.kernel[2]; w++, t++) {
                  const long i0 = g.source(0, o / g.out[2] / g.out[1], a), i1 = g.source(1, o / g.out[2] % g.out[1], b), i2 = g.source(2, o % g.out[2], w);
                  if (i0 >= 0 && i1 >= 0 && i2 >= 0) f((size_t)((((n * g.in[0] + i0) * g.in[1] + i1) * g.in[2] + i2) * g.channels + c));
                }
          };
          each([&](size_t i) {
            const double v = xd[i];
            if (max && (winner < 0 || v > best || v != v)) best = v, winner = t;
            if (!max) best += v;
            seen++;
          });
          const double scale = mode == PoolMode::average ? 1.0 / (double)std::max(1L, p.countIncludePad ? g.taps() : (long)seen) : 1;
          if (!max) best *= scale;
          if (seen == 0 && max) winner = 0;
          each([&](size_t i) { dxd[i] += max ? (t == winner ? dyd[(size_t)at] : 0) : scale * dyd[(size_t)at]; });
          ok = ok && (best != best ? y[at] != y[at] : y[at] == best || close(y[at], best, 10));
          if (max) ok = ok && (p.index8 ? p.index8[at] : p.index32[at]) == winner;
          if (max && finish) ok = ok && second[at] == (float)winner;
        }
    char text[600];
    describe(g, max ? "max pool" : "sum pool", round, text);
    expect(ok, text);
    PoolGradient<float> d{};
    (Geometry&)d = g, d.mode = mode, d.countIncludePad = p.countIncludePad, d.dy = dy, d.dx = dx, d.scratch = scratch;
    d.index8 = p.index8, d.index32 = p.index32;
    if (max) poolPut(d, n0, g.n), poolPut(d, 0, n0);
    else poolSpread(d, n0, g.n), poolSpread(d, 0, n0);
    ok = true;
    for (long i = 0; i < xs; i++) ok = ok && close(dx[i], dxd[(size_t)i], 10);
    describe(g, max ? "max pool put" : "sum pool spread", round, text);
    expect(ok, text);
    if (max) {
      p.y = taken, p.finish = {};
      poolTake(p, 0, g.n);
      ok = true;
      for (long i = 0; i < ys; i++) ok = ok && (taken[i] == y[i] || y[i] != y[i] || y[i] == -INFINITY);
      describe(g, "max pool take", round, text);
      expect(ok, text);
    }
    Pool<double> q{};
    (Geometry&)q = g, q.mode = mode, q.countIncludePad = p.countIncludePad, q.x = xd.data(), q.y = yd.data(), q.scratch = scratchd.data();
    pool(q, 0, g.n);
    ok = true;
    for (long i = 0; i < ys; i++) ok = ok && (yd[(size_t)i] != yd[(size_t)i] ? y[i] != y[i] : y[i] == yd[(size_t)i] || close(y[i], yd[(size_t)i], 10));
    describe(g, "pool in double", round, text);
    expect(ok, text);
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

Geometry square(long n, long in, long channels, long filters, long kernel, long pad, long stride = 1) {
  Geometry g{};
  g.n = n, g.spatial = 2, g.channels = channels, g.filters = filters, g.groups = 1;
  for (int i = 0; i < 3; i++) {
    const bool used = i > 0;
    g.in[i] = used ? in : 1, g.kernel[i] = used ? kernel : 1, g.stride[i] = used ? stride : 1, g.padLow[i] = used ? pad : 0;
    g.dilation[i] = g.inputDilation[i] = 1, g.out[i] = used ? (in + 2 * pad - kernel) / stride + 1 : 1;
  }
  return g;
}

double usefulFlops(const Geometry& g) {
  double total = 2.0 * g.n * (g.channels / g.groups) * g.filters;
  for (int i = 0; i < 3; i++) {
    long pairs = 0;
    for (long o = 0; o < g.out[i]; o++)
      for (long k = 0; k < g.kernel[i]; k++) pairs += g.source(i, o, k) >= 0;
    total *= (double)pairs;
  }
  return total;
}

void benchConv() {
  struct { const char* name; Geometry g; } shapes[] = {
      {"cnn conv2 12x12 32>64 (4 images)", square(4, 12, 32, 64, 3, 0)},
      {"cnn conv2 12x12 32>64 (128 images)", square(128, 12, 32, 64, 3, 0)},
      {"cnn conv2 13x13 32>64 (128 images)", square(128, 13, 32, 64, 3, 0)},
      {"cnn conv2 data gradient (4 images)", square(4, 10, 64, 32, 3, 2)},
      {"cnn conv2 data gradient (128 images)", square(128, 10, 64, 32, 3, 2)},
      {"cnn conv1 28x28 1>32 (4 images)", square(4, 28, 1, 32, 3, 0)},
      {"cnn conv1 28x28 1>32 padded (4 images)", square(4, 28, 1, 32, 3, 1)},
      {"rgb 32x32 3>32 padded (4 images)", square(4, 32, 3, 32, 3, 1)},
      {"resnet 7x7 s2 224x224 3>64", square(1, 224, 3, 64, 7, 3, 2)},
      {"resnet 56x56 64>64 (2 images)", square(2, 56, 64, 64, 3, 1)},
      {"58x58 64>64 valid (2 images)", square(2, 58, 64, 64, 3, 0)},
      {"resnet 28x28 128>128 (2 images)", square(2, 28, 128, 128, 3, 1)},
      {"resnet 14x14 256>256 (2 images)", square(2, 14, 256, 256, 3, 1)},
      {"resnet 7x7 512>512 (2 images)", square(2, 7, 512, 512, 3, 1)},
      {"resnet 56x56 s2 64>128 (2 images)", square(2, 56, 64, 128, 3, 1, 2)},
      {"5x5 64>64 padded (8 images)", square(8, 5, 64, 64, 3, 1)},
      {"3x3 64>64 padded (8 images)", square(8, 3, 64, 64, 3, 1)},
      {"pointwise 14x14 256>256 (2 images)", square(2, 14, 256, 256, 1, 0)},
  };
  Geometry upward = square(2, 28, 128, 64, 3, 1); // the data gradient of a convolution with stride 2
  for (int i = 1; i < 3; i++) upward.inputDilation[i] = 2, upward.out[i] = 56;
  Geometry depthwise = square(2, 28, 128, 128, 3, 1);
  depthwise.groups = 128;
  Geometry groups = square(2, 28, 128, 128, 3, 1);
  groups.groups = 4;
  auto bench = [](const char* title, const Geometry& g) {
    char name[99];
    snprintf(name, sizeof name, "conv %s", title);
    if (!wanted(name)) return;
    float *x = buffer((size_t)(g.n * g.inPixels() * g.channels)), *y = buffer((size_t)(g.n * g.outPixels() * g.filters));
    float* w = buffer((size_t)(g.taps() * g.channels / g.groups * g.filters));
    float* scratch = buffer(std::max(convScratch(g), convKernelScratch(g)) / 4 + 16);
    Conv<float> p{};
    (Geometry&)p = g, p.x = x, p.w = w, p.y = y, p.scratch = scratch;
    report(name, usefulFlops(g), [&] { conv(p, 0, g.n); });
    ConvKernel<float> k{};
    (Geometry&)k = g, k.x = x, k.dy = y, k.dw = w, k.scratch = scratch;
    report("     kernel gradient", usefulFlops(g), [&] { convKernel(k, 0, g.n, false); });
    free(x), free(y), free(w), free(scratch);
  };
  for (auto& s : shapes) bench(s.name, s.g);
  bench("data gradient of s2 28x28 128>64 (2 images)", upward);
  bench("depthwise 28x28 128 (2 images)", depthwise);
  bench("4 groups 28x28 128>128 (2 images)", groups);
}

void benchPool() {
  struct { const char* name; long n, in, channels, kernel, stride; } shapes[] = {
      {"pool 2x2 24x24 c32 (1 image)", 1, 24, 32, 2, 2}, {"pool 2x2 10x10 c64 (2 images)", 2, 10, 64, 2, 2},
      {"pool 2x2 24x24 c32 (64 images)", 64, 24, 32, 2, 2}, {"pool 3x3 s2 56x56 c64 (1 image)", 1, 56, 64, 3, 2}};
  for (auto& s : shapes) {
    if (!wanted(s.name)) continue;
    Geometry g = square(s.n, s.in, s.channels, s.channels, s.kernel, 0, s.stride);
    const size_t xs = (size_t)(g.n * g.inPixels() * g.channels), ys = (size_t)(g.n * g.outPixels() * g.channels);
    float *x = buffer(xs), *y = buffer(ys), *scratch = buffer(poolScratch(g) / 4 + 16);
    std::vector<uint8_t> index(ys);
    Pool<float> p{};
    (Geometry&)p = g, p.x = x, p.y = y, p.index8 = index.data(), p.scratch = scratch;
    PoolGradient<float> d{};
    (Geometry&)d = g, d.dy = y, d.dx = x, d.index8 = index.data(), d.scratch = scratch;
    auto line = [&](const char* what, const std::function<void()>& f) {
      const Timing t = time(f);
      printf("%-44s %9.2f us  %6.1f GB/s\n", what, t.p10 * 1e6, (double)(4 * xs + 5 * ys) / t.p10 / 1e9);
    };
    line(s.name, [&] { pool(p, 0, g.n); });
    line("     put", [&] { poolPut(d, 0, g.n); });
    p.mode = d.mode = PoolMode::average;
    line("     average", [&] { pool(p, 0, g.n); });
    line("     spread", [&] { poolSpread(d, 0, g.n); });
    free(x), free(y), free(scratch);
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
    if (wanted("matmul")) checkMatmul(600);
    if (wanted("conv")) checkConv(600);
    if (wanted("pool")) checkPool(600);
    printf("%d checks, %d wrong\n", checks, failures);
  }
  if (mode != "check") {
    peak = measurePeak();
    printf("peak of one thread: %.0f GFLOP/s, %d lanes\n", peak, lanes);
    benchMatmul(), benchConv(), benchPool();
  }
  return failures != 0;
}
