/** Numbers in order, and the places they come from. */
import { CambiumError } from "../base/error.ts";
import { resolveAxis, show, strides } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import { defineOp, type Op } from "../graph/op.ts";
import { mul } from "./arithmetic.ts";
import { shiftAxes } from "./axes.ts";
import { equal, greater, isNaN, less, logicalAnd, logicalNot, logicalOr } from "./compare.ts";
import { gatherAlong, range } from "./gather.ts";
import { expandDims, moveAxis } from "./movement.ts";
import { eachPosition } from "./positions.ts";
import { slice } from "./slice.ts";
import { sum } from "./spread.ts";

export interface Order {
  /** Largest first. */
  readonly descending?: boolean;
}

/** The places along `axis` in the order of the numbers there, smallest first; equal numbers keep their order, and NaN counts as largest. */
export const argSort: Op<["x"], [axis?: number, options?: Order]> = defineOp({
  name: "argSort",
  kind: "composite",
  inputs: ["x"],
  attrs: ([x], axis = -1, { descending = false }: Order = {}) => ({ axis: resolveAxis("argSort", axis, x!.length), descending }),
  shape: ([x]) => x!,
  dtype: () => "int32",
  constant: true,
  // A number's rank is how many come before it: each is compared with each.
  decompose: ({ x }, { axis, descending }) => {
    const last = x.shape.length - 1;
    const lines = moveAxis(x, axis, last);
    const [mine, other] = [expandDims(lines, last + 1), expandDims(lines, last)];
    const [low, high] = descending ? [mine, other] : [other, mine];
    const count = x.shape[axis]!;
    const below = logicalOr(less(low, high), logicalAnd(isNaN(high), logicalNot(isNaN(low))));
    const tied = logicalOr(equal(mine, other), logicalAnd(isNaN(mine), isNaN(other)));
    const earlier = greater(range([count, 1], 0), range([count]));
    const rank = sum(logicalOr(below, logicalAnd(tied, earlier)), last + 1);
    const here = equal(expandDims(rank, last), range([count, 1], 0));
    return moveAxis(sum(mul(here, range([count])), last + 1), last, axis);
  },
  reference: (out, [x], { axis, descending }) => {
    const steps = strides(x!.shape);
    const along = steps[axis]!;
    const length = x!.shape[axis]!;
    const key = (i: number): number => (descending ? -1 : 1) * (x!.data[i]! === x!.data[i]! ? x!.data[i]! : Infinity);
    const late = (i: number): number => (descending ? -1 : 1) * Number(x!.data[i]! !== x!.data[i]!);
    eachPosition(x!.shape.with(axis, Math.min(length, 1)), steps, (_, j) => {
      const places = Array.from({ length }, (_, i) => i).sort((a, b) => {
        const [p, q] = [j + a * along, j + b * along];
        return key(p) < key(q) ? -1 : key(p) > key(q) ? 1 : late(p) - late(q) || a - b;
      });
      places.forEach((place, i) => (out.data[j + i * along] = place));
    });
  },
  batch: shiftAxes,
  cases: [
    { shapes: [[3, 5]], args: [] },
    { shapes: [[4, 2]], args: [0, { descending: true }] },
    { shapes: [[6]], args: [], values: [[2, 1, 2, Infinity, Number.NaN, 1]] },
    { shapes: [[6]], args: [0, { descending: true }], values: [[2, 1, Number.NaN, Infinity, Number.NaN, 1]] },
    { shapes: [[4]], args: [], dtypes: ["int32"], values: [[3, -1, 3, 0]] },
  ],
});

/** The numbers along `axis` in order, smallest first. */
export const sort: Op<["x"], [axis?: number, options?: Order]> = defineOp({
  name: "sort",
  kind: "composite",
  inputs: ["x"],
  attrs: ([x], axis = -1, { descending = false }: Order = {}) => ({ axis: resolveAxis("sort", axis, x!.length), descending }),
  shape: ([x]) => x!,
  decompose: ({ x }, { axis, descending }) => gatherAlong(x, argSort(x, axis, { descending }), axis),
  batch: shiftAxes,
  cases: [{ shapes: [[3, 5]], args: [] }, { shapes: [[4, 2]], args: [0, { descending: true }] }],
});

/** The `k` largest numbers along `axis`, largest first, and their places. */
export function topK(x: Node, k: number, axis = -1): { values: Node; indices: Node } {
  const along = resolveAxis("topK", axis, x.shape.length);
  const size = x.shape[along]!;
  if (!Number.isInteger(k) || k < 1 || k > size) throw new CambiumError("value", "topK", `k is ${k}; axis ${axis} of ${show(x.shape)} has ${size} numbers, so k must be a whole number from 1 to ${size}`);
  const indices = slice(argSort(x, along, { descending: true }), [], x.shape.with(along, k));
  return { values: gatherAlong(x, indices, along), indices };
}
