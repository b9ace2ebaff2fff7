// The elementwise ops: each a loop over the rows of blocks, found by name when a body is compiled.
#pragma once
#include "half.hpp"
#include "math.hpp"
#include "program.hpp"

namespace cambium::CAMBIUM_ISA {

/// Numbers in rows: row r starts at p + r * row, and each next register of lanes comes `step` numbers later.
/// Step 0 repeats one register: for numbers that are the same along a row (row = lanes) or everywhere (row = 0).
template <class T>
struct Operand {
  T* p;
  long row, step;
};

/// Slots an instruction may name: results first, then arguments.
constexpr int mostRefs = 12;

/// slots[refs[0]] = op(slots[refs[1]], ...), on `rows` rows of `cols` numbers.
template <class T>
using Apply = void (*)(const Operand<T>* slots, const int* refs, long rows, long cols);

/// Runs Op on each register of its arguments. Op::call(const V* in, V* out) makes `Op::results` results.
template <class T, class Op>
void apply(const Operand<T>* slots, const int* refs, long rows, long cols) {
  using V = typename Lane<T>::V;
  constexpr long n = Lane<T>::n;
  constexpr int R = Op::results, N = R + Op::arity;
  Operand<T> o[N];
  bool flat = rows > 1;
  for (int i = 0; i < N; i++) {
    o[i] = slots[refs[i]];
    flat &= o[i].step ? o[i].row == cols : o[i].row == 0;
  }
  if (flat) cols *= rows, rows = 1;
  const long full = cols / n, rest = cols % n;
  const Some<T> some(rest);
  T* p[N];
  auto one = [&](auto... part) {
    V in[Op::arity], out[R];
    for (int i = 0; i < Op::arity; i++) in[i] = get(p[R + i], part...);
    Op::call(in, out);
    for (int i = 0; i < R; i++) put(p[i], out[i], part...);
  };
  if (rest == 0 && full < rows) {
    // Short rows beside one that is the same for all of them (a bias, a mean): down the columns, so that loops are long.
    for (long c = 0; c < full; c++) {
      for (int i = 0; i < N; i++) p[i] = o[i].p + c * o[i].step;
      for (long r = 0; r < rows; r++) {
        one();
        for (int i = 0; i < N; i++) p[i] += o[i].row;
      }
    }
    return;
  }
  for (long r = 0; r < rows; r++) {
    for (int i = 0; i < N; i++) p[i] = o[i].p + r * o[i].row;
    for (long c = 0; c < full; c++) {
      one();
      for (int i = 0; i < N; i++) p[i] += o[i].step;
    }
    if (rest) one(some);
  }
}

template <class V, class M>
CAMBIUM_INLINE V truth(M mask) {
  return mask ? V{} + 1 : V{};
}

#define CAMBIUM_OP1(NAME, ...)                                                                                         \
  struct Op_##NAME {                                                                                                   \
    static constexpr int arity = 1, results = 1;                                                                       \
    template <class V>                                                                                                 \
    static CAMBIUM_INLINE void call(const V* in, V* out) {                                                             \
      const V a = in[0];                                                                                                   \
      out[0] = __VA_ARGS__;                                                                                            \
    }                                                                                                                  \
  };
#define CAMBIUM_OP2(NAME, ...)                                                                                         \
  struct Op_##NAME {                                                                                                   \
    static constexpr int arity = 2, results = 1;                                                                       \
    template <class V>                                                                                                 \
    static CAMBIUM_INLINE void call(const V* in, V* out) {                                                             \
      const V a = in[0], b = in[1];                                                                                        \
      out[0] = __VA_ARGS__;                                                                                            \
    }                                                                                                                  \
  };
#define CAMBIUM_OP3(NAME, ...)                                                                                         \
  struct Op_##NAME {                                                                                                   \
    static constexpr int arity = 3, results = 1;                                                                       \
    template <class V>                                                                                                 \
    static CAMBIUM_INLINE void call(const V* in, V* out) {                                                             \
      const V a = in[0], b = in[1], c = in[2];                                                                             \
      out[0] = __VA_ARGS__;                                                                                            \
    }                                                                                                                  \
  };

