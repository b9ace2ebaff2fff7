/** New numbers in places that are themselves numbers: what is there is replaced, added to, or kept if it is larger. Nothing changes in place: the result is a new tensor. */
import { isFloat, lowestOf } from "../base/dtype.ts";
import { CambiumError } from "../base/error.ts";
import { resolveAxis, same, show, type Shape, size } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import { constant, defineOp, type Op } from "../graph/op.ts";
import { abs, add, div, maximum, minimum, mul, neg, sub } from "./arithmetic.ts";
import { castTo } from "./cast.ts";
import { equal, greaterEqual, less, logicalAnd, where } from "./compare.ts";
import { exp, log } from "./exponential.ts";
import { checkIndex, countedThrough, eachTaken, gather, range, scatterAdd, scatterBatch } from "./gather.ts";
import { moveAxis, permute, reshape, squeeze } from "./movement.ts";
import { mod, round } from "./rounding.ts";
import { slice } from "./slice.ts";
import { spreadTo } from "./spread.ts";

/**
 * The largest slice number by number of the `updates` that `index` brings to each of `size` places along `axis`, and what no number is below where it brings none.
 * Equal ones share the gradient evenly.
 * @shape updates [...before, ...places, ...after], index [...places] → [...before, size, ...after]
 */
export const scatterMax: Op<["updates", "index"], [size: number, axis?: number]> = defineOp({
  name: "scatterMax",
  kind: "indexing",
  inputs: ["updates", "index"],
  attrs: ([updates, index], size: number, axis = 0) => ({ size, axis: resolveAxis("scatterMax", axis, updates!.length - index!.length + 1) }),
  shape: (shapes, attrs) => scatterAdd.shape(shapes, attrs),
  dtype: (dtypes, attrs) => scatterAdd.dtype!(dtypes, attrs),
  gradient: (dy, { updates, index, out }, { size, axis }) => {
    const best = castTo(equal(updates, gather(out, index, axis)), dy.dtype);
    const share = div(dy, maximum(scatterAdd(best, index, size, axis), 1));
    return { updates: mul(best, gather(share, index, axis)) };
  },
  reference: (out, [updates, index], { axis }) => {
    out.data.fill(lowestOf(out.dtype));
    eachTaken(out.shape, index!.data, axis, (i, j) => (out.data[j] = Math.max(out.data[j]!, updates!.data[i]!)));
  },
  batch: (examples, { size, axis }) => scatterBatch(scatterMax, examples, size, axis),
  cases: [
    { shapes: [[4, 3], [4]], args: [3], dtypes: ["float32", "int32"], values: [undefined, [2, 0, 0, 1]] },
    { shapes: [[2, 2, 3], [2, 3]], args: [4, 1], dtypes: ["float32", "int32"], values: [undefined, [3, 1, 1, 0, 2, 3]] },
    { shapes: [[5], [5]], args: [3, 0], dtypes: ["int32", "int32"], values: [[7, -2, 3, 9, 1], [-1, 1, 1, 0, 3]] },
  ],
  method: false,
});

/** How new numbers meet what is there. Where several come to one place, `"set"` keeps the last; `"mean"` counts what is there as one of them. */
export type Meeting = "set" | "add" | "mul" | "mean" | "max" | "min";

const meetings: readonly string[] = ["set", "add", "mul", "mean", "max", "min"];

function checkMeeting(where: string, mode: string): void {
  if (!meetings.includes(mode)) throw new CambiumError("name", where, `there is no mode "${mode}"; it is "set", "add", "mul", "mean", "max" or "min"`);
}

/**
 * `x` times all that comes to a place: products by logarithms of sizes, with signs and zeros counted apart. An update that is 0 gets no gradient.
 */
function multiplied(x: Node, index: Node, updates: Node): Node {
  const places = x.shape[0]!;
  const wide = castTo(updates, "float64");
  const summed = (values: Node): Node => scatterAdd(values, index, places);
  const zero = equal(wide, 0);
  const size = exp(summed(log(abs(where(zero, 1, wide)))));
  const turned = mod(summed(castTo(less(wide, 0), "float64")), 2);
  const product = where(greaterEqual(summed(castTo(zero, "float64")), 1), 0, mul(size, sub(1, mul(turned, 2))));
  const whole = isFloat(x.dtype) ? product : round(product);
  return mul(x, castTo(whole, x.dtype));
}

