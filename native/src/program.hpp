// A compiled step as plain data: the C++ mirror of src/compiler/program.ts, free of any instruction set.
#pragma once
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace cambium {

/// Places in the list of dtypes of src/base/dtype.ts.
enum class DType : int { float32, float64, int32, uint8, boolean, float16, bfloat16, int64, int8 };
constexpr int dtypes = 9;

inline long bytesOf(DType type) {
  switch (type) {
    case DType::float64:
    case DType::int64: return 8;
    case DType::float32:
    case DType::int32: return 4;
    case DType::float16:
    case DType::bfloat16: return 2;
    default: return 1;
  }
}

enum class At : int { input, output, scalar, arena, local, partial, bound };

struct Value {
  At at;
  long place; ///< slot, or offset in bytes
  DType dtype;
  long length;
  std::vector<int> stands = {}; ///< bound: the values it may stand for
  int carry = -1;               ///< bound: what a carry is read and written as has the same number
  long bytes() const { return length * bytesOf(dtype); }
};

using Dims = std::vector<long>;

struct View {
  int value;
  long offset;
  Dims strides;
};

struct Instruction {
  std::string op;
  std::vector<int> args;
  double number = 0;         ///< of `number`
  int axis = 0;              ///< of `index`
  DType dtype = DType::float32; ///< of `cast`
  long offset = 0;           ///< of `random`
  Dims strides;              ///< of `random`
};

struct Store : View {
  int from;
};

struct Body {
  bool wide; ///< float64 arithmetic
  int given;
  std::vector<View> loads;
  std::vector<Instruction> code;
  std::vector<Store> stores;
};

struct Frame {
  long samples;
  Dims input, output, window, stride, dilation, inputDilation, padding;
};

enum class Kind : int { map, reduce, matmul, conv, convKernel, pool, unpool, poolTake, gather, scatterAdd, pad, factorization, lines, loop, attention };
enum class Fold : int { sum, max, min, prod, argMax, argMin };
enum class Task : int { cholesky, triangularSolve, solve, logDeterminant, qrFactors, eighFactors, svdFactors };
enum class Line : int { argSort, cumSum, cumProd, cumMax, cumMin, logCumSumExp, searchSorted, dft };
enum class Split : int { batch, m, n };

struct Loop;

/// One kernel of any kind; each kind uses the fields it needs.
struct Kernel {
  Kind kind;
  Dims dims; ///< map, pad: the space; reduce: outer; matmul: batch
  Dims fold;
  long inner = 1;
  Fold op = Fold::sum;
  Body body, finish;
  long m = 0, n = 0, k = 0;
  View a{-1, 0, {}}, b{-1, 0, {}};
  Split split = Split::m;
  Frame geometry;
  long channels = 0, filters = 0, groups = 1;
  int x = -1, w = -1, out = -1, index = -1;
  bool most = false; ///< pool: max instead of sum
  long outer = 0, size = 0, count = 0;
  Dims low, high;
  double number = 0;
  Task task = Task::cholesky; ///< of a factorization: `outer` matrices [m, n], right sides w [n, k]
  std::shared_ptr<Loop> loop;
  bool upper = false, transposed = false, unit = false;
  Line line = Line::argSort; ///< of lines: x [outer, size, inner], and `index` [outer, count] to search for
  bool backward = false, apart = false;
  /// Of attention over `dims`: `outer` heads of m queries, `groups` heads of n keys, k features, `inner` of a value; `backward`: causal, `apart`: `hidden` is set;
  /// `number` scales scores. Query, key and value; a is the mask and b what flows back, if there is one.
  std::vector<View> views, results;
  double hidden = 0;
  bool largest = false; ///< scatterAdd: the largest of `number` and the updates instead of their sum
};

struct Stage {
  long samples, chunk;
  bool serial;
  std::vector<Kernel> kernels;
  std::vector<int> owners; ///< for each kernel the thread that does it alone, or -1
};

struct Bond {
  int inner, outer;
};

/// `before` lies where `after` lay at the step before, at step 0 at `start`; `after` lies at `even` or `odd`.
struct Carry {
  int before, after, start, even, odd;
};

/// Stages run `steps` times.
struct Loop {
  long steps;
  bool reverse;
  std::vector<Bond> same, reads, writes;
  std::vector<Carry> carries;
  int going; ///< the carry of truths that says whether anything changes any more, or -1
  std::vector<Stage> stages;
};

struct Slot {
  DType dtype;
  long length;
};

struct Program {
  int threads;
  std::vector<Value> values;
  std::vector<Slot> inputs, outputs;
  int scalars;
  std::vector<Stage> stages;
  long arena, local, partial;
};

/// What is wrong with a program.
struct BadProgram : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Reads the stream that src/engines/native/encode.ts writes; throws BadProgram when it is damaged.
Program decode(const int32_t* words, size_t wordCount, const double* numbers, size_t numberCount);

/// A program made ready on one instruction set.
struct Step {
  virtual ~Step() = default;
  /// Allocates the step's memory if that is not done yet; the number of bytes newly allocated.
  virtual size_t ready() = 0;
  virtual void run(void* const* inputs, void* const* outputs, const double* scalars) = 0;
};

/// The door to the kernels compiled for one instruction set.
struct Kernels {
  const char* isa;
  std::unique_ptr<Step> (*prepare)(const Program&);
};

inline long product(const Dims& dims) {
  long n = 1;
  for (long d : dims) n *= d;
  return n;
}

} // namespace cambium
