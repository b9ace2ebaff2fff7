// The block interpreter: runs a body's instructions on blocks of a few hundred numbers that stay in the fastest cache.
#pragma once
#include "finish.hpp"
#include "fold.hpp"
#include "random.hpp"
#include "space.hpp"
#include "transfer.hpp"
#include "worker.hpp"
#include <algorithm>

namespace cambium::CAMBIUM_ISA {

/// Numbers a block may hold, unless one row is longer and must be seen whole.
constexpr long blockSize = 512;

/// One thing done for each block.
template <class T>
struct Action {
  enum Kind { full, row, fold, fetch, fetchRow, index, random, widen, store } kind;
  Apply<T> apply = nullptr;
  int refs[mostRefs] = {}; ///< slots: the result's, then the arguments'
  int access = -1;
  Fold op = Fold::sum;
  bool uniform = false;
  int key = -1;
  bool perRow = false; ///< store: one number a row
};

/// A pointer into a value that moves along with the blocks.
struct Moving {
  int slot;
  Access access;
  bool read;
};

struct Reach : Access {
  DType dtype = DType::float32;
  At at = At::arena;
};

/// A number that is the same at all positions: fetched once a run.
struct Same {
  int slot;
  Reach from;
};

struct KeySource {
  bool known;
  double number;
  Reach from;
};

/// A body compiled for one index space. `run` may be called by all threads at once: each has slots of its own.
template <class T>
class Code {
public:
  Space space;
  int given = 0;
  bool folds = false;
  int result = -1;         ///< slot of the number handed on, for the body of a reduction

  /// Bytes of scratch and of lasting memory a thread needs.
  size_t scratchBytes() const { return (size_t)scratchSize * sizeof(T); }
  size_t lastingBytes() const { return (size_t)lastingSize * sizeof(T); }

  /// Gives thread `thread` its memory.
  void place(int thread, char* scratch, char* lasting) {
    Thread& t = threads[thread];
    t.slots.assign(slots.size() + 8, {nullptr, 0, 0});
    for (size_t i = 0; i < slots.size(); i++) {
      const Slot& s = slots[i];
      T* base = (T*)(s.kind == Slot::same ? lasting : scratch);
      if (s.kind != Slot::outside) t.slots[i].p = base + s.place;
      t.slots[i].step = s.kind == Slot::same || s.kind == Slot::wide ? 0 : lane;
      t.slots[i].row = s.kind == Slot::wide ? lane : 0;
    }
    t.keys.assign(keys.size() + 16, {0, 0});
    t.packed = (T*)scratch;
    for (const auto& [slot, number] : numbers) fill(t.slots[slot].p, (T)number);
  }

  /// Fetches what is the same at all positions; to be called once before a kernel's runs.
  void begin(const Worker& w) {
    Thread& t = threads[w.thread];
    for (const Same& same : sames) fill(t.slots[same.slot].p, (T)single(w, same.from));
    for (const Action<T>& action : early) action.apply(t.slots.data(), action.refs, 1, lane);
    for (size_t i = 0; i < keys.size(); i += 2) t.keys[i / 2] = {word(w, keys[i]), word(w, keys[i + 1])};
  }

  /// Runs the body at rows [row, row + rows) x columns [col, col + cols). `tile` and `second` hold given registers.
  void run(const Worker& w, long row, long rows, long col, long cols, const T* tile = nullptr, long stride = 0, const T* second = nullptr) {
    const long width = folds ? cols : std::min(cols, widest);
    const long height = heightFor(width);
    for (long r = row; r < row + rows;) {
      long h = std::min<long>({height, row + rows - r, space.straight(r)});
      for (long c = col; c < col + cols; c += width) {
        const long at = (r - row) * stride + (c - col);
        block(w, r, h, c, std::min(width, col + cols - c), tile ? tile + at : nullptr, stride, second ? second + at : nullptr);
      }
      r += h;
    }
    if (given) fetchAhead(w, row + rows, rows, col, cols);
  }