/** `x` [size, ...] with the slices `updates` [count, ...] at the places `index` [count], those outside left out. */
function put(x: Node, index: Node, updates: Node, mode: Meeting): Node {
  const places = x.shape[0]!;
  switch (mode) {
    case "add":
      return add(x, scatterAdd(updates, index, places));
    case "mean": {
      const ones = spreadTo(constant(1, updates.dtype), updates.shape);
      return div(add(x, scatterAdd(updates, index, places)), add(scatterAdd(ones, index, places), 1));
    }
    case "mul":
      return multiplied(x, index, updates);
    case "max":
      return maximum(x, scatterMax(updates, index, places));
    case "min": {
      if (isFloat(x.dtype)) return minimum(x, neg(scatterMax(neg(updates), index, places)));
      return castTo(put(castTo(x, "float64"), index, castTo(updates, "float64"), mode), x.dtype);
    }
    case "set": {
      const last = scatterMax(range([index.shape[0]!]), index, places);
      return where(reshape(greaterEqual(last, 0), [places, ...x.shape.slice(1).map(() => 1)]), gather(updates, last), x);
    }
  }
}

const spread = (where: string, updates: Shape, shape: Shape): void => {
  const lead = shape.length - updates.length;
  if (lead < 0 || updates.some((d, i) => d !== 1 && d !== shape[lead + i])) throw new CambiumError("shape", where, `updates are ${show(updates)}, which does not broadcast to the ${show(shape)} places they go to`);
};

type Scatter<Args extends unknown[]> = Op<["x", "index", "updates"], Args>;

/**
 * `x` with the slices of `updates` at the places along `axis` that `index` names: the counterpart of `gather`. A place outside is left out.
 * @shape x [...before, size, ...after], index [...places], updates [...before, ...places, ...after] or what broadcasts to it → x's
 * @source NumPy's `x[index] = updates`, JAX's `x.at[index].set(updates)`, PyTorch's `index_copy`, `index_add`, `index_reduce`
 */
export const scatter: Scatter<[axis?: number, mode?: Meeting]> = defineOp({
  name: "scatter",
  kind: "composite",
  inputs: ["x", "index", "updates"],
  attrs: ([x], axis = 0, mode: Meeting = "set") => {
    checkMeeting("scatter", mode);
    return { axis: resolveAxis("scatter", axis, x!.length), mode };
  },
  shape: ([x, index, updates], { axis }) => {
    spread("scatter", updates!, x!.toSpliced(axis, 1, ...index!));
    return x!;
  },
  dtype: ([x, index]) => {
    checkIndex("scatter", index!);
    return x!;
  },
  decompose: ({ x, index, updates }, { axis, mode }) => {
    const count = size(index.shape);
    const full = spreadTo(castTo(updates, x.dtype), x.shape.toSpliced(axis, 1, ...index.shape));
    const axes = full.shape.map((_, i) => i);
    const places = axes.slice(axis, axis + index.shape.length);
    const front = permute(full, [...places, ...axes.filter((i) => !places.includes(i))]);
    const rest = x.shape.toSpliced(axis, 1);
    return moveAxis(put(moveAxis(x, axis, 0), reshape(index, [count]), reshape(front, [count, ...rest]), mode), 0, axis);
  },
  cases: [
    { shapes: [[5, 3], [3], [3, 3]], args: [], dtypes: ["float32", "int32", "float32"], values: [undefined, [4, 0, 4]] },
    { shapes: [[2, 4], [2, 2], []], args: [1], dtypes: ["float32", "int32", "float32"], values: [undefined, [3, 1, 7, -1]] },
    { shapes: [[2, 4], [3], [2, 3]], args: [-1, "add"], dtypes: ["float32", "int32", "float32"], values: [undefined, [3, 1, 3]] },
    { shapes: [[4], [3], [3]], args: [0, "mean"], dtypes: ["float32", "int32", "float32"], values: [undefined, [3, 1, 3]] },
    { shapes: [[4], [4], [4]], args: [0, "mul"], dtypes: ["float32", "int32", "float32"], values: [undefined, [3, 1, 3, -1], [-2, 0.5, 1.5, 9]] },
    { shapes: [[3], [3], [3]], args: [0, "mul"], dtypes: ["int32", "int32", "int32"], values: [[5, 7, 2], [1, 1, 0], [4, -3, 0]] },
    { shapes: [[4], [3], [3]], args: [0, "max"], dtypes: ["float32", "int32", "float32"], values: [undefined, [3, 1, 3]] },
    { shapes: [[4], [3], [3]], args: [0, "min"], dtypes: ["float32", "int32", "float32"], values: [undefined, [3, 1, 3]] },
    { shapes: [[4], [3], [3]], args: [0, "min"], dtypes: ["int32", "int32", "int32"], values: [[5, 5, 5, 5], [3, 1, 3], [4, 9, 2]] },
  ],
});

