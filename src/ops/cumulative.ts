import { resolveAxis } from "../base/shape.ts";
import { defineOp, type Op } from "../graph/op.ts";
import { add } from "./arithmetic.ts";
import { shiftAxes } from "./axes.ts";
import { castTo } from "./cast.ts";
import { flip } from "./movement.ts";
import { pad } from "./slice.ts";
import { countType } from "./spread.ts";

/** The sum, along `axis`, of all numbers up to each place, that place included. */
export const cumsum: Op<["x"], [axis?: number]> = defineOp({
  name: "cumsum",
  kind: "composite",
  inputs: ["x"],
  attrs: ([x], axis = -1) => ({ axis: resolveAxis("cumsum", axis, x!.length) }),
  shape: ([x]) => x!,
  dtype: countType,
  gradient: (dy, _, { axis }) => ({ x: flip(cumsum(flip(dy, axis), axis), axis) }),
  // Sums over 1, 2, 4, … places: each doubles the last, added to itself that many places on.
  decompose: ({ x, out }, { axis }) => {
    let sums = castTo(x, out.dtype);
    const none = x.shape.map(() => 0);
    for (let reach = 1; reach < x.shape[axis]!; reach *= 2) sums = add(sums, pad(sums, none.with(axis, reach), none.with(axis, -reach)));
    return sums;
  },
  reference: (out, [x], { axis }) => {
    const inner = x!.shape.slice(axis + 1).reduce((a, b) => a * b, 1);
    const length = x!.shape[axis]!;
    out.data.forEach((_, i) => (out.data[i] = x!.data[i]! + (Math.floor(i / inner) % length === 0 ? 0 : out.data[i - inner]!)));
  },
  batch: shiftAxes,
  cases: [{ shapes: [[3, 7]], args: [] }, { shapes: [[4, 2, 3]], args: [0] }, { shapes: [[1]], args: [0] }, { shapes: [[5]], args: [0], dtypes: ["bool"] }],
});
