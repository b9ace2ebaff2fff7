// Measures the kernels on one thread, against the peak of multiply-adds.
#pragma once
#include "../src/conv.hpp"
#include "../src/convkernel.hpp"
#include "../src/poolgradient.hpp"
#include "harness.hpp"
#include <string>

namespace test {

using namespace cambium;
using namespace cambium::CAMBIUM_ISA;

/// What the benchmark finishes with: relu into another matrix, whole rows at a time.
struct Relu {
  float* out;
  long outRow;
  static void apply(void* self, long row, long rows, long col, long cols, const float* tile, long stride,
                    const float*) {
    const Relu& relu = *(Relu*)self;
    for (long r = 0; r < rows; r++)
      for (long c = 0; c < cols; c++) {
        const float value = tile[r * stride + c];
        relu.out[(row + r) * relu.outRow + col + c] = value > 0 ? value : 0;
      }
  }
};

inline std::string filter;
inline bool wanted(const std::string& name) { return filter.empty() || name.find(filter) != std::string::npos; }

inline void benchMatmul() {
  struct {
    long m, k, n;
    const char* kind;
    long columns;
  } shapes[] = {{32, 784, 128, "NN", 0},     {32, 784, 128, "NN", 64},    {128, 784, 128, "NN", 0},
                {784, 32, 128, "TN", 0},     {784, 32, 128, "TN", 64},    {784, 128, 128, "TN", 0},
                {1600, 128, 128, "TN", 0},   {128, 1600, 128, "NN", 0},   {32, 1600, 128, "NN", 0},
                {128, 128, 1600, "NT", 0},   {32, 128, 1600, "NT", 0},    {256, 256, 256, "NN", 0},
                {512, 512, 512, "NN", 0},    {512, 512, 512, "NT", 0},    {512, 512, 512, "TN", 0},
                {1024, 1024, 1024, "NN", 0}, {1024, 1024, 1024, "NT", 0}, {1024, 1024, 1024, "TN", 0},
                {2048, 2048, 2048, "NN", 0}, {1000, 1000, 1000, "NN", 0}, {256, 4096, 1024, "NN", 0},
                {64, 64, 64, "NN", 0},       {32, 128, 10, "NN", 0},      {128, 32, 10, "TN", 0},
                {32, 10, 128, "NT", 0},      {128, 128, 10, "NN", 0},     {1, 784, 128, "NN", 0},
                {1, 1024, 1024, "NN", 0},    {1, 1024, 1024, "NT", 0},    {8, 1024, 1024, "NN", 0},
                {8, 1024, 1024, "NT", 0},    {1024, 1024, 1, "NN", 0},    {1024, 128, 1, "TN", 0},
                {64, 1, 64, "NN", 0}};
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
    Relu relu{out, s.n};
    p.finish = {Relu::apply, &relu};
    report("     with relu", 2.0 * s.m * s.k * columns, [&] { matmul(p, 0, 1, 0, s.m, 0, columns); });
    free(a), free(b), free(out), free(scratch);
  }
}

inline Geometry square(long n, long in, long channels, long filters, long kernel, long pad, long stride = 1) {
  Geometry g{};
  g.n = n, g.spatial = 2, g.channels = channels, g.filters = filters, g.groups = 1;
  for (int i = 0; i < 3; i++) {
    const bool used = i > 0;
    g.in[i] = used ? in : 1, g.kernel[i] = used ? kernel : 1, g.stride[i] = used ? stride : 1,
    g.padLow[i] = used ? pad : 0;
    g.dilation[i] = g.inputDilation[i] = 1, g.out[i] = used ? (in + 2 * pad - kernel) / stride + 1 : 1;
  }
  return g;
}

inline double usefulFlops(const Geometry& g) {
  double total = 2.0 * g.n * (g.channels / g.groups) * g.filters;
  for (int i = 0; i < 3; i++) {
    long pairs = 0;
    for (long o = 0; o < g.out[i]; o++)
      for (long k = 0; k < g.kernel[i]; k++) pairs += g.source(i, o, k) >= 0;
    total *= (double)pairs;
  }
  return total;
}

inline void benchConv() {
  struct {
    const char* name;
    Geometry g;
  } shapes[] = {
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
    float *x = buffer((size_t)(g.n * g.inPixels() * g.channels)),
          *y = buffer((size_t)(g.n * g.outPixels() * g.filters));
    float* w = buffer((size_t)(g.taps() * g.channels / g.groups * g.filters));
    float* scratch = buffer(std::max(convScratch(g), convKernelScratch(g)) / 4 + 16);
    Conv<float> p{};
    (Geometry&)p = g, p.x = x, p.w = w, p.y = y, p.scratch = scratch;
    report(name, usefulFlops(g), [&] { conv(p, 0, g.n); });
    Relu relu{y, g.filters};
    p.finish = {Relu::apply, &relu};
    report("     with relu", usefulFlops(g), [&] { conv(p, 0, g.n); });
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

inline void benchPool() {
  struct {
    const char* name;
    long n, in, channels, kernel, stride;
  } shapes[] = {{"pool 2x2 24x24 c32 (1 image)", 1, 24, 32, 2, 2},
                {"pool 2x2 10x10 c64 (2 images)", 2, 10, 64, 2, 2},
                {"pool 2x2 24x24 c32 (64 images)", 64, 24, 32, 2, 2},
                {"pool 3x3 s2 56x56 c64 (1 image)", 1, 56, 64, 3, 2}};
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
inline double measurePeak() {
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

} // namespace test
