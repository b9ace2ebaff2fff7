// Folds of axes away: down columns when numbers lie side by side (`inner`), along rows otherwise.
#pragma once
#include "runner.hpp"

namespace cambium::CAMBIUM_ISA {

template <class T>
class ReduceRunner : public Runner {
public:
  ReduceRunner(const Kernel& k, Making& making)
      : op(k.op), outer(product(k.dims)), inner(k.inner), depth(product(k.fold)),
        body(compile<T>(k.body, space(k, true), making.program, bodyOptions(k), making.hazards)),
        finish(compile<T>(k.finish, space(k, false), making.program, finishOptions(k, making), making.hazards)) {
    if (making.samples > 0) {
      if (k.fold.empty() || k.fold[0] != making.samples) throw BadProgram("reduce: in a stage over samples the first folded axis must be the samples");
      for (const Store& s : k.finish.stores)
        if (!making.alone && making.program.values[s.value].at != At::partial) throw BadProgram("reduce: in a stage over samples the result must be partial");
      if (k.op != Fold::sum) throw BadProgram("reduce: in a stage over samples only sums can be made");
    }
    places = op == Fold::argMax || op == Fold::argMin;
    foldRowsPerOuter = body.space.cols ? depth * inner / body.space.cols : 0;
  }

  Needs needs() const override {
    return {body.scratchBytes(), finish.scratchBytes(), 4 * columnsAtOnce * sizeof(double) + resultsAtOnce * sizeof(T) + 256, lines(body.lastingBytes()) + finish.lastingBytes()};
  }
  void place(Worker& w, char* lasting) override {
    body.place(w.thread, w.body, lasting);
    finish.place(w.thread, w.finish, lasting + lines(body.lastingBytes()));
  }
  void begin(Worker& w) override { body.begin(w), finish.begin(w); }

  void run(Worker& w, const Share& share) override {
    long o0 = 0, o1 = outer, c0 = 0, c1 = inner, f0 = 0, f1 = depth;
    if (share.samples > 0) {
      f0 = depth / share.samples * share.from, f1 = depth / share.samples * share.to;
      w.adding = !share.first;
    } else if (outer >= share.parts) o0 = shareOf(outer, share.part, share.parts), o1 = shareOf(outer, share.part + 1, share.parts);
    else c0 = shareOf(inner, share.part, share.parts, 32), c1 = shareOf(inner, share.part + 1, share.parts, 32);
    if (o0 >= o1 || c0 >= c1) return;
    if (inner > 1) columns(w, o0, o1, c0, c1, f0, f1);
    else if (places) placesOfRows(w, o0, o1);
    else rows(w, o0, o1, f0, f1);
    w.adding = false;
  }

private:
  static constexpr long columnsAtOnce = 512, resultsAtOnce = 512, rowsBetweenSums = 64;

  Fold op;
  long outer, inner, depth;
  Code<T> body, finish;
  bool places;
  long foldRowsPerOuter;

  static Dims space(const Kernel& k, bool folded) {
    Dims dims = k.dims;
    if (folded) dims.insert(dims.end(), k.fold.begin(), k.fold.end());
    dims.push_back(k.inner);
    return dims;
  }
  static CompileOptions bodyOptions(const Kernel& k) {
    CompileOptions o;
    o.groups.assign(k.dims.size(), 0);
    o.groups.resize(k.dims.size() + k.fold.size(), 1);
    o.groups.push_back(2);
    o.keepLast = k.inner > 1;
    o.handsOn = true;
    if (k.inner == 1 && product(k.fold) == 1) o.keepLast = true;
    return o;
  }
  static CompileOptions finishOptions(const Kernel& k, const Making& making) {
    CompileOptions o;
    o.adds = making.samples > 0;
    if (k.inner > 1) {
      o.groups.assign(k.dims.size(), 0);
      o.groups.push_back(1);
      o.keepLast = true;
    }
    return o;
  }

  T* results(Worker& w) { return (T*)(w.kernel + 4 * columnsAtOnce * sizeof(double)); }

  /// Down the columns: each outer place has foldRowsPerOuter = depth rows of `inner` numbers.
  void columns(Worker& w, long o0, long o1, long c0, long c1, long f0, long f1) {
    for (long o = o0; o < o1; o++)
      for (long c = c0; c < c1; c += columnsAtOnce) {
        const long n = std::min(columnsAtOnce, c1 - c);
        if (places) placesOfColumns(w, o, c, n);
        else foldOf(w, o, c, n, f0, f1);
      }
  }

