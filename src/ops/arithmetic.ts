/** Sums, products, powers of two and a half, and choosing the larger. Bools count as 0 and 1 and give int32. */
import type { Op } from "../graph/op.ts";
import { equal, greater, greaterEqual, less, lessEqual, logicalAnd, logicalOr, where } from "./compare.ts";
import { type Binary, binary, elementwise, floating, numeric, unary, type Unary } from "./elementwise.ts";

/** `a + b` */
export const add: Binary = binary({
  name: "add",
  scalar: (a, b) => a + b,
  gradient: { a: (dy) => dy, b: (dy) => dy },
  cases: [{ shapes: [[3], [3]], args: [], dtypes: ["int32", "uint8"] }, { shapes: [[3], [3]], args: [], dtypes: ["bool", "bool"] }],
});

/** `a − b` */
export const sub: Binary = binary({
  name: "sub",
  scalar: (a, b) => a - b,
  gradient: { a: (dy) => dy, b: (dy) => neg(dy) },
});

/** `a · b`, number by number. */
export const mul: Binary = binary({
  name: "mul",
  scalar: (a, b) => a * b,
  gradient: { a: (dy, { b }) => mul(dy, b), b: (dy, { a }) => mul(dy, a) },
  cases: [{ shapes: [[2, 3], [2, 3]], args: [], dtypes: ["float32", "bool"] }],
});

/** `a / b`; two whole numbers give float32. */
export const div: Binary = binary({
  name: "div",
  scalar: (a, b) => a / b,
  dtype: floating,
  domain: [0.5, 2],
  gradient: { a: (dy, { b }) => div(dy, b), b: (dy, { b, out }) => neg(div(mul(dy, out), b)) },
  cases: [{ shapes: [[3], [3]], args: [], dtypes: ["int32", "int32"], values: [[7, -7, 1], [2, 2, 3]] }],
});

/** `−x` */
export const neg: Unary = unary({ name: "neg", scalar: (x) => -x, dtype: numeric, gradient: (dy) => neg(dy) });

/** The size of a number, without its sign; its slope at 0 is 0. */
export const abs: Unary = unary({ name: "abs", scalar: Math.abs, dtype: numeric, gradient: (dy, { x }) => mul(dy, sign(x)) });

/** −1, 0 or 1, as `x` is negative, zero or positive. */
export const sign: Unary = unary({ name: "sign", scalar: Math.sign, dtype: numeric, constant: true });

/** `x · x` */
export const square: Unary = unary({
  name: "square",
  scalar: (x) => x * x,
  dtype: numeric,
  gradient: (dy, { x }) => mul(dy, mul(x, 2)),
  decompose: ({ x }) => mul(x, x),
});

/** The number whose square is `x`; NaN for negative ones. */
export const sqrt: Unary = unary({ name: "sqrt", scalar: Math.sqrt, domain: [0.2, 3], gradient: (dy, { out }) => div(mul(dy, 0.5), out) });

/** `1 / √x` */
export const rsqrt: Unary = unary({
  name: "rsqrt",
  scalar: (x) => 1 / Math.sqrt(x),
  domain: [0.2, 3],
  gradient: (dy, { x, out }) => mul(dy, mul(div(out, x), -0.5)),
  decompose: ({ x }) => reciprocal(sqrt(x)),
});

/** `1 / x` */
export const reciprocal: Unary = unary({
  name: "reciprocal",
  scalar: (x) => 1 / x,
  domain: [0.5, 2],
  gradient: (dy, { out }) => neg(mul(dy, square(out))),
  decompose: ({ x }) => div(1, x),
});

/** The smaller of two; NaN if either is. Equal numbers share the gradient. */
export const minimum: Binary = binary({
  name: "minimum",
  scalar: Math.min,
  gradient: {
    a: (dy, { a, b }) => where(equal(a, b), mul(dy, 0.5), where(less(a, b), dy, 0)),
    b: (dy, { a, b }) => where(equal(a, b), mul(dy, 0.5), where(less(b, a), dy, 0)),
  },
});

/** The larger of two; NaN if either is. Equal numbers share the gradient. */
export const maximum: Binary = binary({
  name: "maximum",
  scalar: Math.max,
  gradient: {
    a: (dy, { a, b }) => where(equal(a, b), mul(dy, 0.5), where(greater(a, b), dy, 0)),
    b: (dy, { a, b }) => where(equal(a, b), mul(dy, 0.5), where(greater(b, a), dy, 0)),
  },
});

/** `x`, but at least `low` and at most `high`; the gradient passes where `x` is within, ends included. */
export const clamp: Op<["x", "low", "high"]> = elementwise(["x", "low", "high"], {
  name: "clamp",
  scalar: (x, low, high) => Math.min(Math.max(x!, low!), high!),
  dtype: numeric,
  gradient: {
    x: (dy, { x, low, high }) => where(logicalAnd(greaterEqual(x, low), lessEqual(x, high)), dy, 0),
    low: (dy, { x, low, high }) => where(logicalAnd(less(x, low), lessEqual(low, high)), dy, 0),
    high: (dy, { x, low, high }) => where(logicalOr(greater(x, high), greater(low, high)), where(logicalOr(greater(x, high), less(x, low)), dy, 0), 0),
  },
  decompose: ({ x, low, high }) => minimum(maximum(x, low), high),
});

/** `a · b + c` */
export const mulAdd: Op<["a", "b", "c"]> = elementwise(["a", "b", "c"], {
  name: "mulAdd",
  scalar: (a, b, c) => a! * b! + c!,
  dtype: numeric,
  gradient: { a: (dy, { b }) => mul(dy, b), b: (dy, { a }) => mul(dy, a), c: (dy) => dy },
  decompose: ({ a, b, c }) => add(mul(a, b), c),
});

/** The number `t` of the way from `a` to `b`: `a + t · (b − a)`. */
export const lerp: Op<["a", "b", "t"]> = elementwise(["a", "b", "t"], {
  name: "lerp",
  scalar: (a, b, t) => a! + t! * (b! - a!),
  dtype: floating,
  gradient: { a: (dy, { t }) => mul(dy, sub(1, t)), b: (dy, { t }) => mul(dy, t), t: (dy, { a, b }) => mul(dy, sub(b, a)) },
  decompose: ({ a, b, t }) => add(a, mul(t, sub(b, a))),
});

/** One step of a parameter against its mean gradient, measured by how large the gradient usually is: `p − rate · m / (√v + eps)`. */
export const rmsStep: Op<["p", "m", "v", "rate", "eps"]> = elementwise(["p", "m", "v", "rate", "eps"], {
  name: "rmsStep",
  scalar: (p, m, v, rate, eps) => p! - (rate! * m!) / (Math.sqrt(v!) + eps!),
  dtype: floating,
  domain: [0.2, 2],
  decompose: ({ p, m, v, rate, eps }) => sub(p, div(mul(rate, m), add(sqrt(v), eps))),
  method: false,
});
