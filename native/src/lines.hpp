// Work along one axis of a tensor, line after line: order, running totals, transforms; in double precision, whatever the operands are.
#pragma once
#include "finisher.hpp"
#include "fourier.hpp"
#include "sorting.hpp"

namespace cambium::CAMBIUM_ISA {

class LinesRunner : public Runner {
public:
  LinesRunner(const Kernel& k, Making& making)
      : task(k.line), outer(k.outer), size(k.size), count(k.count), inner(k.inner), backward(k.backward), apart(k.apart), x(k.x), second(k.index), out(k.out),
        xType(plainValue(making.program, k.x, "lines").dtype), outType(plainValue(making.program, k.out, "lines").dtype),
        secondType(second < 0 ? xType : plainValue(making.program, second, "lines").dtype) {
    const auto& values = making.program.values;
    const long width = task == Line::dft ? 2 : 1, results = task == Line::searchSorted ? outer * count : outer * size * inner * width;
    if (making.samples > 0) throw BadProgram("lines: does not run in a stage over samples");
    if (values[x].length < outer * size * inner * width || values[out].length < results) throw BadProgram("lines: an operand is too small");
    if (task == Line::searchSorted && (second < 0 || values[second].length < outer * count)) throw BadProgram("lines: an operand is too small");
    if ((task == Line::argSort) && outType != DType::int32) throw BadProgram("lines: places are int32");
    if (task == Line::dft && size > 0) fourier = std::make_unique<Fourier>(size);
    const bool single = inner == 1 || task == Line::argSort || task == Line::searchSorted || (fourier && !fourier->several());
    block = single ? 1 : std::clamp(8192 / std::max(1L, size), 1L, std::min(inner, 64L));
    blocks = task == Line::searchSorted ? std::clamp(count / 256, 1L, 16L) : (inner + block - 1) / block;
  }
  Needs needs() const override {
    long bytes = (size * block + block) * 8;
    if (task == Line::argSort) bytes = sortingBytes(size);
    if (fourier) bytes = fourier->room(block) * (long)sizeof(Complex);
    return {0, 0, (size_t)bytes + 64};
  }
  void run(Worker& w, const Share& share) override {
    if (size == 0 && task != Line::searchSorted) return;
    const long units = outer * blocks;
    for (long u = shareOf(units, share.part, share.parts), end = shareOf(units, share.part + 1, share.parts); u < end; u++) {
      const long o = u / blocks, part = u % blocks;
      switch (task) {
        case Line::argSort: order(w, o * size * inner + part); break;
        case Line::searchSorted: search(w, o, count * part / blocks, count * (part + 1) / blocks); break;
        case Line::dft: transform(w, o, part * block, std::min(block, inner - part * block)); break;
        default: totals(w, o, part * block, std::min(block, inner - part * block));
      }
    }
  }

private:
  Line task;
  long outer, size, count, inner, block = 1, blocks = 1;
  bool backward, apart;
  int x, second, out;
  DType xType, outType, secondType;
  std::unique_ptr<Fourier> fourier;

  void order(Worker& w, long at) const {
    auto as = [&](auto* typed) { sortPlaces(typed + at, size, inner, backward, w.at<int32_t>(out) + at, w.kernel); };
    switch (xType) {
      case DType::float32: as(w.at<float>(x)); break;
      case DType::float64: as(w.at<double>(x)); break;
      case DType::int32: as(w.at<int32_t>(x)); break;
      case DType::float16: as(w.at<Half>(x)); break;
      case DType::bfloat16: as(w.at<Brain>(x)); break;
      case DType::int64: as(w.at<int64_t>(x)); break;
      case DType::int8: as(w.at<int8_t>(x)); break;
      default: as(w.at<uint8_t>(x)); break;
    }
  }

  void search(Worker& w, long o, long from, long to) const {
    double* sorted = (double*)w.kernel;
    fetch(sorted, xType, w.base[x], o * size, 0, 1, 1, size, false);
    for (long i = o * count + from; i < o * count + to; i++) {
      double number;
      fetch(&number, secondType, w.base[second], i, 0, 1, 1, 1, false);
      const double place = (double)placeAmong(sorted, size, number, apart);
      deliver(&place, 0, false, outType, w.base[out], i, 0, 1, 1, 1, false);
    }
  }

  void transform(Worker& w, long o, long n, long lines) const {
    Complex* a = (Complex*)w.kernel;
    const long at = 2 * (o * size * inner + n), row = 2 * inner;
    fetch((double*)a, xType, w.base[x], at, row, 1, size, 2 * lines, false);
    const Complex* made = fourier->transform(a, lines, backward);
    deliver((const double*)made, 2 * lines, false, outType, w.base[out], at, row, 1, size, 2 * lines, false);
  }

  void totals(Worker& w, long o, long n, long lines) const {
    double *a = (double*)w.kernel, *total = a + size * block;
    const long at = o * size * inner + n;
    const bool flat = inner == 1;
    const long row = flat ? 0 : inner, rows = flat ? 1 : size, cols = flat ? size : lines;
    fetch(a, xType, w.base[x], at, row, 1, rows, cols, false);
    const double none = -std::numeric_limits<double>::infinity();
    switch (task) {
      case Line::cumSum: along(a, total, lines, 0, [](double t, double v) { return t + v; }); break;
      case Line::cumProd: along(a, total, lines, 1, [](double t, double v) { return t * v; }); break;
      case Line::cumMax: along(a, total, lines, none, [](double t, double v) { return t > v || t != t ? t : v; }); break;
      case Line::cumMin: along(a, total, lines, -none, [](double t, double v) { return t < v || t != t ? t : v; }); break;
      default:
        along(a, total, lines, none, [](double t, double v) {
          const double most = t > v || t != t ? t : v, gap = std::abs(t - v);
          return gap != gap ? (t == v ? t : t + v) : most + std::log1p(std::exp(-gap));
        });
    }
    deliver(a, flat ? 0 : lines, false, outType, w.base[out], at, row, 1, rows, cols, false);
  }

  template <class Step>
  CAMBIUM_INLINE void along(double* a, double* total, long lines, double start, const Step& next) const {
    if (lines == 1) {
      double t = start;
      for (long i = 0; i < size; i++) {
        double& here = a[backward ? size - 1 - i : i];
        const double sum = next(t, here);
        here = apart ? t : sum, t = sum;
      }
      return;
    }
    std::fill(total, total + lines, start);
    for (long i = 0; i < size; i++) {
      double* here = a + (backward ? size - 1 - i : i) * lines;
      for (long c = 0; c < lines; c++) {
        const double sum = next(total[c], here[c]);
        here[c] = apart ? total[c] : sum, total[c] = sum;
      }
    }
  }
};

} // namespace cambium::CAMBIUM_ISA
