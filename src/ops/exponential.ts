/** Powers and logarithms. */
import { constant } from "../graph/op.ts";
import { add, div, mul, neg, square, sub } from "./arithmetic.ts";
import { equal, greaterEqual, logicalAnd, where } from "./compare.ts";
import { type Binary, binary, floating, unary, type Unary } from "./elementwise.ts";

/** `e` to the power `x`. */
export const exp: Unary = unary({ name: "exp", scalar: Math.exp, gradient: (dy, { out }) => mul(dy, out) });

/** `eˣ − 1`, exact for small `x` too. */
export const expm1: Unary = unary({ name: "expm1", scalar: Math.expm1, gradient: (dy, { out }) => mul(dy, add(out, 1)) });

/** The natural logarithm. */
export const log: Unary = unary({ name: "log", scalar: Math.log, domain: [0.2, 3], gradient: (dy, { x }) => div(dy, x) });

/** `log(1 + x)`, exact for small `x` too. */
export const log1p: Unary = unary({ name: "log1p", scalar: Math.log1p, domain: [-0.8, 2], gradient: (dy, { x }) => div(dy, add(x, 1)) });

/** The logarithm to base 2. */
export const log2: Unary = unary({
  name: "log2",
  scalar: Math.log2,
  domain: [0.2, 3],
  gradient: (dy, { x }) => div(dy, mul(x, Math.LN2)),
  decompose: ({ x }) => mul(log(x), Math.LOG2E),
});

/** The logarithm to base 10. */
export const log10: Unary = unary({
  name: "log10",
  scalar: Math.log10,
  domain: [0.2, 3],
  gradient: (dy, { x }) => div(dy, mul(x, Math.LN10)),
  decompose: ({ x }) => mul(log(x), Math.LOG10E),
});

// C, IEEE 754 and PyTorch say 1 where JavaScript says NaN.
const power = (a: number, b: number): number => (a === 1 || (a === -1 && (b === Infinity || b === -Infinity)) ? 1 : a ** b);

/** `a` to the power `b`. Where the slope is 0 · ∞, as that of `x⁰` at 0, it is 0. */
export const pow: Binary = binary({
  name: "pow",
  scalar: power,
  domain: [0.3, 2],
  gradient: {
    a: (dy, { a, b }) => {
      if (b.op !== constant) return where(equal(b, 0), 0, mul(dy, mul(b, pow(a, sub(b, 1)))));
      const n = b.attrs.value as number;
      return n === 0 ? mul(dy, 0) : mul(dy, n === 1 ? 1 : mul(n === 2 ? a : pow(a, n - 1), n));
    },
    // The inner choice keeps the logarithm of 0 out of the second derivative.
    b: (dy, { a, b, out }) => {
      const still = logicalAnd(equal(a, 0), greaterEqual(b, 0));
      return where(still, 0, mul(dy, mul(out, log(where(still, 1, a)))));
    },
  },
  cases: [
    { shapes: [[4], []], args: [], values: [[0, -1.5, 2, 0.5], [3]] },
    { shapes: [[3], [3]], args: [], dtypes: ["int32", "int32"], values: [[2, -3, 0], [10, 3, 0]] },
  ],
});

/** The length of the hypotenuse: `√(a² + b²)`, without overflow. */
export const hypot: Binary = binary({
  name: "hypot",
  scalar: Math.hypot,
  dtype: floating,
  gradient: { a: (dy, { a, out }) => mul(dy, div(a, out)), b: (dy, { b, out }) => mul(dy, div(b, out)) },
});

const radius = 2 / Math.sqrt(Math.PI);

/** `(2/√π) ∫₀ˣ e⁻ᵗ² dt`: the series of positive terms near 0, the continued fraction of the rest far away. */
function erfOf(x: number): number {
  const size = Math.abs(x);
  if (size >= 2) return Math.sign(x) * (1 - tail(size));
  let term = x;
  let total = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(total); n++) total += term *= (2 * x * x) / (2 * n + 1);
  return x === 0 || x !== x ? x : radius * Math.exp(-x * x) * total;
}

/** `erfc(x)` for `x ≥ 2`. */
function tail(x: number): number {
  let fraction = 0;
  for (let n = 120; n > 0; n--) fraction = n / 2 / (x + fraction);
  return (Math.exp(-x * x) * radius) / 2 / (x + fraction);
}

/** The error function: how likely a normal number with variance ½ lies within ±x. */
export const erf: Unary = unary({ name: "erf", scalar: erfOf, gradient: (dy, { x }) => mul(dy, mul(exp(neg(square(x))), radius)) });

/** `1 − erf(x)`, exact where that is tiny. */
export const erfc: Unary = unary({
  name: "erfc",
  scalar: (x) => (x >= 2 ? tail(x) : 1 - erfOf(x!)),
  gradient: (dy, { x }) => mul(dy, mul(exp(neg(square(x))), -radius)),
});