/** Places along the last axis of many lines as places among all of them in a row, and how many numbers that are. */
const inARow = (index: Node, length: number): Node => {
  const count = index.shape.at(-1)!;
  return reshape(countedThrough(reshape(index, [size(index.shape.slice(0, -1)), count]), length), [size(index.shape)]);
};

/** Zeros with `size` places along `axis`, each number of `updates` added where `index` names a place on its own line: the way back from `gatherAlong`. */
export function scatterAlongAdd(updates: Node, index: Node, length: number, axis: number): Node {
  const last = updates.shape.length - 1;
  const lines = moveAxis(updates, axis, last);
  const sums = scatterAdd(reshape(lines, [size(lines.shape)]), inARow(moveAxis(index, axis, last), length), size(lines.shape.slice(0, -1)) * length);
  return moveAxis(reshape(sums, lines.shape.with(last, length)), last, axis);
}

/**
 * `x` with the numbers of `updates` at the places `index` names on each line along `axis`: the counterpart of `gatherAlong`. A place outside is left out.
 * @shape x [...before, size, ...after], index [...before, count, ...after], updates like index or what broadcasts to it → x's
 * @source NumPy's `put_along_axis`, PyTorch's `scatter`, `scatter_add`, `scatter_reduce`
 */
export const scatterAlong: Scatter<[axis?: number, mode?: Meeting]> = defineOp({
  name: "scatterAlong",
  kind: "composite",
  inputs: ["x", "index", "updates"],
  attrs: ([x], axis = -1, mode: Meeting = "set") => {
    checkMeeting("scatterAlong", mode);
    return { axis: resolveAxis("scatterAlong", axis, x!.length), mode };
  },
  shape: ([x, index, updates], { axis }) => {
    if (x!.length !== index!.length || !same(x!.with(axis, 0), index!.with(axis, 0)))
      throw new CambiumError("shape", "scatterAlong", `x is ${show(x!)}, index is ${show(index!)}; all sizes but that of axis ${axis} must be equal`);
    spread("scatterAlong", updates!, index!);
    return x!;
  },
  dtype: ([x, index]) => {
    checkIndex("scatterAlong", index!);
    return x!;
  },
  decompose: ({ x, index, updates }, { axis, mode }) => {
    const last = x.shape.length - 1;
    const lines = moveAxis(x, axis, last);
    const flat = (node: Node): Node => reshape(moveAxis(node, axis, last), [size(node.shape)]);
    const places = inARow(moveAxis(index, axis, last), x.shape[axis]!);
    const made = put(flat(x), places, flat(spreadTo(castTo(updates, x.dtype), index.shape)), mode);
    return moveAxis(reshape(made, lines.shape), last, axis);
  },
  cases: [
    { shapes: [[3, 4], [3, 2], [3, 2]], args: [], dtypes: ["float32", "int32", "float32"], values: [undefined, [3, 0, 2, 2, -1, 1]] },
    { shapes: [[3, 2], [2, 2], []], args: [0, "add"], dtypes: ["float32", "int32", "float32"], values: [undefined, [2, 1, 2, 2]] },
    { shapes: [[2, 3], [2, 2], [2, 2]], args: [1, "max"], dtypes: ["float32", "int32", "float32"], values: [undefined, [2, 1, 0, 0]] },
  ],
});

