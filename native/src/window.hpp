// The input pixels under a pooling window, as a list of distances.
#pragma once
#include "geometry.hpp"

namespace cambium {

/// The taps of one window that lie inside the input: where they are in a sample and which tap each is.
struct Window {
  long first;         ///< where the window starts, from the sample's first number
  const long* offset; ///< distance of each tap from there
  const int* tap;     ///< row-major position of each tap in the window
  int count;

  /// Numbers every pixel's window of an image in turn; `memory` has `bytes(g)` bytes.
  Window(const Geometry& g, void* memory)
      : first(0),
        count(0),
        geometry(g),
        offsets((long*)memory),
        some(offsets + g.taps()),
        taps((int*)(some + g.taps())),
        someTaps(taps + g.taps()) {
    const long* k = g.kernel;
    for (long d = 0, t = 0; d < k[0]; d++)
      for (long h = 0; h < k[1]; h++)
        for (long w = 0; w < k[2]; w++, t++)
          offsets[t] = ((d * g.dilation[0] * g.in[1] + h * g.dilation[1]) * g.in[2] + w * g.dilation[2]) * g.channels,
          taps[t] = (int)t;
    for (int i = 0; i < 3; i++) inside[i] = g.inside(i);
  }
  static size_t bytes(const Geometry& g) { return (size_t)g.taps() * 3 * sizeof(long); }

  /// Moves to the window of output pixel (od, oh, ow).
  void move(long od, long oh, long ow) {
    const Geometry& g = geometry;
    const long at[3] = {od * g.stride[0] - g.padLow[0], oh * g.stride[1] - g.padLow[1], ow * g.stride[2] - g.padLow[2]};
    first = ((at[0] * g.in[1] + at[1]) * g.in[2] + at[2]) * g.channels;
    bool all = true;
    for (int i = 0; i < 3; i++)
      all = all && (inside[i] || (at[i] >= 0 && at[i] + (g.kernel[i] - 1) * g.dilation[i] < g.in[i]));
    if (all) {
      offset = offsets, tap = taps, count = (int)g.taps();
      return;
    }
    const long* k = g.kernel;
    int found = 0, t = 0;
    for (long d = 0; d < k[0]; d++)
      for (long h = 0; h < k[1]; h++)
        for (long w = 0; w < k[2]; w++, t++) {
          const long p[3] = {at[0] + d * g.dilation[0], at[1] + h * g.dilation[1], at[2] + w * g.dilation[2]};
          if (p[0] < 0 || p[1] < 0 || p[2] < 0 || p[0] >= g.in[0] || p[1] >= g.in[1] || p[2] >= g.in[2]) continue;
          some[found] = offsets[t], someTaps[found++] = t;
        }
    offset = some, tap = someTaps, count = found;
  }

private:
  const Geometry& geometry;
  long *offsets, *some; ///< of all taps, and of those inside next to the padding
  int *taps, *someTaps;
  bool inside[3];
};

} // namespace cambium
