// The body that takes over a kernel's tiles of results, whichever of the two number types each of them uses.
#pragma once
#include "finish.hpp"
#include "runner.hpp"

namespace cambium::CAMBIUM_ISA {

/// T: what the kernel calculates in.
template <class T>
class Finisher {
  using Other = std::conditional_t<std::is_same_v<T, float>, double, float>;

public:
  Finisher(const Body& body, const Dims& space, Making& making) : same(body.wide == std::is_same_v<T, double>) {
    CompileOptions options;
    options.groups.assign(space.size(), 0);
    options.groups.back() = 1;
    options.keepLast = true;
    if (same) code = compile<T>(body, space, making.program, options, making.hazards);
    else other = compile<Other>(body, space, making.program, options, making.hazards);
    if (code.folds || other.folds) throw BadProgram("a finish cannot fold");
  }

  size_t scratchBytes() const { return same ? code.scratchBytes() : other.scratchBytes() + 2 * blockSize * sizeof(Other); }
  size_t lastingBytes() const { return same ? code.lastingBytes() : other.lastingBytes(); }
  void place(Worker& w, char* lasting) {
    if (same) code.place(w.thread, w.finish, lasting);
    else other.place(w.thread, w.finish + 2 * blockSize * sizeof(Other), lasting);
  }
  void begin(Worker& w) {
    if (same) code.begin(w);
    else other.begin(w);
  }

  /// What the kernel is told to call; `rowOffset` is added to the rows it names.
  struct Call {
    Finisher* finisher;
    const Worker* worker;
    long rowOffset;
  };
  static Finish<T> of(Call& call) {
    return {[](void* self, long row, long rows, long col, long cols, const T* tile, long stride, const T* second) {
              const Call& c = *(Call*)self;
              c.finisher->apply(*c.worker, row + c.rowOffset, rows, col, cols, tile, stride, second);
            },
            &call};
  }

  void apply(const Worker& w, long row, long rows, long col, long cols, const T* tile, long stride, const T* second) {
    if (same) return code.run(w, row, rows, col, cols, tile, stride, second);
    convert(w, row, rows, col, cols, tile, stride, second);
  }

private:
  bool same;
  Code<T> code;
  Code<Other> other;

  void convert(const Worker& w, long row, long rows, long col, long cols, const T* tile, long stride, const T* second) {
    Other* converted[2] = {(Other*)w.finish, (Other*)w.finish + blockSize};
    for (long r = 0; r < rows; r++)
      for (long c = 0; c < cols; c += blockSize) {
        const long n = std::min(blockSize, cols - c);
        for (long i = 0; i < n; i++) {
          converted[0][i] = (Other)tile[r * stride + c + i];
          if (second) converted[1][i] = (Other)second[r * stride + c + i];
        }
        other.run(w, row + r, 1, col + c, n, converted[0], n, second ? converted[1] : nullptr);
      }
  }
};

/// A value that a kernel other than a body reads or writes as it lies in memory.
inline const Value& plainValue(const Program& program, int value, const char* kernel) {
  const Value& v = program.values[value];
  if (v.at == At::scalar || (v.at == At::partial && program.threads > 1))
    throw BadProgram(std::string(kernel) + ": its operands cannot be scalars or partial values");
  return v;
}

} // namespace cambium::CAMBIUM_ISA
