/** Ops that put the same numbers in another order or shape. Closed under gradients: each flows back through its own kind. */
import { CambiumError } from "../base/error.ts";
import { type Axes, resolveAxes, resolveAxis, same, show, size, type Shape, strides } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import { defineOp, type Op } from "../graph/op.ts";
import { leadAxis, shiftAxes } from "./axes.ts";
import { eachPosition } from "./positions.ts";

/** `shape` with its −1, if it has one, worked out from the `count` numbers it has to hold. */
function filledIn(from: Shape, shape: Shape): Shape {
  const open = shape.indexOf(-1);
  const count = size(from);
  if (open < 0) {
    if (size(shape) !== count || shape.some((d) => !Number.isInteger(d) || d < 0))
      throw new CambiumError("shape", "reshape", `${show(from)} holds ${count} numbers, ${show(shape)} would hold ${size(shape)}`, hintFor(from, shape));
    return [...shape];
  }
  const rest = shape.reduce((n, d, i) => (i === open ? n : n * d), 1);
  if (shape.indexOf(-1, open + 1) >= 0) throw new CambiumError("shape", "reshape", `${show(shape)} leaves more than one size open; only one may be -1`);
  if (rest <= 0 || count % rest !== 0)
    throw new CambiumError("shape", "reshape", `${show(from)} holds ${count} numbers, which ${show(shape)} does not divide evenly: its other sizes make ${rest}`);
  return shape.with(open, count / rest);
}

const hintFor = (from: Shape, shape: Shape): string | undefined =>
  from.length > 1 && size(from.slice(1)) === size(shape) ? `keep the batch: reshape to [-1, ${shape.join(", ")}]` : undefined;

/** The same numbers, in the same order, in another shape; one size may be −1 and is worked out. */
export const reshape: Op<["x"], [shape: Shape]> = defineOp({
  name: "reshape",
  kind: "movement",
  inputs: ["x"],
  attrs: ([x], shape: Shape) => ({ shape: filledIn(x, shape) }),
  shape: (_, { shape }) => shape,
  gradient: (dy, { x }) => ({ x: reshape(dy, x.shape) }),
  reference: (out, [x]) => out.data.set(x.data),
  batch: ({ inputs: [x], count }, { shape }) => reshape(x!, [count, ...shape]),
  cases: [
    { shapes: [[2, 6]], args: [[3, 4]] },
    { shapes: [[2, 3, 5]], args: [[-1, 5]] },
    { shapes: [[]], args: [[1, 1]] },
    { shapes: [[1]], args: [[]] },
    { shapes: [[0, 3]], args: [[3, 0]] },
  ],
});

/** The axes in another order: axis `order[i]` of `x` becomes axis `i`. */
export const permute: Op<["x"], [order: readonly number[]]> = defineOp({
  name: "permute",
  kind: "movement",
  inputs: ["x"],
  attrs: ([x], order: readonly number[]) => {
    const resolved = order.map((axis) => resolveAxis("permute", axis, x.length));
    if (resolved.length !== x.length || new Set(resolved).size !== x.length)
      throw new CambiumError("shape", "permute", `the order ${show(order)} does not name each of the ${x.length} axes of ${show(x)} once`);
    return { order: resolved };
  },
  shape: ([x], { order }) => order.map((axis) => x[axis]),
  gradient: (dy, _, { order }) => ({ x: permute(dy, order.map((_, i) => order.indexOf(i))) }),
  reference: (out, [x], { order }) => {
    const from = strides(x.shape);
    eachPosition(out.shape, order.map((axis) => from[axis]), (i, j) => (out.data[i] = x.data[j]));
  },
  batch: ({ inputs: [x] }, { order }) => permute(x!, [0, ...order.map((axis) => axis + 1)]),
  cases: [
    { shapes: [[2, 3, 4]], args: [[2, 0, 1]] },
    { shapes: [[3, 5]], args: [[1, 0]] },
    { shapes: [[2, 1, 3, 2]], args: [[0, -1, 1, 2]] },
    { shapes: [[]], args: [[]] },
  ],
});

