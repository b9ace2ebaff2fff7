/** Taking numbers from places that are themselves numbers, and adding them back there. */
import { type DType, isFloat } from "../base/dtype.ts";
import { CambiumError } from "../base/error.ts";
import { resolveAxis, same, show, type Shape, size, strides } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import { defineOp, type Examples, type Op } from "../graph/op.ts";
import { add, mul } from "./arithmetic.ts";
import { leadAxis, shiftAxes } from "./axes.ts";
import { cast, castTo } from "./cast.ts";
import { equal, greaterEqual, less, lessEqual, logicalAnd, where } from "./compare.ts";
import { everyOne, onEveryOne } from "./examples.ts";
import { expandDims, moveAxis, permute, reshape } from "./movement.ts";
import { eachPosition } from "./positions.ts";
import { sum } from "./spread.ts";

/** @throws a `dtype` error when places are no whole numbers */
export function checkIndex(name: string, index: DType): void {
  if (isFloat(index)) throw new CambiumError("dtype", name, `index is ${index}; places are whole numbers`, `cast it: index.cast("int32")`);
}

/** The whole numbers 0, 1, 2, … along `axis` of a tensor of `shape`. */
export const range: Op<[], [shape: Shape, axis?: number, dtype?: DType]> = defineOp({
  name: "range",
  kind: "indexing",
  inputs: [],
  attrs: (_, shape: Shape, axis = -1, dtype: DType = "int32") => ({ shape: [...shape], axis: resolveAxis("range", axis, shape.length), dtype }),
  shape: (_, { shape }) => shape,
  dtype: (_, { dtype }) => dtype,
  constant: true,
  reference: (out, _, { axis }) => eachPosition(out.shape, out.shape.map((_, i) => Number(i === axis)), (i, j) => (out.data[i] = j)),
  cases: [
    { shapes: [], args: [[5]] },
    { shapes: [], args: [[2, 3, 4], 1, "float32"] },
    { shapes: [], args: [[0]] },
  ],
  method: false,
});

/**
 * The slices of `x` along `axis` that `index` names, in its order and shape; a place outside gives zeros.
 * @shape x [...before, size, ...after], index [...places] → [...before, ...places, ...after]
 */
export const gather: Op<["x", "index"], [axis?: number]> = defineOp({
  name: "gather",
  kind: "indexing",
  inputs: ["x", "index"],
  attrs: ([x], axis = 0) => ({ axis: resolveAxis("gather", axis, x!.length) }),
  shape: ([x, index], { axis }) => [...x!.slice(0, axis), ...index!, ...x!.slice(axis + 1)],
  dtype: ([x, index]) => {
    checkIndex("gather", index!);
    return x!;
  },
  gradient: (dy, { x, index }, { axis }) => ({ x: scatterAdd(dy, index, x.shape[axis]!, axis) }),
  reference: (out, [x, index], { axis }) =>
    eachTaken(x!.shape, index!.data, axis, (i, j) => (out.data[i] = x!.data[j]!)),
  batch: ({ inputs: [x, index], varies: [moves, points] }, { axis }) => {
    if (!points) return gather(x!, index!, axis + 1);
    if (!moves) return moveAxis(gather(x!, index!, axis), axis, 0);
    const lines = moveAxis(x!, axis + 1, 1);
    const [count, length] = lines.shape as [number, number];
    return swapBlocks(gather(reshape(lines, [count * length, ...lines.shape.slice(2)]), countedThrough(index!, length), 0), index!.shape.length - 1, axis);
  },
  cases: [
    { shapes: [[5, 3], [4]], args: [], dtypes: ["float32", "int32"], values: [undefined, [4, 0, 0, 2]] },
    { shapes: [[2, 4], [2, 3]], args: [1], dtypes: ["float32", "int32"], values: [undefined, [3, 1, 1, 0, 2, 3]] },
    { shapes: [[3, 2], []], args: [0], dtypes: ["float32", "int32"], values: [undefined, [1]] },
    { shapes: [[3, 2], [2]], args: [0], dtypes: ["float32", "int32"], values: [undefined, [-1, 3]] },
    { shapes: [[4], [0]], args: [0], dtypes: ["float32", "int32"] },
  ],
});

/** Places among `length` of each example as places among those of all examples in a row; one outside stays outside. */
export function countedThrough(index: Node, length: number): Node {
  const place = index.dtype === "int64" ? index : castTo(index, "int32");
  const example = range(index.shape.map((d, i) => (i === 0 ? d : 1)), 0, place.dtype);
  return where(logicalAnd(greaterEqual(place, 0), less(place, length)), add(place, mul(example, length)), -1);
}