  /// Asks for what the next tile will read while the kernel calculates it.
  void fetchAhead(const Worker& w, long row, long rows, long col, long cols) {
    constexpr long line = 64 / sizeof(T);
    rows = std::min(rows, space.rows - row);
    if (rows <= 0 || rows > space.straight(row)) return;
    for (const Moving& m : moving) {
      if (!m.read || m.access.row == 0) continue;
      const T* p = w.at<T>(m.access.value) + space.place(m.access, row, col);
      for (long r = 0; r < rows; r++, p += m.access.row)
        for (long c = 0; c < cols; c += line) __builtin_prefetch(p + c, 1, 3);
    }
  }

  /// Runs the body on numbers [from, to) of the space, counted row by row. `tile` holds given numbers, one after the other.
  void runFlat(const Worker& w, long from, long to, const T* tile = nullptr) {
    while (from < to) {
      long row = from / space.cols, col = from % space.cols, n;
      if (col == 0 && to - from >= space.cols) {
        n = (to - from) / space.cols * space.cols;
        run(w, row, n / space.cols, 0, space.cols, tile, space.cols);
      } else {
        n = std::min(to - from, space.cols - col);
        run(w, row, 1, col, n, tile, space.cols);
      }
      if (tile) tile += n;
      from += n;
    }
  }

  /// Rows of `width` numbers that make a good block.
  long heightFor(long width) const {
    // Where nothing is kept in between, as in a step of Adam, the cache does not limit a block.
    const long most = blocks.empty() ? 8 * blockSize : blockSize;
    return std::max(1L, std::min(tallest, most / std::max(width, 1L)));
  }

  /// Runs the body on one block and returns where the number handed on lies.
  const Operand<T>& produce(const Worker& w, long row, long rows, long col, long cols) {
    block(w, row, rows, col, cols, nullptr, 0, nullptr);
    return threads[w.thread].slots[result];
  }

private:
  template <class>
  friend class Compiler;

  static constexpr long lane = Lane<T>::n;

  struct Slot {
    /// block: rows x cols; perRow: a number a row; wide: a register a row; same: one register; outside: in a value.
    enum Kind { block, perRow, wide, same, outside } kind;
    long place = 0;
  };
  struct Thread {
    std::vector<Operand<T>> slots;
    std::vector<RandomKey> keys;
    T* packed = nullptr; ///< room for given registers with their rows put close
  };

  std::vector<Slot> slots;
  std::vector<int> blocks; ///< slots whose row stride follows the block's width
  std::vector<Moving> moving;
  std::vector<Reach> reaches;
  std::vector<Action<T>> actions, early;
  std::vector<std::pair<int, double>> numbers;
  std::vector<Same> sames;
  std::vector<KeySource> keys; ///< two a random instruction
  std::vector<Thread> threads;
  bool dense = false; ///< rows are short and everything but what is given lies close
  long scratchSize = 0, lastingSize = 0, tallest = 128;
  long widest = blockSize; ///< columns of a block

  static void fill(T* p, T number) {
    for (long i = 0; i < lane; i++) p[i] = number;
  }

  static double single(const Worker& w, const Reach& from) {
    double x = 0;
    if (from.at == At::partial) {
      for (int i = 0; i < w.threads; i++) cambium::CAMBIUM_ISA::fetch(&x, from.dtype, copyOf(w, from.value, i), from.offset, 0, 1, 1, 1, true);
    } else cambium::CAMBIUM_ISA::fetch(&x, from.dtype, w.base[from.value], from.offset, 0, 1, 1, 1, false);
    return x;
  }

  static uint32_t word(const Worker& w, const KeySource& key) {
    double x = key.known ? key.number : single(w, key.from);
    return x > -9e18 && x < 9e18 ? (uint32_t)(int64_t)x : 0;
  }

  /// Thread i's copy of a partial value.
  static const char* copyOf(const Worker& w, int value, int i) {
    return w.base[value] - w.partials[w.thread] + w.partials[i];
  }

