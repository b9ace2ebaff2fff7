/** Questions about numbers, logic on the answers, and the choice that follows from them. */
import { promote } from "../base/dtype.ts";
import type { Op } from "../graph/op.ts";
import { type Binary, elementwise, question, type Unary } from "./elementwise.ts";

/** Whether `a < b`. */
export const less: Binary = question(["a", "b"], "less", (a, b) => a < b);

/** Whether `a ≤ b`. */
export const lessEqual: Binary = question(["a", "b"], "lessEqual", (a, b) => a <= b);

/** Whether `a > b`. */
export const greater: Binary = question(["a", "b"], "greater", (a, b) => a > b);

/** Whether `a ≥ b`. */
export const greaterEqual: Binary = question(["a", "b"], "greaterEqual", (a, b) => a >= b);

/** Whether `a` and `b` are the same number; NaN equals nothing. */
export const equal: Binary = question(["a", "b"], "equal", (a, b) => a === b);

/** Whether `a` and `b` differ; NaN differs from everything. */
export const notEqual: Binary = question(["a", "b"], "notEqual", (a, b) => a !== b);

/** Whether neither is 0. */
export const logicalAnd: Binary = question(["a", "b"], "logicalAnd", (a, b) => a !== 0 && b !== 0);

/** Whether either is not 0. */
export const logicalOr: Binary = question(["a", "b"], "logicalOr", (a, b) => a !== 0 || b !== 0);

/** Whether exactly one is not 0. */
export const logicalXor: Binary = question(["a", "b"], "logicalXor", (a, b) => (a !== 0) !== (b !== 0));

/** Whether it is 0. */
export const logicalNot: Unary = question(["x"], "logicalNot", (x) => x === 0);

/** Whether it is not a number at all, as 0/0 is. */
export const isNaN: Unary = question(["x"], "isNaN", (x) => x !== x);

/** Whether it is neither NaN nor infinite. */
export const isFinite: Unary = question(["x"], "isFinite", (x) => Number.isFinite(x));

/** Whether it is ∞ or −∞. */
export const isInf: Unary = question(["x"], "isInf", (x) => x === Infinity || x === -Infinity);

/** `a` where `condition` is not 0, else `b`. Its dtype is that of `a` and `b`; two plain numbers make whole numbers int32. */
export const where: Op<["condition", "a", "b"]> = elementwise(["condition", "a", "b"], {
  name: "where",
  scalar: (condition, a, b) => (condition !== 0 ? a : b)!,
  dtype: ([, a, b]) => promote(a!, b!),
  gradient: {
    a: (dy, { condition }) => where(condition, dy, 0),
    b: (dy, { condition }) => where(condition, 0, dy),
  },
  cases: [{ shapes: [[2, 3], [3], []], args: [], dtypes: ["bool", "float32", "float32"] }],
});