/** Behind the first axis, the next `a` axes and the `b` axes after them in each other's place. */
function swapBlocks(x: Node, a: number, b: number): Node {
  const axes = x.shape.map((_, i) => i);
  return permute(x, [0, ...axes.slice(1 + a, 1 + a + b), ...axes.slice(1, 1 + a), ...axes.slice(1 + a + b)]);
}

/** Visits the numbers a gather moves: position in the result, position in `x`. */
export function eachTaken(x: Shape, index: Float64Array, axis: number, visit: (i: number, j: number) => void): void {
  const [outer, length, inner] = [size(x.slice(0, axis)), x[axis]!, size(x.slice(axis + 1))];
  for (let o = 0; o < outer; o++)
    for (let k = 0; k < index.length; k++) {
      const place = index[k]!;
      if (place < 0 || place >= length) continue;
      for (let n = 0; n < inner; n++) visit((o * index.length + k) * inner + n, (o * length + place) * inner + n);
    }
}

/**
 * Zeros with `size` places along `axis`, each slice of `updates` added at the place `index` names: the way back from a gather.
 * @shape updates [...before, ...places, ...after], index [...places] → [...before, size, ...after]
 */
export const scatterAdd: Op<["updates", "index"], [size: number, axis?: number]> = defineOp({
  name: "scatterAdd",
  kind: "indexing",
  inputs: ["updates", "index"],
  attrs: ([updates, index], size: number, axis = 0) => ({ size, axis: resolveAxis("scatterAdd", axis, updates!.length - index!.length + 1) }),
  shape: ([updates, index], { size, axis }) => {
    const after = axis + index!.length;
    if (!same(updates!.slice(axis, after), index!))
      throw new CambiumError("shape", "scatterAdd", `updates are ${show(updates!)}, index is ${show(index!)}; from axis ${axis} on the updates' sizes must be the index's`);
    return [...updates!.slice(0, axis), size, ...updates!.slice(after)];
  },
  dtype: ([updates, index]) => {
    checkIndex("scatterAdd", index!);
    return updates!;
  },
  gradient: (dy, { index }, { axis }) => ({ updates: gather(dy, index, axis) }),
  reference: (out, [updates, index], { axis }) => eachTaken(out.shape, index!.data, axis, (i, j) => (out.data[j]! += updates!.data[i]!)),
  batch: (examples, { size, axis }) => scatterBatch(scatterAdd, examples, size, axis),
  cases: [
    { shapes: [[4, 3], [4]], args: [5], dtypes: ["float32", "int32"], values: [undefined, [4, 0, 0, 2]] },
    { shapes: [[2, 2, 3], [2, 3]], args: [4, 1], dtypes: ["float32", "int32"], values: [undefined, [3, 1, 1, 0, 2, 3]] },
    { shapes: [[3], [3]], args: [2], dtypes: ["float32", "int32"], values: [undefined, [-1, 1, 2]] },
  ],
  method: false,
});

/** `scatterAdd`, or an op like it, on many examples. */
export function scatterBatch(op: typeof scatterAdd, examples: Examples, size: number, axis: number): Node {
  if (!examples.varies[1]) return op(examples.inputs[0]!, examples.inputs[1]!, size, axis + 1);
  const [updates, index] = everyOne(examples) as [Node, Node];
  const sums = op(swapBlocks(updates, axis, index.shape.length - 1), countedThrough(index, size), examples.count * size, 0);
  return moveAxis(reshape(sums, [examples.count, size, ...sums.shape.slice(1)]), 1, axis + 1);
}

/**
 * From each line of `x` along `axis`, the numbers at the places `index` names there; a place outside gives 0.
 * @shape x [...before, size, ...after], index [...before, count, ...after] → the index's shape
 * @source PyTorch's `gather`
 */
