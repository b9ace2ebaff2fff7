// Kernels that move numbers about: gather, scatterAdd, pad.
#pragma once
#include "finisher.hpp"
#include <cstring>

namespace cambium::CAMBIUM_ISA {

/// The indices of a gather or scatterAdd, of any dtype.
class Indices {
public:
  Indices(const Program& program, int value, const char* kernel) : value(value), dtype(plainValue(program, value, kernel).dtype) {}
  long at(const Worker& w, long i) const {
    switch (dtype) {
      case DType::int32: return w.at<int32_t>(value)[i];
      case DType::float32: return whole(w.at<float>(value)[i]);
      case DType::float64: return whole(w.at<double>(value)[i]);
      case DType::int64: return w.at<int64_t>(value)[i];
      case DType::int8: return w.at<int8_t>(value)[i];
      default: return w.at<uint8_t>(value)[i];
    }
  }

private:
  int value;
  DType dtype;
  static long whole(double x) { return x >= 0 && x < 9e15 ? (long)x : -1; }
};

/// out[o, i, n] = x[o, index[i], n]
class GatherRunner : public Runner {
public:
  GatherRunner(const Kernel& k, Making& making)
      : outer(k.outer), size(k.size), count(k.count), inner(k.inner), x(k.x), out(k.out), index(making.program, k.index, "gather"),
        bytes(bytesOf(plainValue(making.program, k.x, "gather").dtype)) {
    if (making.program.values[k.out].dtype != making.program.values[k.x].dtype) throw BadProgram("gather: its operand and its result must have one dtype");
    plainValue(making.program, k.out, "gather");
    if (making.samples > 0 && outer % making.samples && (outer > 1 || count % making.samples)) throw BadProgram("gather: does not split into samples");
  }
  void run(Worker& w, const Share& share) override {
    // Rows of `inner` numbers are handed out.
    const long rows = outer * count;
    long from = shareOf(rows, share.part, share.parts), to = shareOf(rows, share.part + 1, share.parts);
    if (share.samples > 0) from = rows / share.samples * share.from, to = rows / share.samples * share.to;
    const size_t row = (size_t)(inner * bytes);
    const char* in = w.base[x];
    char* o = w.base[out];
    for (long r = from; r < to; r++) {
      const long i = index.at(w, r % count);
      char* target = o + r * row;
      if (i < 0 || i >= size) memset(target, 0, row);
      else memcpy(target, in + (r / count * size + i) * row, row);
    }
  }

private:
  long outer, size, count, inner;
  int x, out;
  Indices index;
  long bytes;
};

/// out[o, index[i], n] += x[o, i, n], in the order of i.
template <class T>
class ScatterAddRunner : public Runner {
public:
  ScatterAddRunner(const Kernel& k, Making& making)
      : outer(k.outer), size(k.size), count(k.count), inner(k.inner), x(k.x), out(k.out), index(making.program, k.index, "scatterAdd"),
        partial(making.program.values[k.out].at == At::partial), largest(k.largest), start((T)k.number) {
    if (making.program.values[k.out].dtype != plainValue(making.program, k.x, "scatterAdd").dtype)
      throw BadProgram("scatterAdd: its operand and its result must have one dtype");
    if (making.samples > 0 && (partial ? outer > 1 || count % making.samples : outer % making.samples))
      throw BadProgram("scatterAdd: does not split into samples");
  }
  void run(Worker& w, const Share& share) override {
    if (share.samples > 0 && partial) {
      const long per = count / share.samples;
      return add(w, 0, 1, 0, size, 0, inner, per * share.from, per * share.to, share.first);
    }
    if (share.samples > 0) return add(w, outer / share.samples * share.from, outer / share.samples * share.to, 0, size, 0, inner, 0, count, true);
    const int t = share.part, parts = share.parts;
    // Each thread owns a part of the result and looks through all indices, so that the order of sums is always the same.
    if (partial) add(w, 0, outer, 0, size, 0, inner, t == 0 ? 0 : count, count, true);
    else if (outer >= parts) add(w, shareOf(outer, t, parts), shareOf(outer, t + 1, parts), 0, size, 0, inner, 0, count, true);
    else if (inner >= 32 * parts) add(w, 0, outer, 0, size, shareOf(inner, t, parts, 16), shareOf(inner, t + 1, parts, 16), 0, count, true);
    else add(w, 0, outer, shareOf(size, t, parts), shareOf(size, t + 1, parts), 0, inner, 0, count, true);
  }

private:
  long outer, size, count, inner;
  int x, out;
  Indices index;
  bool partial, largest;
  T start; ///< what places hold that no update names