/** How many leading axes of `x` an index names, and the one place each row of it means among them, −1 for one outside. */
function namedPlaces(where: string, x: Shape, index: Shape): number {
  const named = index.at(-1);
  if (named === undefined || named > x.length || named < 1)
    throw new CambiumError("shape", where, `index is ${show(index)}; its last axis holds one place for each of the first axes of x, 1 to ${x.length} for ${show(x)}`);
  return named;
}

function flatPlaces(x: Shape, index: Node): Node {
  const named = index.shape.at(-1)!;
  const wide = castTo(index, index.dtype === "int64" ? "int64" : "int32");
  const lead = index.shape.slice(0, -1);
  const each = Array.from({ length: named }, (_, i) => squeeze(slice(wide, [...lead.map(() => 0), i], [...lead, i + 1]), -1));
  const inside = each.map((place, i) => logicalAnd(greaterEqual(place, 0), less(place, x[i]!))).reduce((a, b) => logicalAnd(a, b));
  return where(inside, each.reduce((all, place, i) => add(mul(all, x[i]!), place)), -1);
}

/**
 * The parts of `x` that each row of `index` names, by one place for each of the first axes; a place outside gives zeros.
 * @shape x [...named, ...rest], index [...places, named] → [...places, ...rest]
 * @source TensorFlow's `gather_nd`
 */
export const gatherNd: Op<["x", "index"]> = defineOp({
  name: "gatherNd",
  kind: "composite",
  inputs: ["x", "index"],
  shape: ([x, index]) => [...index!.slice(0, -1), ...x!.slice(namedPlaces("gatherNd", x!, index!))],
  dtype: ([x, index]) => {
    checkIndex("gatherNd", index!);
    return x!;
  },
  decompose: ({ x, index }) => {
    const named = index.shape.at(-1)!;
    return gather(reshape(x, [size(x.shape.slice(0, named)), ...x.shape.slice(named)]), flatPlaces(x.shape, index));
  },
  cases: [
    { shapes: [[3, 4], [2, 2]], args: [], dtypes: ["float32", "int32"], values: [undefined, [2, 3, 0, 1]] },
    { shapes: [[3, 2, 2], [2, 1]], args: [], dtypes: ["float32", "int32"], values: [undefined, [1, 3]] },
    { shapes: [[2, 3, 2], [2, 2, 2]], args: [], dtypes: ["float32", "uint8"], values: [undefined, [1, 2, 0, 0, 1, 0, 0, 2]] },
  ],
});

/**
 * `x` with `updates` at the parts that each row of `index` names: the counterpart of `gatherNd`. A place outside is left out.
 * @shape x [...named, ...rest], index [...places, named], updates [...places, ...rest] or what broadcasts to it → x's
 * @source TensorFlow's `tensor_scatter_nd_update`, PyTorch's `index_put`
 */
export const scatterNd: Scatter<[mode?: Meeting]> = defineOp({
  name: "scatterNd",
  kind: "composite",
  inputs: ["x", "index", "updates"],
  attrs: (_, mode: Meeting = "set") => {
    checkMeeting("scatterNd", mode);
    return { mode };
  },
  shape: ([x, index, updates]) => {
    spread("scatterNd", updates!, [...index!.slice(0, -1), ...x!.slice(namedPlaces("scatterNd", x!, index!))]);
    return x!;
  },
  dtype: ([x, index]) => {
    checkIndex("scatterNd", index!);
    return x!;
  },
  decompose: ({ x, index, updates }, { mode }) => {
    const named = index.shape.at(-1)!;
    const rest = x.shape.slice(named);
    const count = size(index.shape.slice(0, -1));
    const full = spreadTo(castTo(updates, x.dtype), [...index.shape.slice(0, -1), ...rest]);
    const flat = reshape(x, [size(x.shape.slice(0, named)), ...rest]);
    return reshape(put(flat, reshape(flatPlaces(x.shape, index), [count]), reshape(full, [count, ...rest]), mode), x.shape);
  },
  cases: [
    { shapes: [[3, 4], [3, 2], [3]], args: [], dtypes: ["float32", "int32", "float32"], values: [undefined, [2, 3, 0, 1, 2, 3]] },
    { shapes: [[3, 2], [3, 1], [2]], args: ["add"], dtypes: ["float32", "int32", "float32"], values: [undefined, [1, 1, 5]] },
  ],
});
