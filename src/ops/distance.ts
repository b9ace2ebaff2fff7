/** How far apart vectors are. */
import { CambiumError } from "../base/error.ts";
import { broadcastShapes, show } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import { defineOp, type Op } from "../graph/op.ts";
import { abs, div, maximum, mul, sub } from "./arithmetic.ts";
import { castTo } from "./cast.ts";
import { equal, notEqual, where } from "./compare.ts";
import { floating } from "./elementwise.ts";
import { pow } from "./exponential.ts";
import { norm } from "./moments.ts";
import { expandDims } from "./movement.ts";
import { max } from "./reduction.ts";
import { sum } from "./spread.ts";

/** The p-norm over the last axis; its slope where all is 0 is 0. */
function length(x: Node, p: number): Node {
  if (p === 2) return norm(x, -1);
  if (p === Infinity) return max(abs(x), -1);
  if (p === 1) return sum(abs(x), -1);
  if (p === 0) return castTo(sum(notEqual(x, 0), -1), x.dtype);
  const total = sum(pow(abs(x), p), -1);
  const still = equal(total, 0);
  return where(still, 0, pow(where(still, 1, total), 1 / p));
}

/**
 * The distance of each row of `a` from each row of `b`, by the p-norm.
 * @shape a [..., m, d], b [..., n, d] → [..., m, n]
 * @source PyTorch's `cdist`
 */
export const cdist: Op<["a", "b"], [p?: number]> = defineOp({
  name: "cdist",
  kind: "composite",
  inputs: ["a", "b"],
  attrs: (_, p = 2) => {
    if (!(p >= 0)) throw new CambiumError("value", "cdist", `p is ${p}; norms have a p from 0 to Infinity`);
    return { p };
  },
  shape: ([a, b]) => {
    if (a!.length < 2 || b!.length < 2 || a!.at(-1) !== b!.at(-1)) throw new CambiumError("shape", "cdist", `a is ${show(a!)}, b is ${show(b!)}; both are rows [..., count, size] of one size`);
    return [...broadcastShapes("cdist", a!.slice(0, -2), b!.slice(0, -2)), a!.at(-2)!, b!.at(-2)!];
  },
  dtype: floating,
  decompose: ({ a, b, out }, { p }) => length(sub(expandDims(castTo(a, out.dtype), -2), expandDims(castTo(b, out.dtype), -3)), p),
  cases: [{ shapes: [[3, 2], [4, 2]], args: [] }, { shapes: [[2, 2, 3], [3, 3]], args: [1] }, { shapes: [[2, 3], [2, 3]], args: [3] }, { shapes: [[2, 3], [2, 3]], args: [Infinity] }],
});

/**
 * The cosine of the angle between vectors along `axis`; their lengths count as at least `eps`.
 * @source PyTorch's `cosine_similarity`
 */
export const cosineSimilarity: Op<["a", "b"], [axis?: number, eps?: number]> = defineOp({
  name: "cosineSimilarity",
  kind: "composite",
  inputs: ["a", "b"],
  attrs: ([a, b], axis = -1, eps = 1e-8) => {
    const rank = broadcastShapes("cosineSimilarity", a!, b!).length;
    if (!Number.isInteger(axis) || axis < -rank || axis >= rank) throw new CambiumError("shape", "cosineSimilarity", `axis ${axis} does not exist: the tensors have ${rank} axes`);
    return { axis: axis < 0 ? axis : axis - rank, eps };
  },
  shape: ([a, b], { axis }) => broadcastShapes("cosineSimilarity", a!, b!).toSpliced(axis, 1),
  dtype: floating,
  decompose: ({ a, b }, { axis, eps }) => div(sum(mul(a, b), axis), mul(maximum(norm(a, axis), eps), maximum(norm(b, axis), eps))),
  cases: [{ shapes: [[2, 3], [2, 3]], args: [] }, { shapes: [[3, 2], [3, 2]], args: [0] }],
});
