// How the outputs of a row are cut into register tiles that share the taps of the kernel.
#pragma once
#include "brgemm.hpp"
#include "geometry.hpp"

namespace cambium::CAMBIUM_ISA {

/// Outputs of one row that share their taps: one register tile (or a part of it, next to the padding).
struct Run {
  long first, step, count; ///< output columns
  long tap, tapStep, taps; ///< kernel columns; none: the run only writes the bias
  long input;              ///< input column of the first output under the first tap
  bool start;              ///< the first run of its outputs: it writes what the others add to
};
struct ColumnBlock {
  long first, count;
  const Run *begin, *end;
};

/// How a row of outputs is cut into register tiles: by phase of the input's dilation, then by reach of the taps,
/// so that no arithmetic is spent on padding. The same for all rows of a convolution.
struct RowPlan {
  ColumnBlock* blocks;
  long blockCount;
  long phases;              ///< outputs this far apart share their taps
  long inputStep, tapInput; ///< input columns from output to output and from tap to tap of a run

  static long blocksOf(const Geometry& g) {
    const long span = tileRows * phasesOf(g);
    return (g.out[2] + span - 1) / span;
  }
  static long phasesOf(const Geometry& g) { return g.inputDilation[2] / std::gcd(g.inputDilation[2], g.stride[2]); }
  static size_t bytes(const Geometry& g) {
    return (size_t)blocksOf(g) * (sizeof(ColumnBlock) + (size_t)(phasesOf(g) * (g.kernel[2] + 1)) * sizeof(Run));
  }

  RowPlan(const Geometry& g, void* memory) {
    blocks = (ColumnBlock*)memory, blockCount = blocksOf(g), phases = phasesOf(g);
    const long spread = g.inputDilation[2], tapStep = spread / std::gcd(spread, g.dilation[2]);
    inputStep = phases * g.stride[2] / spread, tapInput = tapStep * g.dilation[2] / spread;
    Run* run = (Run*)(blocks + blockCount);
    const Cut cut(g.out[2], tileRows * phases);
    for (long i = 0; i < blockCount; i++) {
      const long at = cut.start(i), end = cut.start(i + 1);
      blocks[i] = {at, end - at, run, run};
      for (long phase = at; phase < std::min(end, at + phases); phase++) run = addPhase(g, phase, end, tapStep, run);
      blocks[i].end = run;
    }
  }

private:
  Run* addPhase(const Geometry& g, long phase, long end, long tapStep, Run* run) {
    const long all = (end - phase + phases - 1) / phases;
    Run* const begin = run;
    *run++ = {phase, phases, all, 0, tapStep, 0, 0, true};
    for (long k = 0; k < g.kernel[2]; k++) {
      if ((phase * g.stride[2] + k * g.dilation[2] - g.padLow[2]) % g.inputDilation[2]) continue;
      const Columns c = columnsOf(g, k, phase, end);
      if (c.count == 0) continue;
      // The taps that reach every output of the phase come first: they need no extra pass to start the sums.
      Run& last = c.count == all ? *begin : run[-1];
      const bool joins =
          last.taps > 0 && last.first == c.first && last.count == c.count && k == last.tap + last.taps * tapStep;
      if (joins) last.taps++;
      else if (c.count == all && begin->taps == 0) *begin = {phase, phases, all, k, tapStep, 1, c.input, true};
      else *run++ = {c.first, phases, c.count, k, tapStep, 1, c.input, false};
    }
    return run;
  }
};

} // namespace cambium::CAMBIUM_ISA