  /// Folds some rows into floats, and these into doubles, so that long sums stay exact.
  void foldOf(Worker& w, long o, long c, long n, long f0, long f1) {
    double* total = (double*)w.kernel;
    T* part = (T*)(total + columnsAtOnce);
    T* out = results(w);
    const bool deep = f1 - f0 > rowsBetweenSums;
    std::fill(part, part + n, foldStart<T>(op));
    long since = 0;
    bool any = false;
    auto flush = [&] {
      for (long i = 0; i < n; i++) total[i] = any ? foldJoin<double>(op, total[i], part[i]) : part[i];
      std::fill(part, part + n, foldStart<T>(op));
      any = true, since = 0;
    };
    const long height = body.heightFor(n);
    for (long f = f0; f < f1;) {
      const long row = o * depth + f, h = std::min({height, f1 - f, body.space.straight(row), rowsBetweenSums});
      if (deep && since + h > rowsBetweenSums) flush();
      foldColumns(op, body.produce(w, row, h, c, n), part, h, n);
      since += h, f += h;
    }
    if (deep) flush();
    for (long i = 0; i < n; i++) out[i] = deep ? (T)total[i] : part[i];
    finish.run(w, o, 1, c, n, out, n);
  }

  void placesOfColumns(Worker& w, long o, long c, long n) {
    T *best = (T*)w.kernel, *out = results(w);
    const bool largest = op == Fold::argMax;
    for (long f = 0; f < depth; f++) {
      const T* x = body.produce(w, o * depth + f, 1, c, n).p;
      for (long i = 0; i < n; i++)
        if (f == 0 || (largest ? x[i] > best[i] : x[i] < best[i]) || (x[i] != x[i] && best[i] == best[i])) best[i] = x[i], out[i] = (T)f;
    }
    finish.run(w, o, 1, c, n, out, n);
  }

  /// Along the rows; `inner` is 1. Each outer place has foldRowsPerOuter rows.
  void rows(Worker& w, long o0, long o1, long f0, long f1) {
    const long cols = body.space.cols, per = foldRowsPerOuter;
    T* out = results(w);
    if (per == 1 && cols <= blockSize && f0 == 0 && f1 == depth) {
      // Many short rows a block.
      const long height = std::min(body.heightFor(cols), resultsAtOnce);
      for (long o = o0; o < o1;) {
        long n = 0;
        for (long room = std::min(resultsAtOnce, o1 - o); n < room;) {
          const long h = std::min({height, room - n, body.space.straight(o + n)});
          foldRows(op, body.produce(w, o + n, h, 0, cols), out + n, h, cols);
          n += h;
        }
        finish.runFlat(w, o, o + n, out);
        o += n;
      }
      return;
    }
    for (long o = o0; o < o1; o += resultsAtOnce) {
      const long n = std::min(resultsAtOnce, o1 - o);
      for (long i = 0; i < n; i++) out[i] = (T)oneRow(w, (o + i) * per, f0, f1);
      finish.runFlat(w, o, o + n, out);
    }
  }

  /// The fold of numbers [f0, f1) of the rows that begin at `row`.
  double oneRow(Worker& w, long row, long f0, long f1) {
    const long cols = body.space.cols;
    double total = foldStart<double>(op);
    T each[blockSize];
    for (long f = f0; f < f1;) {
      const long r = row + f / cols, c = f % cols;
      if (c == 0 && cols < blockSize && f1 - f >= cols) {
        const long h = std::min({body.heightFor(cols), (f1 - f) / cols, body.space.straight(r)});
        foldRows(op, body.produce(w, r, h, 0, cols), each, h, cols);
        for (long i = 0; i < h; i++) total = foldJoin<double>(op, total, each[i]);
        f += h * cols;
      } else {
        const long n = std::min({blockSize, cols - c, f1 - f});
        foldRows(op, body.produce(w, r, 1, c, n), each, 1, n);
        total = foldJoin<double>(op, total, each[0]);
        f += n;
      }
    }
    return total;
  }

  void placesOfRows(Worker& w, long o0, long o1) {
    const long cols = body.space.cols, per = foldRowsPerOuter;
    T* out = results(w);
    const Fold pick = op == Fold::argMax ? Fold::max : Fold::min;
    for (long o = o0; o < o1; o++) {
      T best = 0;
      long place = 0;
      for (long f = 0; f < depth;) {
        const long r = o * per + f / cols, c = f % cols, n = std::min(blockSize, cols - c);
        const Operand<T> x = body.produce(w, r, 1, c, n);
        T at;
        foldRows(op, x, &at, 1, n);
        const T value = x.p[(long)at];
        if (f == 0 || (pick == Fold::max ? value > best : value < best) || (value != value && best == best)) best = value, place = f + (long)at;
        f += n;
      }
      *out = (T)place;
      finish.runFlat(w, o, o + 1, out);
    }
  }
};

} // namespace cambium::CAMBIUM_ISA