  void block(const Worker& w, long row, long rows, long col, long cols, const T* tile, long stride, const T* second) {
    Thread& t = threads[w.thread];
    Operand<T>* s = t.slots.data();
    if (given > 0) {
      // Rows shorter than a register or two are done as one long row where everything else lies close.
      const bool pack = dense && stride != cols && rows > 1 && cols == space.cols;
      s[0].p = pack ? packed(t.packed, tile, stride, rows, cols) : const_cast<T*>(tile), s[0].row = pack ? cols : stride;
      if (given > 1) s[1].p = pack ? packed(t.packed + blockSize + lane, second, stride, rows, cols) : const_cast<T*>(second), s[1].row = s[0].row;
    }
    for (const Moving& m : moving) s[m.slot].p = w.at<T>(m.access.value) + space.place(m.access, row, col), s[m.slot].row = m.access.row;
    for (int slot : blocks) s[slot].row = cols;
    for (const Action<T>& a : actions) {
      switch (a.kind) {
        case Action<T>::full: a.apply(s, a.refs, rows, cols); break;
        case Action<T>::row: a.apply(s, a.refs, 1, rows); break;
        case Action<T>::fold: foldRows(a.op, s[a.refs[1]], s[a.refs[0]].p, rows, cols); break;
        case Action<T>::fetch: load(w, a, s[a.refs[0]].p, row, col, rows, cols, reaches[a.access].col); break;
        case Action<T>::fetchRow: load(w, a, s[a.refs[0]].p, row, col, rows, 1, 1); break;
        case Action<T>::index: {
          const Reach& x = reaches[a.access];
          long place = space.place(x, row, col);
          if (a.perRow) count(s[a.refs[0]].p, place, 0, x.row, 1, rows);
          else count(s[a.refs[0]].p, place, x.row, x.col, rows, cols);
          break;
        }
        case Action<T>::random: {
          const Reach& x = reaches[a.access];
          randomBlock(s[a.refs[0]].p, t.keys[a.key], a.uniform, space.place(x, row, col), x.row, x.col, rows, cols);
          break;
        }
        case Action<T>::widen: {
          const T* from = s[a.refs[1]].p;
          T* to = s[a.refs[0]].p;
          for (long r = 0; r < rows; r++) put(to + r * lane, all(from[r]));
          break;
        }
        case Action<T>::store: save(w, a, s[a.refs[1]], row, col, rows, cols); break;
      }
    }
  }

  static T* packed(T* to, const T* from, long stride, long rows, long cols) {
    T* start = to;
    for (long r = 0; r < rows; r++, to += cols, from += stride)
      for (long c = 0; c < cols; c += lane) put(to + c, get(from + c)); // each row overwrites the excess of the one before
    return start;
  }

  static void count(T* to, long place, long row, long col, long rows, long cols) {
    for (long r = 0; r < rows; r++)
      for (long c = 0; c < cols; c++) to[r * cols + c] = (T)(place + r * row + c * col);
  }

  void load(const Worker& w, const Action<T>& a, T* to, long row, long col, long rows, long cols, long step) {
    const Reach& x = reaches[a.access];
    const long place = space.place(x, row, col);
    if (x.at != At::partial) return cambium::CAMBIUM_ISA::fetch(to, x.dtype, w.base[x.value], place, x.row, step, rows, cols, false);
    for (int i = 0; i < w.threads; i++)
      cambium::CAMBIUM_ISA::fetch(to, x.dtype, copyOf(w, x.value, i), place, x.row, step, rows, cols, i > 0);
  }

  void save(const Worker& w, const Action<T>& a, const Operand<T>& from, long row, long col, long rows, long cols) {
    const Reach& x = reaches[a.access];
    const bool add = w.adding;
    char* base = w.base[x.value];
    if (a.perRow) {
      if (col == 0) deliver(from.p, 1, true, x.dtype, base, space.place(x, row, 0), x.row, 0, rows, 1, add);
    } else if (x.dtype == dtypeOf<T> && x.col == 1 && !add) {
      const int refs[] = {0, 1};
      const Operand<T> pair[] = {{(T*)base + space.place(x, row, col), x.row, lane}, from};
      cambium::CAMBIUM_ISA::apply<T, Op_copy>(pair, refs, rows, cols);
    } else deliver(from.p, from.row, from.step == 0, x.dtype, base, space.place(x, row, col), x.row, x.col, rows, cols, add);
  }
};

} // namespace cambium::CAMBIUM_ISA