export const gatherAlong: Op<["x", "index"], [axis?: number]> = defineOp({
  name: "gatherAlong",
  kind: "composite",
  inputs: ["x", "index"],
  attrs: ([x], axis = -1) => ({ axis: resolveAxis("gatherAlong", axis, x!.length) }),
  shape: ([x, index], { axis }) => {
    if (x!.length !== index!.length || !same(x!.with(axis, 0), index!.with(axis, 0)))
      throw new CambiumError(
        "shape",
        "gatherAlong",
        `x is ${show(x!)}, index is ${show(index!)}; all sizes but that of axis ${axis} must be equal`,
        index!.length === x!.length - 1 ? `give the index an axis of size 1: index.expandDims(${axis})` : undefined,
      );
    return index!;
  },
  dtype: ([x, index]) => {
    checkIndex("gatherAlong", index!);
    return x!;
  },
  // One place a line is found in the pass that makes the line; more are taken one by one, from all lines in a row.
  decompose: ({ x, index }, { axis }) => {
    const last = x.shape.length - 1;
    const lines = moveAxis(x, axis, last);
    if (index.shape[axis]! > 1 || x.shape[axis]! > 4096) {
      const places = moveAxis(index, axis, last);
      const flat = gather(reshape(lines, [size(x.shape)]), countedThrough(reshape(places, [size(places.shape.slice(0, -1)), places.shape[last]!]), x.shape[axis]!));
      return moveAxis(reshape(flat, places.shape), last, axis);
    }
    const here = equal(expandDims(moveAxis(index, axis, last), last + 1), range([x.shape[axis]!]));
    return moveAxis(sum(where(here, expandDims(lines, last), 0), last + 1), last, axis);
  },
  reference: (out, [x, index], { axis }) => {
    const from = strides(x!.shape);
    const along = from[axis]!;
    eachPosition(out.shape, from.with(axis, 0), (i, j) => {
      const place = index!.data[i]!;
      if (place >= 0 && place < x!.shape[axis]!) out.data[i] = x!.data[j + place * along]!;
    });
  },
  batch: onEveryOne(shiftAxes),
  cases: [
    { shapes: [[3, 4], [3, 1]], args: [], dtypes: ["float32", "int32"], values: [undefined, [3, 0, 2]] },
    { shapes: [[3, 2], [4, 2]], args: [0], dtypes: ["float32", "int32"], values: [undefined, [0, 1, 2, 2, 1, 0, -1, 3]] },
    { shapes: [[2, 3, 2], [2, 1, 2]], args: [1], dtypes: ["float32", "uint8"], values: [undefined, [0, 1, 2, 0]] },
  ],
});

/**
 * 1 at the place `index` names on a new last axis of `depth` places, 0 elsewhere.
 * @shape [...] → [..., depth]
 */
export const oneHot: Op<["index"], [depth: number, dtype?: DType]> = defineOp({
  name: "oneHot",
  kind: "composite",
  inputs: ["index"],
  attrs: (_, depth: number, dtype: DType = "float32") => {
    if (!Number.isInteger(depth) || depth < 1) throw new CambiumError("value", "oneHot", `depth is the number of classes, a whole number from 1; got ${depth}`);
    return { depth, dtype };
  },
  shape: ([index], { depth }) => [...index!, depth],
  dtype: (_, { dtype }) => dtype,
  constant: true,
  decompose: ({ index }, { depth, dtype }) => cast(equal(expandDims(index, -1), range([depth])), dtype),
  batch: leadAxis,
  cases: [
    { shapes: [[4]], args: [3], dtypes: ["int32"], values: [[2, 0, 1, 5]] },
    { shapes: [[]], args: [2], dtypes: ["uint8"], values: [[1]] },
    { shapes: [[2, 2]], args: [4, "bool"], dtypes: ["int32"], values: [[0, 1, 2, 3]] },
  ],
});

/** The last two axes with zeros above the diagonal `offset` places to the right of the main one. */
export const tril: Op<["x"], [offset?: number]> = triangle("tril", true);

/** The last two axes with zeros below the diagonal `offset` places to the right of the main one. */
export const triu: Op<["x"], [offset?: number]> = triangle("triu", false);

function triangle(name: string, low: boolean): Op<["x"], [offset?: number]> {
  return defineOp({
    name,
    kind: "composite",
    inputs: ["x"],
    attrs: (_, offset = 0) => ({ offset }),
    shape: ([x]) => {
      if (x!.length < 2) throw new CambiumError("shape", name, `x is ${show(x!)}; a triangle needs two axes`);
      return x!;
    },
    decompose: ({ x }, { offset }) => {
      const [height, width] = x.shape.slice(-2);
      const [column, diagonal] = [range([width!]), add(range([height!, 1], 0), offset)];
      return where(low ? lessEqual(column, diagonal) : greaterEqual(column, diagonal), x, 0);
    },
    batch: leadAxis,
    cases: [{ shapes: [[3, 4]], args: [] }, { shapes: [[2, 4, 3]], args: [-1] }],
  });
}
