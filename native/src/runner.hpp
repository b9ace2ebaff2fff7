// One kernel, ready to run on any thread.
#pragma once
#include "compile.hpp"

namespace cambium::CAMBIUM_ISA {

/// Bytes of memory a thread needs for a kernel.
struct Needs {
  size_t body = 0, finish = 0, kernel = 0;
  size_t lasting = 0;
};

class Runner {
public:
  virtual ~Runner() = default;
  virtual Needs needs() const { return {}; }
  /// Gives the bodies their memory on the worker's thread.
  virtual void place(Worker&, char* /*lasting*/) {}
  /// Before the runs of a stage, on each thread that takes part.
  virtual void begin(Worker&) {}
  /// How often `run` is called, with all threads meeting in between; only in stages of one kernel.
  virtual int phases() const { return 1; }
  virtual void run(Worker& w, const Share& share) = 0;
};

inline size_t lines(size_t bytes) { return (bytes + 63) / 64 * 64; }

/// What kernels are made with.
struct Making {
  const Program& program;
  std::vector<Hazard>& hazards;
  long samples; ///< of the stage
  bool alone;   ///< one thread runs all of the stage
  int parts;    ///< threads that take part
  const Loop* loop = nullptr; ///< that the stage is in

  /// Whether a value is the same at each step of the loop.
  bool isSame(int value) const {
    if (!loop) return false;
    for (const Bond& b : loop->same)
      if (b.inner == value) return true;
    return false;
  }
};

/// Index space `dims`, number by number.
template <class T>
class MapRunner : public Runner {
public:
  MapRunner(const Kernel& k, Making& making) : code(compile<T>(k.body, k.dims, making.program, {}, making.hazards)) {
    const Space& space = code.space;
    if (making.samples > 0 && space.rows % making.samples && (space.rows > 1 || space.cols % making.samples))
      throw BadProgram("map: the first axis of a space in a stage over samples must be the samples");
  }
  Needs needs() const override { return {code.scratchBytes(), 0, 0, code.lastingBytes()}; }
  void place(Worker& w, char* lasting) override { code.place(w.thread, w.body, lasting); }
  void begin(Worker& w) override { code.begin(w); }
  void run(Worker& w, const Share& share) override {
    const long rows = code.space.rows, cols = code.space.cols;
    long r0 = 0, r1 = rows, c0 = 0, c1 = cols;
    if (share.samples > 0) {
      if (rows % share.samples == 0) r0 = rows / share.samples * share.from, r1 = rows / share.samples * share.to;
      else c0 = cols / share.samples * share.from, c1 = cols / share.samples * share.to;
    } else if (code.folds || rows >= 4 * share.parts) {
      r0 = shareOf(rows, share.part, share.parts), r1 = shareOf(rows, share.part + 1, share.parts);
    } else c0 = shareOf(cols, share.part, share.parts, 64), c1 = shareOf(cols, share.part + 1, share.parts, 64);
    if (r0 < r1 && c0 < c1) code.run(w, r0, r1 - r0, c0, c1 - c0);
  }

private:
  Code<T> code;
};

} // namespace cambium::CAMBIUM_ISA
