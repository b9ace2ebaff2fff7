// Checks convolutions and their kernel gradients against the plain loops in double.
#pragma once
#include "../src/conv.hpp"
#include "../src/convkernel.hpp"
#include "matmulcheck.hpp"

namespace test {

using namespace cambium;
using namespace cambium::CAMBIUM_ISA;

inline Geometry randomGeometry(int round) {
  Geometry g{};
  g.n = between(1, 3), g.spatial = (int)between(1, 3);
  for (int i = 0; i < 3; i++)
    g.in[i] = g.out[i] = g.kernel[i] = g.stride[i] = g.dilation[i] = g.inputDilation[i] = 1, g.padLow[i] = 0;
  const int kind = (int)below(6); // 0: depthwise, 1: groups, 2: thin, 3: pointwise, else plain
  for (int i = 3 - g.spatial; i < 3; i++) {
    g.kernel[i] = kind == 3 ? 1 : between(1, 5), g.in[i] = between(1, g.spatial == 3             ? 7
                                                                      : i == 2 && round % 8 == 0 ? 40
                                                                                                 : 14);
    if (kind == 3 && below(2)) {
      g.out[i] = g.in[i];
      continue;
    }
    g.stride[i] = below(2) ? 1 : between(1, 3), g.dilation[i] = below(3) ? 1 : between(1, 3);
    g.inputDilation[i] = below(3) ? 1 : between(1, 3), g.padLow[i] = below(2) ? 0 : between(-2, 5);
    const long high = below(2) ? 0 : between(-2, 5), reach = (g.kernel[i] - 1) * g.dilation[i] + 1;
    const long length = (g.in[i] - 1) * g.inputDilation[i] + 1 + g.padLow[i] + high;
    if (length < reach) {
      g.padLow[i] = reach, g.out[i] = 1;
      continue;
    }
    g.out[i] = (length - reach) / g.stride[i] + 1;
  }
  g.channels = between(1, 40), g.filters = between(1, 70), g.groups = 1;
  if (below(3) == 0) g.channels = 32, g.filters = 64;
  if (kind == 0) g.channels = g.filters = g.groups = between(2, 100);
  if (kind == 1) g.groups = between(2, 4), g.channels = g.groups * between(1, 9), g.filters = g.groups * between(1, 20);
  if (kind == 2) g.channels = between(1, 4), g.dilation[2] = 1;
  return g;
}

inline void describe(const Geometry& g, const char* what, int round, char* text) {
  int at =
      sprintf(text, "%s n %ld c %ld f %ld groups %ld (round %d)", what, g.n, g.channels, g.filters, g.groups, round);
  for (int i = 0; i < 3; i++)
    at += sprintf(text + at, " [in %ld out %ld k %ld s %ld d %ld id %ld p %ld]", g.in[i], g.out[i], g.kernel[i],
                  g.stride[i], g.dilation[i], g.inputDilation[i], g.padLow[i]);
}

inline void checkConv(int rounds) {
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

} // namespace test
