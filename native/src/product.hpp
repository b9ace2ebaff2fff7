// Matrix products with any strides and dtypes.
#pragma once
#include "finisher.hpp"
#include "matmul.hpp"

namespace cambium::CAMBIUM_ISA {

/// T: float or double when both operands are that; `generic` reads any dtypes number by number.
template <class T, bool generic>
class MatmulRunner : public Runner {
public:
  MatmulRunner(const Kernel& k, Making& making)
      : m(k.m), n(k.n), k(k.k), split(k.split), finisher(k.finish, space(k), making),
        aType(plainValue(making.program, k.a.value, "matmul").dtype), bType(plainValue(making.program, k.b.value, "matmul").dtype) {
    const size_t rank = k.dims.size();
    Access a{k.a.offset, Dims(k.a.strides.begin(), k.a.strides.begin() + rank), 0, 0, k.a.value};
    Access b{k.b.offset, Dims(k.b.strides.begin(), k.b.strides.begin() + rank), 0, 0, k.b.value};
    aRow = k.a.strides[rank], aCol = k.a.strides[rank + 1], bRow = k.b.strides[rank], bCol = k.b.strides[rank + 1];
    std::vector<Access*> users{&a, &b};
    batch.merge(k.dims, std::vector<int>(rank, 0), false, users);
    if (batch.rows == 1 && batch.cols > 1 && b.col == 0 && (m == 1 || a.col == m * aRow)) {
      // One b for all: the batch is more rows.
      if (m == 1) aRow = a.col;
      m *= batch.cols;
      if (split == Split::batch) split = Split::m;
      batch.cols = 1, a.col = 0;
    }
    aBatch = a, bBatch = b;
    keeps = std::is_same_v<T, float> && !generic && making.samples == 0 && batch.rows * batch.cols == 1 && making.isSame(b.value) && k.k * n <= mostKept;
    columns = keeps && split == Split::n ? std::min(n, (n / making.parts / columnUnit + 2) * columnUnit) : n;
    rows = batch.rows * batch.cols * m;
    settleSplit(making);
    if (making.samples > 0 && rows % making.samples) throw BadProgram("matmul: the first axis of a product in a stage over samples must be the samples");
  }

  Needs needs() const override {
    return {0, finisher.scratchBytes(), generic ? 64 : matmulScratch(m, n, k, batch.cols > 1 && bBatch.col == 0), lines(finisher.lastingBytes()) + (byDepth ? sumBytes() : keeps ? keptBytes() : 0)};
  }
  void place(Worker& w, char* lasting) override {
    finisher.place(w, lasting);
    if (byDepth || keeps) own.resize(w.threads), own[w.thread] = (T*)(lasting + lines(finisher.lastingBytes()));
  }
  int phases() const override { return byDepth ? 2 : 1; }
  void begin(Worker& w) override { finisher.begin(w); }

  void run(Worker& w, const Share& share) override {
    const long batches = batch.rows * batch.cols;
    if (share.samples > 0) {
      long r0 = rows / share.samples * share.from, r1 = rows / share.samples * share.to;
      if (r0 % m) {
        const long end = std::min(r1, (r0 / m + 1) * m);
        part(w, r0 / m, r0 / m + 1, r0 % m, end - r0 / m * m, 0, n);
        r0 = end;
      }
      if (r0 / m < r1 / m) part(w, r0 / m, r1 / m, 0, m, 0, n), r0 = r1 / m * m;
      if (r0 < r1) part(w, r0 / m, r0 / m + 1, 0, r1 - r0, 0, n);
      return;
    }
    const int t = share.part, parts = share.parts;
    if (byDepth) return share.phase == 0 ? sumDepth(w, parts) : joinDepth(w, parts);
    switch (split) {
      case Split::batch: return part(w, shareOf(batches, t, parts), shareOf(batches, t + 1, parts), 0, m, 0, n);
      case Split::m: return part(w, 0, batches, shareOf(m, t, parts), shareOf(m, t + 1, parts), 0, n);
      case Split::n: return part(w, 0, batches, 0, m, shareOf(n, t, parts, columnUnit), shareOf(n, t + 1, parts, columnUnit));
    }
  }

private:
  /// So that a thread owns the same columns of a weight in every product and update.
  static constexpr long columnUnit = 32;

  long m, n, k;
  Split split;
  Finisher<T> finisher;
  DType aType, bType;
  Space batch;
  Access aBatch, bBatch;
  long aRow, aCol, bRow, bCol, rows;

  /// Each thread's part of the product where that is split by depth, or what it keeps of b while a loop goes on.
  std::vector<T*> own;
  bool byDepth = false;
  size_t sumBytes() const { return lines((size_t)(m * n) * sizeof(T)); }

  /// A weight that is the same at each step of a loop is packed at the first; larger ones would not stay in any cache.
  static constexpr long mostKept = 1 << 22;
  bool keeps = false;
  long columns; ///< a thread's at most
  size_t keptBytes() const { return lines((size_t)(k * (columns + 16)) * sizeof(T)); }

