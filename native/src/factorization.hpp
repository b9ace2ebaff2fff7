// Matrices taken apart and systems solved, one matrix after another; in double precision, whatever the operands are.
#pragma once
#include "finisher.hpp"
#include "rotation.hpp"

namespace cambium::CAMBIUM_ISA {

class FactorizationRunner : public Runner {
public:
  FactorizationRunner(const Kernel& k, Making& making)
      : task(k.task), batch(k.outer), m(k.m), n(k.n), width(k.k), upper(k.upper), transposed(k.transposed), unit(k.unit), x(k.x), right(k.w), out(k.out),
        xType(plainValue(making.program, k.x, "factorization").dtype), outType(plainValue(making.program, k.out, "factorization").dtype),
        rightType(right < 0 ? xType : plainValue(making.program, right, "factorization").dtype) {
    const long small = std::min(m, n);
    switch (task) {
      case Task::cholesky: result = n * n; break;
      case Task::triangularSolve:
      case Task::solve: result = n * width; break;
      case Task::logDeterminant: result = 2; break;
      case Task::qrFactors: result = small * (m + n); break;
      case Task::eighFactors: result = n * (n + 1); break;
      case Task::svdFactors: result = small * (m + n + 1); break;
    }
    if (making.samples > 0) throw BadProgram("factorization: does not run in a stage over samples");
    if ((task <= Task::logDeterminant || task == Task::eighFactors) && m != n) throw BadProgram("factorization: the matrix is not square");
    if (making.program.values[x].length < batch * m * n || making.program.values[out].length < batch * result ||
        (right >= 0 && making.program.values[right].length < batch * n * width) || (right < 0 && (task == Task::solve || task == Task::triangularSolve)))
      throw BadProgram("factorization: an operand is too small");
  }
  Needs needs() const override { return {0, 0, (size_t)(m * n + n * width + result) * 8 + 256}; }
  void run(Worker& w, const Share& share) override {
    double *a = (double*)w.kernel, *b = a + m * n, *made = b + n * width;
    for (long i = shareOf(batch, share.part, share.parts), end = shareOf(batch, share.part + 1, share.parts); i < end; i++) {
      fetch(a, xType, w.base[x], i * m * n, 0, 1, 1, m * n, false);
      if (right >= 0) fetch(b, rightType, w.base[right], i * n * width, 0, 1, 1, n * width, false);
      one(a, b, made);
      deliver(made, 0, false, outType, w.base[out], i * result, 0, 1, 1, result, false);
    }
  }

private:
  Task task;
  long batch, m, n, width, result;
  bool upper, transposed, unit;
  int x, right, out;
  DType xType, outType, rightType;

  void one(double* a, double* b, double* made) const {
    const long small = std::min(m, n);
    switch (task) {
      case Task::cholesky: return cholesky(a, n, made);
      case Task::triangularSolve:
        substitute(a, n, b, width, upper, transposed, unit);
        std::copy(b, b + n * width, made);
        return;
      case Task::solve: return solve(a, n, b, width, made);
      case Task::logDeterminant: return determinant(a, n, made);
      case Task::qrFactors: return orthogonalize(a, m, n, made, made + m * small);
      case Task::eighFactors: return eigen(a, n, made, made + n);
      case Task::svdFactors: return singular(a, m, n, made, made + small * m, made + small * (m + 1));
    }
  }
};

} // namespace cambium::CAMBIUM_ISA