CAMBIUM_OP2(add, a + b)
CAMBIUM_OP2(sub, a - b)
CAMBIUM_OP2(mul, a * b)
CAMBIUM_OP2(div, a / b)
CAMBIUM_OP2(pow, pow(a, b))
CAMBIUM_OP2(mod, mod(a, b))
CAMBIUM_OP2(floorDiv, floorDiv(a, b))
CAMBIUM_OP2(minimum, least(a, b))
CAMBIUM_OP2(maximum, most(a, b))
CAMBIUM_OP2(atan2, atan2(a, b))
CAMBIUM_OP2(hypot, hypot(a, b))
CAMBIUM_OP2(less, truth<V>(a < b))
CAMBIUM_OP2(lessEqual, truth<V>(a <= b))
CAMBIUM_OP2(greater, truth<V>(a > b))
CAMBIUM_OP2(greaterEqual, truth<V>(a >= b))
CAMBIUM_OP2(equal, truth<V>(a == b))
CAMBIUM_OP2(notEqual, truth<V>(a != b))
CAMBIUM_OP2(logicalAnd, truth<V>((a != 0) & (b != 0)))
CAMBIUM_OP2(logicalOr, truth<V>((a != 0) | (b != 0)))
CAMBIUM_OP2(logicalXor, truth<V>((a != 0) ^ (b != 0)))
CAMBIUM_OP1(logicalNot, truth<V>(a == 0))
CAMBIUM_OP3(where, a != 0 ? b : c)
CAMBIUM_OP1(neg, -a)
CAMBIUM_OP1(abs, magnitude(a))
CAMBIUM_OP1(sign, a > 0 ? V{} + 1 : (a < 0 ? V{} - 1 : a))
CAMBIUM_OP1(square, a* a)
CAMBIUM_OP1(sqrt, root(a))
CAMBIUM_OP1(rsqrt, 1 / root(a))
CAMBIUM_OP1(reciprocal, 1 / a)
CAMBIUM_OP1(exp, exp(a))
CAMBIUM_OP1(expm1, expm1(a))
CAMBIUM_OP1(log, log(a))
CAMBIUM_OP1(log1p, log1p(a))
CAMBIUM_OP1(log2, log2(a))
CAMBIUM_OP1(log10, log10(a))
CAMBIUM_OP1(sin, sin(a))
CAMBIUM_OP1(cos, cos(a))
CAMBIUM_OP1(tan, tan(a))
CAMBIUM_OP1(asin, asin(a))
CAMBIUM_OP1(acos, acos(a))
CAMBIUM_OP1(atan, atan(a))
CAMBIUM_OP1(sinh, sinh(a))
CAMBIUM_OP1(cosh, cosh(a))
CAMBIUM_OP1(tanh, tanh(a))
CAMBIUM_OP1(asinh, asinh(a))
CAMBIUM_OP1(acosh, acosh(a))
CAMBIUM_OP1(atanh, atanh(a))
CAMBIUM_OP1(erf, erf(a))
CAMBIUM_OP1(erfc, erfc(a))
CAMBIUM_OP1(floor, roundDown(a))
CAMBIUM_OP1(ceil, roundUp(a))
CAMBIUM_OP1(round, roundEven(a))
CAMBIUM_OP1(trunc, roundToZero(a))
CAMBIUM_OP1(relu, a <= 0 ? V{} : a)
CAMBIUM_OP1(sigmoid, sigmoid(a))
CAMBIUM_OP1(softplus, softplus(a))
CAMBIUM_OP1(logSigmoid, -softplus(-a))
CAMBIUM_OP1(silu, a < -1000 ? V{} : a / (1 + exp(-a)))
CAMBIUM_OP1(gelu, gelu(a))
CAMBIUM_OP1(geluTanh, geluTanh(a))
CAMBIUM_OP1(geluSlope, geluSlope(a))
CAMBIUM_OP1(isNaN, truth<V>(a != a))
CAMBIUM_OP1(isFinite, truth<V>(a - a == 0))
CAMBIUM_OP1(isInf, truth<V>((a == a) & (a - a != 0)))
CAMBIUM_OP3(lerp, a + (b - a) * c)
CAMBIUM_OP3(clamp, least(most(a, b), c))
CAMBIUM_OP3(mulAdd, a* b + c)
CAMBIUM_OP3(mulSub, a* b - c)
CAMBIUM_OP3(subMul, c - a * b)
CAMBIUM_OP2(reluGrad, b > 0 ? a : V{})
CAMBIUM_OP1(copy, a)
CAMBIUM_OP1(castBool, truth<V>(a != 0))

