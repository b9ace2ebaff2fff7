/** Numbers in order, and the places they come from. */
import { CambiumError } from "../base/error.ts";
import { resolveAxis, show, strides } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import { defineOp, type Op } from "../graph/op.ts";
import { mul } from "./arithmetic.ts";
import { shiftAxes } from "./axes.ts";
import { equal, greater, isNaN, less, logicalAnd, logicalNot, logicalOr } from "./compare.ts";
import { gatherAlong, range } from "./gather.ts";
import { expandDims, moveAxis, squeeze } from "./movement.ts";
import { eachPosition } from "./positions.ts";
import { slice } from "./slice.ts";
import { type Keep, sum } from "./spread.ts";

export interface Order {
  /** Largest first. */
  readonly descending?: boolean;
}

/** The places along `axis` in the order of the numbers there, smallest first; equal numbers keep their order, and NaN counts as largest. */
export const argSort: Op<["x"], [axis?: number, options?: Order]> = defineOp({
  name: "argSort",
  kind: "composite",
  inputs: ["x"],
  attrs: ([x], axis = -1, { descending = false }: Order = {}) => ({ axis: resolveAxis("argSort", axis, x!.length), backward: descending }),
  shape: ([x]) => x!,
  dtype: () => "int32",
  constant: true,
  // A number's rank is how many come before it: each is compared with each.
  decompose: ({ x }, { axis, backward }) => {
    const last = x.shape.length - 1;
    const lines = moveAxis(x, axis, last);
    const [mine, other] = [expandDims(lines, last + 1), expandDims(lines, last)];
    const [low, high] = backward ? [mine, other] : [other, mine];
    const count = x.shape[axis]!;
    const below = logicalOr(less(low, high), logicalAnd(isNaN(high), logicalNot(isNaN(low))));
    const tied = logicalOr(equal(mine, other), logicalAnd(isNaN(mine), isNaN(other)));
    const earlier = greater(range([count, 1], 0), range([count]));
    const rank = sum(logicalOr(below, logicalAnd(tied, earlier)), last + 1);
    const here = equal(expandDims(rank, last), range([count, 1], 0));
    return moveAxis(sum(mul(here, range([count])), last + 1), last, axis);
  },
  reference: (out, [x], { axis, backward }) => {
    const steps = strides(x!.shape);
    const along = steps[axis]!;
    const length = x!.shape[axis]!;
    const key = (i: number): number => (backward ? -1 : 1) * (x!.data[i]! === x!.data[i]! ? x!.data[i]! : Infinity);
    const late = (i: number): number => (backward ? -1 : 1) * Number(x!.data[i]! !== x!.data[i]!);
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
    { shapes: [[5]], args: [], values: [[0, -0, -1, 0, -0]] },
    { shapes: [[2, 1100]], args: [1, { descending: true }] },
    { shapes: [[3, 0]], args: [] },
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

/** Numbers of a line and where they are. */
export interface Found {
  readonly values: Node;
  readonly indices: Node;
}

function places(where: string, x: Node, k: number, axis: number): [along: number, count: number] {
  const along = resolveAxis(where, axis, x.shape.length);
  const count = x.shape[along]!;
  if (!Number.isInteger(k) || k < 1 || k > count) throw new CambiumError("value", where, `k is ${k}; axis ${axis} of ${show(x.shape)} has ${count} numbers, so k must be a whole number from 1 to ${count}`);
  return [along, count];
}

/** The `k` largest numbers along `axis`, largest first, and their places; with `largest` false the smallest, smallest first. */
export function topK(x: Node, k: number, axis = -1, { largest = true }: { readonly largest?: boolean } = {}): Found {
  const [along] = places("topK", x, k, axis);
  const indices = slice(argSort(x, along, { descending: largest }), [], x.shape.with(along, k));
  return { values: gatherAlong(x, indices, along), indices };
}

/** The `k`-th smallest number along `axis`, counted from 1, and its place. @source PyTorch's `kthvalue` */
export function kthValue(x: Node, k: number, axis = -1, { keep = false }: Keep = {}): Found {
  const [along] = places("kthValue", x, k, axis);
  const begin = x.shape.map(() => 0).with(along, k - 1);
  const place = slice(argSort(x, along), begin, x.shape.with(along, k));
  const shaped = (node: Node): Node => (keep ? node : squeeze(node, along));
  return { values: shaped(gatherAlong(x, place, along)), indices: shaped(place) };
}