  void add(Worker& w, long o0, long o1, long s0, long s1, long n0, long n1, long i0, long i1, bool clear) {
    const T* in = w.at<T>(x);
    T* to = w.at<T>(out);
    for (long o = o0; o < o1; o++) {
      if (clear)
        for (long s = s0; s < s1; s++) std::fill(to + (o * size + s) * inner + n0, to + (o * size + s) * inner + n1, start);
      for (long i = i0; i < i1; i++) {
        const long s = index.at(w, i);
        if (s < s0 || s >= s1) continue;
        T* target = to + (o * size + s) * inner;
        const T* from = in + (o * count + i) * inner;
        if (largest)
          for (long n = n0; n < n1; n++) target[n] = target[n] > from[n] || target[n] != target[n] ? target[n] : from[n];
        else
          for (long n = n0; n < n1; n++) target[n] += from[n];
      }
    }
  }
};

/// x set into a larger (or smaller) out.
class PadRunner : public Runner {
public:
  PadRunner(const Kernel& k, Making& making)
      : dims(k.dims), low(k.low), x(k.x), out(k.out), bytes(bytesOf(plainValue(making.program, k.x, "pad").dtype)) {
    const DType dtype = plainValue(making.program, k.out, "pad").dtype;
    if (dtype != making.program.values[k.x].dtype) throw BadProgram("pad: its operand and its result must have one dtype");
    deliver(&k.number, 0, true, dtype, (char*)number, 0, 0, 1, 1, 1, false);
    if (dims.empty()) dims = {1}, low = {0}, sizes = {1};
    else
      for (size_t i = 0; i < dims.size(); i++) sizes.push_back(dims[i] + k.low[i] + k.high[i]);
    rows = 1;
    for (size_t i = 0; i + 1 < sizes.size(); i++) rows *= sizes[i];
    if (making.samples > 0 && (dims[0] != making.samples || sizes[0] != making.samples || low[0] != 0))
      throw BadProgram("pad: in a stage over samples the first axis must be the samples, not padded");
    flat = making.samples > 0 && sizes.size() == 1;
  }
  void run(Worker& w, const Share& share) override {
    const long last = sizes.back();
    if (flat) {
      memcpy(w.base[out] + share.from * bytes, w.base[x] + share.from * bytes, (size_t)((share.to - share.from) * bytes));
      return;
    }
    long from = shareOf(rows, share.part, share.parts), to = shareOf(rows, share.part + 1, share.parts);
    if (share.samples > 0) from = rows / share.samples * share.from, to = rows / share.samples * share.to;
    const long lead = low.back(), first = std::clamp(lead, 0L, last), end = std::clamp(lead + dims.back(), first, last);
    for (long r = from; r < to; r++) {
      char* o = w.base[out] + r * last * bytes;
      long source = 0, rest = r, scale = 1;
      bool inside = true;
      for (size_t i = sizes.size() - 1; i-- > 0; rest /= sizes[i]) {
        const long at = rest % sizes[i] - low[i];
        inside &= at >= 0 && at < dims[i];
        source += at * scale, scale *= dims[i];
      }
      if (!inside) {
        fill(o, last);
        continue;
      }
      fill(o, first);
      memcpy(o + first * bytes, w.base[x] + (source * dims.back() + first - lead) * bytes, (size_t)((end - first) * bytes));
      fill(o + end * bytes, last - end);
    }
  }

private:
  Dims dims, low, sizes;
  int x, out;
  long bytes, rows;
  bool flat = false;
  char number[8] = {};

  void fill(char* to, long count) const {
    for (long i = 0; i < count; i++) memcpy(to + i * bytes, number, (size_t)bytes);
  }
};

} // namespace cambium::CAMBIUM_ISA
