// The shape of a convolution: which input position meets which output position under which tap of the kernel.
#pragma once
#include <algorithm>
#include <cstddef>
#include <numeric>

namespace cambium {

/// x is [n, in..., channels], the kernel [kernel..., channels / groups, filters], y is [n, out..., filters].
/// Output o and tap k meet input (o * stride + k * dilation - padLow) / inputDilation where that is whole and inside.
struct Geometry {
  long n;
  int spatial; ///< 1 to 3; the arrays always hold depth, height and width, with leading ones
  long in[3], out[3], kernel[3], stride[3], dilation[3], inputDilation[3], padLow[3];
  long channels, filters, groups;

  long inPixels() const { return in[0] * in[1] * in[2]; }
  long outPixels() const { return out[0] * out[1] * out[2]; }
  long taps() const { return kernel[0] * kernel[1] * kernel[2]; }

  /// The input position along an axis, or -1.
  long source(int axis, long o, long k) const {
    const long at = o * stride[axis] + k * dilation[axis] - padLow[axis];
    long i = at;
    if (inputDilation[axis] != 1) {
      if (at < 0 || at % inputDilation[axis]) return -1;
      i = at / inputDilation[axis];
    }
    return i >= 0 && i < in[axis] ? i : -1;
  }
  /// Every tap of every output position along the axis is inside the input.
  bool inside(int axis) const {
    return inputDilation[axis] == 1 && padLow[axis] <= 0 &&
           (out[axis] - 1) * stride[axis] + (kernel[axis] - 1) * dilation[axis] - padLow[axis] < in[axis];
  }
  bool inside() const { return inside(0) && inside(1) && inside(2); }
  /// One tap, and every input pixel is its own output pixel.
  bool pointwise() const {
    for (int i = 0; i < 3; i++)
      if (kernel[i] != 1 || stride[i] != 1 || padLow[i] != 0 || inputDilation[i] != 1 || in[i] != out[i]) return false;
    return groups == 1;
  }
  bool depthwise() const { return groups == channels && filters == channels && channels > 1; }

  /// Few channels under a wide kernel: the taps of a kernel row are then read as one long channel axis, and the
  /// image is padded first so that every row has all its taps.
  bool thin() const {
    return groups == 1 && channels <= 8 && dilation[2] == 1 && inputDilation[0] == 1 && inputDilation[1] == 1 &&
           inputDilation[2] == 1 && kernel[2] > 1;
  }
  /// The same convolution of the image with its padding laid out.
  Geometry padded() const {
    Geometry g = *this;
    for (int i = 0; i < 3; i++) g.in[i] = (out[i] - 1) * stride[i] + (kernel[i] - 1) * dilation[i] + 1, g.padLow[i] = 0;
    return g;
  }
};

/// Copies one sample of `from` into the zero-padded layout `to = from.padded()`.
template <class T>
void padImage(const Geometry& from, const Geometry& to, const T* x, T* out) {
  const long low = std::clamp(from.padLow[2], 0L, to.in[2]), first = low - from.padLow[2];
  const long count = std::max(0L, std::min(from.in[2] - first, to.in[2] - low)), c = from.channels;
  for (long d = 0; d < to.in[0]; d++) {
    for (long h = 0; h < to.in[1]; h++, out += to.in[2] * c) {
      const long id = d - from.padLow[0], ih = h - from.padLow[1];
      if (id < 0 || ih < 0 || id >= from.in[0] || ih >= from.in[1] || count == 0) {
        std::fill(out, out + to.in[2] * c, T(0));
        continue;
      }
      const T* row = x + ((id * from.in[1] + ih) * from.in[2] + first) * c;
      std::fill(out, out + low * c, T(0));
      std::copy(row, row + count * c, out + low * c);
      std::fill(out + (low + count) * c, out + to.in[2] * c, T(0));
    }
  }
}

/// Output columns first, first + step, ... (count of them), and the input columns one tap brings to them.
struct Columns {
  long first, step, count;
  long input, inputStep;
};

/// The output columns in [begin, end) that tap k reaches inside the input.
inline Columns columnsOf(const Geometry& g, long k, long begin, long end) {
  const long stride = g.stride[2], spread = g.inputDilation[2], step = spread / std::gcd(spread, stride);
  Columns c{begin, step, 0, 0, step * stride / spread};
  while (c.first < end && (c.first * stride + k * g.dilation[2] - g.padLow[2]) % spread) {
    if (++c.first - begin >= step) return c; // no phase fits
  }
  const long at = c.first * stride + k * g.dilation[2] - g.padLow[2], last = g.in[2] - 1;
  c.input = at / spread;
  if (c.input < 0) { // step over the padding
    const long skip = (-c.input + c.inputStep - 1) / c.inputStep;
    c.first += skip * step, c.input += skip * c.inputStep;
  }
  if (c.first < end && c.input <= last)
    c.count = std::min((end - 1 - c.first) / step, (last - c.input) / c.inputStep) + 1;
  return c;
}

} // namespace cambium