/** The numbers in reverse order along `axes` (all of them when left out). */
export const flip: Op<["x"], [axes?: Axes]> = defineOp({
  name: "flip",
  kind: "movement",
  inputs: ["x"],
  attrs: ([x], axes?: Axes) => ({ axes: resolveAxes("flip", axes, x.length) }),
  shape: ([x]) => x,
  gradient: (dy, _, { axes }) => ({ x: flip(dy, axes) }),
  reference: (out, [x], { axes }) => {
    const steps = strides(x.shape);
    let offset = 0;
    for (const axis of axes) {
      offset += steps[axis] * (x.shape[axis] - 1);
      steps[axis] = -steps[axis];
    }
    eachPosition(x.shape, steps, (i, j) => (out.data[i] = x.data[j]), offset);
  },
  batch: shiftAxes,
  cases: [
    { shapes: [[2, 3]], args: [] },
    { shapes: [[2, 3, 4]], args: [1] },
    { shapes: [[3, 1, 2]], args: [[0, -1]] },
    { shapes: [[]], args: [] },
  ],
});

/** `x` itself, but no gradient flows back through it. The compiler sees through it only when all gradients are written out. */
export const stopGradient: Op<["x"]> = defineOp({
  name: "stopGradient",
  kind: "movement",
  inputs: ["x"],
  shape: ([x]) => x,
  decompose: ({ x }) => x,
  reference: (out, [x]) => out.data.set(x.data),
  batch: leadAxis,
  cases: [{ shapes: [[2, 3]], args: [] }],
  constant: true,
});

/** Two axes swapped; the last two when left out. */
export function transpose(x: Node, a = -2, b = -1): Node {
  const order = x.shape.map((_, i) => i);
  const i = resolveAxis("transpose", a, order.length);
  const j = resolveAxis("transpose", b, order.length);
  [order[i], order[j]] = [order[j]!, order[i]!];
  return permute(x, order);
}

/** Axis `from` taken out and set in again as axis `to`. */
export function moveAxis(x: Node, from: number, to: number): Node {
  const order = x.shape.map((_, i) => i);
  const [axis] = order.splice(resolveAxis("moveAxis", from, order.length), 1);
  order.splice(resolveAxis("moveAxis", to, order.length + 1), 0, axis!);
  return permute(x, order);
}

/** `x` without its axes of size 1, or without those of `axes`. */
export function squeeze(x: Node, axes?: Axes): Node {
  const gone = axes === undefined ? x.shape.flatMap((d, i) => (d === 1 ? [i] : [])) : resolveAxes("squeeze", axes, x.shape.length);
  for (const axis of gone)
    if (x.shape[axis] !== 1) throw new CambiumError("shape", "squeeze", `axis ${axis} of ${show(x.shape)} has size ${x.shape[axis]}; only an axis of size 1 can go`);
  return gone.length === 0 ? x : reshape(x, x.shape.filter((_, i) => !gone.includes(i)));
}

/** `x` with new axes of size 1, which stand at `axes` of the result. */
export function expandDims(x: Node, axes: Axes = 0): Node {
  const count = typeof axes === "number" ? 1 : axes.length;
  const fresh = resolveAxes("expandDims", axes, x.shape.length + count);
  const shape = [...x.shape];
  for (const axis of fresh) shape.splice(axis, 0, 1);
  return reshape(x, shape);
}

/** The axes from `start` to `end`, both included, made one. */
export function flatten(x: Node, start = 0, end = -1): Node {
  const rank = x.shape.length;
  if (rank === 0) return reshape(x, [1]);
  const first = resolveAxis("flatten", start, rank);
  const last = resolveAxis("flatten", end, rank);
  if (first > last) throw new CambiumError("shape", "flatten", `the first axis (${first}) comes after the last (${last})`);
  if (first === last) return x;
  return reshape(x, [...x.shape.slice(0, first), size(x.shape.slice(first, last + 1)), ...x.shape.slice(last + 1)]);
}

/** `x` in `shape`, made anew only when it has another one. */
export const reshapeTo = (x: Node, shape: Shape): Node => (same(x.shape, shape) ? x : reshape(x, shape));