/// To integers as JavaScript does it: towards zero, modulo the type's range, NaN and infinities to 0.
inline int32_t wrapped(double v) { return v > -9e18 && v < 9e18 ? (int32_t)(int64_t)v : 0; }
CAMBIUM_INLINE F wholeNumber(F a) {
  F whole = roundToZero(a);
  return magnitude(a) < 2147483648.f ? whole : each(a, [](float v) { return (float)wrapped(v); });
}
CAMBIUM_INLINE D wholeNumber(D a) {
  return each(a, [](double v) { return (double)wrapped(v); });
}
CAMBIUM_OP1(castInt, wholeNumber(a))
CAMBIUM_OP1(castByte, each(a, [](auto v) { return (decltype(v))(wrapped(v) & 255); }))
CAMBIUM_OP1(castSignedByte, each(a, [](auto v) { return (decltype(v))(int8_t)wrapped(v); }))
CAMBIUM_OP1(castLong, each(a, [](auto v) { return (decltype(v))(v > -9e18 && v < 9e18 ? (int64_t)v : 0); }))
CAMBIUM_OP1(castHalf, each(a, [](auto v) { return (decltype(v))(float)Half((float)v); }))
CAMBIUM_OP1(castBrain, each(a, [](auto v) { return (decltype(v))(float)Brain((float)v); }))
CAMBIUM_OP1(castFloat, each(a, [](auto v) { return (decltype(v))(float)v; }))

/// p - lr * m / (sqrt(v) + eps)
struct Op_rmsStep {
  static constexpr int arity = 5, results = 1;
  template <class V>
  static CAMBIUM_INLINE void call(const V* in, V* out) {
    out[0] = in[0] - in[3] * in[1] / (root(in[2]) + in[4]);
  }
};

/// m / (sqrt(v) + eps), to about 2e-7.
CAMBIUM_INLINE D overRoot(D m, D v, D eps) { return m / (root(v) + eps); }
CAMBIUM_INLINE F overRoot(F m, F v, F eps) {
#if defined(__AVX512F__)
  // Estimates with a Newton step each take half the time of the exact root and quotient. Zero and infinity are kept away.
  // Of two operands, these give the second when one is NaN.
  v = (F)_mm512_min_ps(_mm512_set1_ps(3e38f), _mm512_max_ps(_mm512_set1_ps(1e-30f), (__m512)v));
  F r = (F)_mm512_rsqrt14_ps((__m512)v);
  r = r * (1.5f - (0.5f * v * r) * r);
  F d = v * r + eps;
  F q = (F)_mm512_rcp14_ps((__m512)d);
  return m * (q * (2.f - d * q));
#else
  return m / (root(v) + eps);
#endif
}

/// A whole step of Adam. In: p, m, v, g, a, b, lr, eps. Out: p - lr * m' / (sqrt(v') + eps), m' = m + (g - m) a, v' = v + (g^2 - v) b
struct Op_adamStep {
  static constexpr int arity = 8, results = 3;
  template <class V>
  static CAMBIUM_INLINE void call(const V* in, V* out) {
    const V g = in[3], m = in[1] + (g - in[1]) * in[4], v = in[2] + (g * g - in[2]) * in[5];
    out[0] = in[0] - in[6] * overRoot(m, v, in[7]);
    out[1] = m, out[2] = v;
  }
};

/// The same with its settings, which are single numbers in practice, kept in registers: twice as fast.
template <class T>
void applyAdam(const Operand<T>* slots, const int* refs, long rows, long cols) {
  using V = typename Lane<T>::V;
  constexpr long n = Lane<T>::n;
  constexpr int moving = 7; // three results, then p, m, v, g
  for (int i = moving; i < moving + 4; i++)
    if (slots[refs[i]].step || slots[refs[i]].row) return apply<T, Op_adamStep>(slots, refs, rows, cols);
  for (int i = 0; i < moving; i++)
    if (!slots[refs[i]].step) return apply<T, Op_adamStep>(slots, refs, rows, cols);
  Operand<T> o[moving];
  bool flat = true;
  for (int i = 0; i < moving; i++) o[i] = slots[refs[i]], flat &= o[i].row == cols;
  if (flat) cols *= rows, rows = 1;
  const V a = get(slots[refs[7]].p), b = get(slots[refs[8]].p), lr = get(slots[refs[9]].p), eps = get(slots[refs[10]].p);
  for (long r = 0; r < rows; r++) {
    T *p1 = o[0].p + r * o[0].row, *m1 = o[1].p + r * o[1].row, *v1 = o[2].p + r * o[2].row;
    const T *p0 = o[3].p + r * o[3].row, *m0 = o[4].p + r * o[4].row, *v0 = o[5].p + r * o[5].row, *g = o[6].p + r * o[6].row;
    auto one = [&](long c, auto... part) {
      const V in[] = {get(p0 + c, part...), get(m0 + c, part...), get(v0 + c, part...), get(g + c, part...), a, b, lr, eps};
      V out[3];
      Op_adamStep::call(in, out);
      put(p1 + c, out[0], part...), put(m1 + c, out[1], part...), put(v1 + c, out[2], part...);
    };
    long c = 0;
    for (; c + n <= cols; c += n) one(c);
    if (c < cols) one(c, Some<T>(cols - c));
  }
}

