// Copies that put axes in another order, such as the weights of a convolution: squares of numbers are turned in registers.
#pragma once
#include "runner.hpp"

namespace cambium::CAMBIUM_ISA {

/// A copy whose target is contiguous along another axis than its source.
class Turn {
public:
  /// Whether the kernel is such a copy. Read number by number, each would cost a line of the cache.
  static bool fits(const Kernel& k, const Program& program, std::vector<Hazard>& hazards) {
    const Body& b = k.body;
    if (b.given || b.wide || !b.code.empty() || b.loads.size() != 1 || b.stores.size() != 1) return false;
    const Value &from = program.values[b.loads[0].value], &to = program.values[b.stores[0].value];
    if (from.dtype != DType::float32 || to.dtype != DType::float32 || from.at == At::scalar || to.at == At::partial) return false;
    return Turn(k, program).columns >= 4 && !overwrites(program, b.stores[0].value, b.loads[0].value, hazards);
  }

  Turn(const Kernel& k, const Program& program) : source(k.body.loads[0].value), target(k.body.stores[0].value) {
    struct Axis { long size, from, to; };
    std::vector<Axis> axes;
    sourceOffset = k.body.loads[0].offset, targetOffset = k.body.stores[0].offset;
    for (size_t i = 0; i < k.dims.size(); i++) {
      Axis a{k.dims[i], k.body.loads[0].strides[i], k.body.stores[0].strides[i]};
      if (a.size == 0) return;
      if (a.size == 1) continue;
      if (a.from < 0) { // counted from the other end
        sourceOffset += (a.size - 1) * a.from, targetOffset += (a.size - 1) * a.to;
        a.from = -a.from, a.to = -a.to;
      }
      axes.push_back(a);
    }
    const auto across = std::find_if(axes.begin(), axes.end(), [](const Axis& a) { return a.to == 1; });
    if (across == axes.end() || across->from <= 1) return;
    const Axis apart = *across;
    axes.erase(across);
    // The axes that the source runs through in one go.
    place = {0};
    for (bool found = true; found;) {
      found = false;
      for (size_t i = 0; i < axes.size() && !found; i++) {
        const Axis a = axes[i];
        const long length = (long)place.size();
        if (a.from != length || length * a.size > longest) continue;
        found = true;
        for (long j = 1; j < a.size; j++)
          for (long p = 0; p < length; p++) place.push_back(place[p] + j * a.to);
        axes.erase(axes.begin() + (long)i);
      }
    }
    if (place.size() < 4) return;
    columns = apart.size, step = apart.from, outer = 1;
    for (const Axis& a : axes) sizes.push_back(a.size), from.push_back(a.from), to.push_back(a.to), outer *= a.size;
    partial = program.values[source].at == At::partial;
  }

  void run(const Worker& w, int part, int parts) const {
    const long blocks = (columns + width - 1) / width, units = outer * blocks;
    for (long u = shareOf(units, part, parts), end = shareOf(units, part + 1, parts); u < end; u++) {
      long in = sourceOffset, out = targetOffset, rest = u / blocks;
      for (size_t i = sizes.size(); i-- > 0; rest /= sizes[i]) in += rest % sizes[i] * from[i], out += rest % sizes[i] * to[i];
      const long c = u % blocks * width;
      block(w, in + c * step, w.at<float>(target) + out + c, std::min(width, columns - c));
    }
  }

private:
  static constexpr long width = lanes > 16 ? lanes : 16, longest = 1 << 16;

  int source, target;
  long sourceOffset, targetOffset;
  long columns = 0, step = 0, outer = 0; ///< numbers side by side in the target, and how far apart they are in the source
  std::vector<long> place;               ///< where in the target each number of a run goes
  std::vector<long> sizes, from, to;     ///< of the axes around
  bool partial = false;

  void block(const Worker& w, long in, float* out, long count) const {
    const long length = (long)place.size();
    const int copies = partial ? w.threads : 1;
    for (long p = 0; p < length; p += lanes) {
      const long rows = std::min<long>(lanes, length - p);
      const Part along((int)rows);
      // Each row of the target is another page: too far apart for the processor to guess.
      for (long i = p + 2 * lanes, end = std::min(i + lanes, length); i < end; i++) __builtin_prefetch(out + place[i], 1);
      for (long c = 0; c < count; c += lanes) {
        const long some = std::min<long>(lanes, count - c);
        Vector r[lanes] = {};
        for (int t = 0; t < copies; t++) {
          const char* base = partial ? w.base[source] - w.partials[w.thread] + w.partials[t] : w.base[source];
          const float* x = (const float*)base + in + c * step + p;
          for (long i = 0; i < some; i++, x += step) {
            const Vector next = rows == lanes ? load(x) : load(x, along);
            r[i] = t == 0 ? next : r[i] + next;
          }
        }
        transpose(r);
        const Part across((int)some);
        for (long i = 0; i < rows; i++) {
          if (some == lanes) store(out + place[p + i] + c, r[i]);
          else store(out + place[p + i] + c, r[i], across);
        }
      }
    }
  }
};

class TurnRunner : public Runner {
public:
  TurnRunner(const Kernel& k, const Making& making) : turn(k, making.program) {}
  void run(Worker& w, const Share& share) override { turn.run(w, share.part, share.parts); }

private:
  Turn turn;
};

} // namespace cambium::CAMBIUM_ISA
