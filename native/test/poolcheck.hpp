// Checks pooling and its adjoints against plain loops in double.
#pragma once
#include "../src/poolgradient.hpp"
#include "convcheck.hpp"

namespace test {

using namespace cambium;
using namespace cambium::CAMBIUM_ISA;

inline void checkPool(int rounds) {
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
                  const long i0 = g.source(0, o / g.out[2] / g.out[1], a), i1 = g.source(1, o / g.out[2] % g.out[1], b),
                             i2 = g.source(2, o % g.out[2], w);
                  if (i0 >= 0 && i1 >= 0 && i2 >= 0)
                    f((size_t)((((n * g.in[0] + i0) * g.in[1] + i1) * g.in[2] + i2) * g.channels + c));
                }
          };
          each([&](size_t i) {
            const double v = xd[i];
            if (max && (winner < 0 || v > best || v != v)) best = v, winner = t;
            if (!max) best += v;
            seen++;
          });
          const double scale =
              mode == PoolMode::average ? 1.0 / (double)std::max(1L, p.countIncludePad ? g.taps() : (long)seen) : 1;
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
    (Geometry&)q = g, q.mode = mode, q.countIncludePad = p.countIncludePad, q.x = xd.data(), q.y = yd.data(),
    q.scratch = scratchd.data();
    pool(q, 0, g.n);
    ok = true;
    for (long i = 0; i < ys; i++)
      ok = ok &&
           (yd[(size_t)i] != yd[(size_t)i] ? y[i] != y[i] : y[i] == yd[(size_t)i] || close(y[i], yd[(size_t)i], 10));
    describe(g, "pool in double", round, text);
    expect(ok, text);
  }
}

} // namespace test
