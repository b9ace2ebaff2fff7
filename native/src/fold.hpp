// Folds of blocks along their rows or down their columns.
#pragma once
#include "ops.hpp"

namespace cambium::CAMBIUM_ISA {

struct FoldSum {
  template <class T>
  static constexpr T start() { return 0; }
  template <class V>
  static CAMBIUM_INLINE V join(V a, V b) { return a + b; }
};
struct FoldProd {
  template <class T>
  static constexpr T start() { return 1; }
  template <class V>
  static CAMBIUM_INLINE V join(V a, V b) { return a * b; }
};
// With NaN on either side the result is NaN.
struct FoldMax {
  template <class T>
  static constexpr T start() { return -(T)__builtin_inf(); }
  template <class V>
  static CAMBIUM_INLINE V join(V a, V b) { return (b > a) | (b != b) ? b : a; }
};
struct FoldMin {
  template <class T>
  static constexpr T start() { return (T)__builtin_inf(); }
  template <class V>
  static CAMBIUM_INLINE V join(V a, V b) { return (b < a) | (b != b) ? b : a; }
};

/// All lanes of a vector folded into one, halving it each time.
template <class G, class T, int n>
CAMBIUM_INLINE T joinLanes(const T* lane) {
  if constexpr (n == 1) return lane[0];
  else if constexpr (n * sizeof(T) <= 16) {
    T half[n / 2];
    for (int i = 0; i < n / 2; i++) half[i] = G::join(lane[i], lane[i + n / 2]);
    return joinLanes<G, T, n / 2>(half);
  } else {
    typedef T Half __attribute__((vector_size(n / 2 * sizeof(T))));
    Half a, b;
    __builtin_memcpy(&a, lane, sizeof a);
    __builtin_memcpy(&b, lane + n / 2, sizeof b);
    a = G::join(a, b);
    T half[n / 2];
    __builtin_memcpy(half, &a, sizeof a);
    return joinLanes<G, T, n / 2>(half);
  }
}

template <class G, class T>
CAMBIUM_INLINE T joinLanes(typename Lane<T>::V v) {
  T lane[Lane<T>::n];
  put(lane, v);
  return joinLanes<G, T, Lane<T>::n>(lane);
}

/// out[r] = the fold of row r. Long rows are summed in 64 or more separate sums, which keeps the error small.
template <class G, class T>
void foldRows(const Operand<T>& in, T* out, long rows, long cols) {
  using V = typename Lane<T>::V;
  constexpr long n = Lane<T>::n;
  const long rest = cols % n;
  const Some<T> some(rest);
  const V start = all(G::template start<T>());
  typename Of<V>::I inside{};
  for (int i = 0; i < n; i++) inside[i] = i < rest ? -1 : 0;
  for (long r = 0; r < rows; r++) {
    const T* p = in.p + r * in.row;
    V a = start, b = start, c = start, d = start;
    const T* end = p + (cols - rest);
    for (; p + 4 * n <= end; p += 4 * n) {
      a = G::join(a, get(p)), b = G::join(b, get(p + n));
      c = G::join(c, get(p + 2 * n)), d = G::join(d, get(p + 3 * n));
    }
    for (; p < end; p += n) a = G::join(a, get(p));
    if (rest) b = G::join(b, inside ? get(p, some) : start);
    out[r] = joinLanes<G, T>(G::join(G::join(a, b), G::join(c, d)));
  }
}

/// out[r] = the first place of the largest (smallest) number of row r; NaN counts as larger (smaller) than all others.
template <bool largest, class T>
void placeRows(const Operand<T>& in, T* out, long rows, long cols) {
  for (long r = 0; r < rows; r++) {
    const T* p = in.p + r * in.row;
    T best = p[0];
    long place = 0;
    for (long c = 1; c < cols; c++)
      if ((largest ? p[c] > best : p[c] < best) || (p[c] != p[c] && best == best)) best = p[c], place = c;
    out[r] = (T)place;
  }
}

template <class T>
void foldRows(Fold op, const Operand<T>& in, T* out, long rows, long cols) {
  switch (op) {
    case Fold::sum: foldRows<FoldSum>(in, out, rows, cols); break;
    case Fold::prod: foldRows<FoldProd>(in, out, rows, cols); break;
    case Fold::max: foldRows<FoldMax>(in, out, rows, cols); break;
    case Fold::min: foldRows<FoldMin>(in, out, rows, cols); break;
    case Fold::argMax: placeRows<true>(in, out, rows, cols); break;
    case Fold::argMin: placeRows<false>(in, out, rows, cols); break;
  }
}

template <class T>
T foldStart(Fold op) {
  switch (op) {
    case Fold::prod: return FoldProd::start<T>();
    case Fold::max: case Fold::argMax: return FoldMax::start<T>();
    case Fold::min: case Fold::argMin: return FoldMin::start<T>();
    default: return FoldSum::start<T>();
  }
}

template <class T>
T foldJoin(Fold op, T a, T b) {
  switch (op) {
    case Fold::prod: return a * b;
    case Fold::max: return FoldMax::join(a, b);
    case Fold::min: return FoldMin::join(a, b);
    default: return a + b;
  }
}

/// to[c] = the fold of to[c] and column c.
template <class G, class T>
void foldColumns(const Operand<T>& in, T* to, long rows, long cols) {
  constexpr long n = Lane<T>::n;
  auto column = [&](long c, auto... some) {
    auto a = get(to + c, some...);
    const T* p = in.p + c;
    for (long r = 0; r < rows; r++) a = G::join(a, get(p + r * in.row, some...));
    put(to + c, a, some...);
  };
  long c = 0;
  // Four sums at a time: one alone would wait for itself at every row.
  for (; c + 4 * n <= cols; c += 4 * n) {
    auto a = get(to + c), b = get(to + c + n), d = get(to + c + 2 * n), e = get(to + c + 3 * n);
    const T* p = in.p + c;
    for (long r = 0; r < rows; r++, p += in.row)
      a = G::join(a, get(p)), b = G::join(b, get(p + n)), d = G::join(d, get(p + 2 * n)), e = G::join(e, get(p + 3 * n));
    put(to + c, a), put(to + c + n, b), put(to + c + 2 * n, d), put(to + c + 3 * n, e);
  }
  for (; c + n <= cols; c += n) column(c);
  if (c < cols) column(c, Some<T>(cols - c));
}

template <class T>
void foldColumns(Fold op, const Operand<T>& in, T* to, long rows, long cols) {
  switch (op) {
    case Fold::prod: foldColumns<FoldProd>(in, to, rows, cols); break;
    case Fold::max: foldColumns<FoldMax>(in, to, rows, cols); break;
    case Fold::min: foldColumns<FoldMin>(in, to, rows, cols); break;
    default: foldColumns<FoldSum>(in, to, rows, cols); break;
  }
}

} // namespace cambium::CAMBIUM_ISA