template <class T>
struct Entry {
  const char* name;
  int arity;
  Apply<T> apply;
};

#define CAMBIUM_ENTRY(NAME) {#NAME, Op_##NAME::arity, apply<T, Op_##NAME>},

/// The op of that name, or null.
template <class T>
const Entry<T>* find(const std::string& name) {
  static const Entry<T> table[] = {
      CAMBIUM_ENTRY(add) CAMBIUM_ENTRY(sub) CAMBIUM_ENTRY(mul) CAMBIUM_ENTRY(div) CAMBIUM_ENTRY(pow) CAMBIUM_ENTRY(mod)
      CAMBIUM_ENTRY(floorDiv) CAMBIUM_ENTRY(minimum) CAMBIUM_ENTRY(maximum) CAMBIUM_ENTRY(atan2) CAMBIUM_ENTRY(hypot)
      CAMBIUM_ENTRY(less) CAMBIUM_ENTRY(lessEqual) CAMBIUM_ENTRY(greater) CAMBIUM_ENTRY(greaterEqual)
      CAMBIUM_ENTRY(equal) CAMBIUM_ENTRY(notEqual) CAMBIUM_ENTRY(logicalAnd) CAMBIUM_ENTRY(logicalOr)
      CAMBIUM_ENTRY(logicalXor) CAMBIUM_ENTRY(logicalNot) CAMBIUM_ENTRY(where) CAMBIUM_ENTRY(neg) CAMBIUM_ENTRY(abs)
      CAMBIUM_ENTRY(sign) CAMBIUM_ENTRY(square) CAMBIUM_ENTRY(sqrt) CAMBIUM_ENTRY(rsqrt) CAMBIUM_ENTRY(reciprocal)
      CAMBIUM_ENTRY(exp) CAMBIUM_ENTRY(expm1) CAMBIUM_ENTRY(log) CAMBIUM_ENTRY(log1p) CAMBIUM_ENTRY(log2)
      CAMBIUM_ENTRY(log10) CAMBIUM_ENTRY(sin) CAMBIUM_ENTRY(cos) CAMBIUM_ENTRY(tan) CAMBIUM_ENTRY(asin)
      CAMBIUM_ENTRY(acos) CAMBIUM_ENTRY(atan) CAMBIUM_ENTRY(sinh) CAMBIUM_ENTRY(cosh) CAMBIUM_ENTRY(tanh)
      CAMBIUM_ENTRY(asinh) CAMBIUM_ENTRY(acosh) CAMBIUM_ENTRY(atanh) CAMBIUM_ENTRY(erf) CAMBIUM_ENTRY(erfc)
      CAMBIUM_ENTRY(floor) CAMBIUM_ENTRY(ceil) CAMBIUM_ENTRY(round) CAMBIUM_ENTRY(trunc) CAMBIUM_ENTRY(relu)
      CAMBIUM_ENTRY(sigmoid) CAMBIUM_ENTRY(softplus) CAMBIUM_ENTRY(logSigmoid) CAMBIUM_ENTRY(silu) CAMBIUM_ENTRY(gelu)
      CAMBIUM_ENTRY(geluTanh) CAMBIUM_ENTRY(isNaN) CAMBIUM_ENTRY(isFinite) CAMBIUM_ENTRY(isInf) CAMBIUM_ENTRY(lerp)
      CAMBIUM_ENTRY(clamp) CAMBIUM_ENTRY(mulAdd) CAMBIUM_ENTRY(mulSub) CAMBIUM_ENTRY(subMul) CAMBIUM_ENTRY(reluGrad)
      CAMBIUM_ENTRY(copy) CAMBIUM_ENTRY(castBool) CAMBIUM_ENTRY(castInt) CAMBIUM_ENTRY(castByte) CAMBIUM_ENTRY(castFloat)
      CAMBIUM_ENTRY(castSignedByte) CAMBIUM_ENTRY(castLong) CAMBIUM_ENTRY(castHalf) CAMBIUM_ENTRY(castBrain)
      CAMBIUM_ENTRY(geluSlope) CAMBIUM_ENTRY(rmsStep) {"adamStep", Op_adamStep::arity, applyAdam<T>}};
  for (const Entry<T>& entry : table)
    if (name == entry.name) return &entry;
  return nullptr;
}

} // namespace cambium::CAMBIUM_ISA