  /**
   * A thread should meet the same rows of a weight in the product forward (a part of the depth), in its gradient's
   * update (a part of the rows) and in the product backward (a part of the columns): then the weight, of which a row is
   * contiguous, never moves between the caches. Threads that each update some columns of all rows take lines from each
   * other that the processor fetched ahead; measured 5 times slower.
   */
  void settleSplit(const Making& making) {
    if (making.samples > 0 || making.parts == 1 || split != Split::n) return;
    const bool single = batch.rows * batch.cols == 1;
    if (aRow == 1 && aCol != 1 && m >= 32 * making.parts) split = Split::m;
    else byDepth = !keeps && !generic && single && aCol == 1 && bCol == 1 && k >= 128 * making.parts && m * 4 <= k;
  }

  void sumDepth(Worker& w, int parts) {
    const long k0 = shareOf(k, w.thread, parts, 8), k1 = shareOf(k, w.thread + 1, parts, 8);
    Matmul<T> p{};
    p.batch = 1;
    p.a = w.at<T>(aBatch.value) + aBatch.offset + k0 * aCol, p.b = w.at<T>(bBatch.value) + bBatch.offset + k0 * bRow;
    p.out = own[w.thread], p.outRow = n;
    p.m = m, p.n = n, p.k = k1 - k0;
    p.aRow = aRow, p.aCol = aCol, p.bRow = bRow, p.bCol = bCol;
    p.scratch = (T*)w.kernel;
    matmul(p, 0, 1, 0, m, 0, n);
  }

  /// Adds up the threads' sums, thread 0 first, for this thread's rows.
  void joinDepth(Worker& w, int parts) {
    constexpr long room = 1024; // of the numbers any product has scratch for
    const long r0 = shareOf(m, w.thread, parts), r1 = shareOf(m, w.thread + 1, parts);
    const long width = std::min(n, room), height = std::max(1L, room / n);
    T* tile = (T*)w.kernel;
    for (long r = r0; r < r1; r += height)
      for (long c = 0; c < n; c += width) {
        const long rows = std::min(height, r1 - r), cols = std::min(width, n - c), count = width < n ? cols : rows * cols;
        const long at = r * n + c;
        for (long i = 0; i < count; i++) tile[i] = own[0][at + i] + own[1][at + i];
        for (int t = 2; t < parts; t++)
          for (long i = 0; i < count; i++) tile[i] += own[t][at + i];
        finisher.apply(w, r, rows, c, cols, tile, cols, nullptr);
      }
  }

  static Dims space(const Kernel& k) {
    Dims dims = k.dims;
    dims.push_back(k.m), dims.push_back(k.n);
    return dims;
  }

  void part(Worker& w, long b0, long b1, long m0, long m1, long n0, long n1) {
    if (b0 >= b1 || m0 >= m1 || n0 >= n1) return;
    for (long b = b0; b < b1;) {
      const long outer = b / batch.cols, first = b % batch.cols, last = std::min(batch.cols, first + b1 - b);
      typename Finisher<T>::Call call{&finisher, &w, outer * batch.cols * m};
      const long a = batch.place(aBatch, outer, 0), bb = batch.place(bBatch, outer, 0);
      if constexpr (generic) numbers(w, call, a, bb, first, last, m0, m1, n0, n1);
      else {
        Matmul<T> p{};
        p.batch = batch.cols;
        p.a = w.at<T>(aBatch.value) + a, p.b = w.at<T>(bBatch.value) + bb;
        p.m = m, p.n = n, p.k = k;
        p.aBatch = aBatch.col, p.bBatch = bBatch.col;
        p.aRow = aRow, p.aCol = aCol, p.bRow = bRow, p.bCol = bCol;
        p.finish = Finisher<T>::of(call);
        p.scratch = (T*)w.kernel;
        if constexpr (std::is_same_v<T, float>)
          if (keeps) {
            if (w.opening) packAll(p, m1 - m0, n0, n1, own[w.thread]);
            p.panels = own[w.thread];
          }
        matmul(p, first, last, m0, m1, n0, n1);
      }
      b += last - first;
    }
  }

  static double number(const Worker& w, int value, DType dtype, long place) {
    double x;
    fetch(&x, dtype, w.base[value], place, 0, 1, 1, 1, false);
    return x;
  }

  void numbers(Worker& w, typename Finisher<T>::Call& call, long a, long b, long b0, long b1, long m0, long m1, long n0, long n1) {
    const Finish<T> finish = Finisher<T>::of(call);
    for (long i = b0; i < b1; i++)
      for (long r = m0; r < m1; r++)
        for (long c = n0; c < n1; c++) {
          T sum = 0;
          for (long j = 0; j < k; j++)
            sum += (T)(number(w, aBatch.value, aType, a + i * aBatch.col + r * aRow + j * aCol) *
                       number(w, bBatch.value, bType, b + i * bBatch.col + j * bRow + c * bCol));
          finish.apply(finish.self, i * m + r, 1, c, 1, &sum, 1, nullptr);
        }
  }
};

inline std::unique_ptr<Runner> matmulRunner(const Kernel& k, Making& making) {
  const DType a = making.program.values[k.a.value].dtype, b = making.program.values[k.b.value].dtype;
  if (a == DType::float32 && b == DType::float32) return std::make_unique<MatmulRunner<float, false>>(k, making);
  if (a == DType::float64 && b == DType::float64) return std::make_unique<MatmulRunner<double, false>>(k, making);
  return std::make_unique<MatmulRunner<double, true>>(k, making);
}

} // namespace cambium::CAMBIUM_ISA
