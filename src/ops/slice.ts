/** Ops that take a part of the numbers, or set them into a larger whole: each is another's gradient. */
import { CambiumError } from "../base/error.ts";
import { resolveAxis, same, show, type Shape, size, strides } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import { defineOp, type Op, type VariadicOp } from "../graph/op.ts";
import { shiftAxes } from "./axes.ts";
import { onEveryOne } from "./examples.ts";
import { expandDims, reshape, squeeze } from "./movement.ts";
import { eachPosition } from "./positions.ts";

/** A place on an axis of `size` as NumPy counts: from the end when negative, and never beyond either end. */
const place = (at: number, size: number): number => Math.min(Math.max(at < 0 ? at + size : at, 0), size);

/**
 * The numbers from `begin` up to, but not including, `end`, every `step`-th; one entry an axis, axes left out are taken whole.
 * Negative places count from the end, as in NumPy.
 */
export const slice: Op<["x"], [begin: readonly number[], end?: readonly (number | undefined)[], step?: readonly number[]]> = defineOp({
  name: "slice",
  kind: "movement",
  inputs: ["x"],
  attrs: ([x], begin: readonly number[], end: readonly (number | undefined)[] = [], step: readonly number[] = []) => {
    if (begin.length > x.length || end.length > x.length)
      throw new CambiumError("shape", "slice", `${Math.max(begin.length, end.length)} places are given, but ${show(x)} has ${x.length} axes`);
    const wrong = [...begin, ...end.filter((i) => i !== undefined)].find((i) => !Number.isInteger(i));
    if (wrong !== undefined) throw new CambiumError("value", "slice", `${wrong} is not a place on an axis; places are whole numbers`);
    const backward = step.find((s) => !Number.isInteger(s) || s < 1);
    if (backward !== undefined)
      throw new CambiumError("value", "slice", `a step of ${backward} is not possible; steps are whole numbers from 1`, backward < 0 ? "use flip to walk backward" : undefined);
    const from = x.map((d, i) => place(begin[i] ?? 0, d));
    return { begin: from, end: x.map((d, i) => Math.max(place(end[i] ?? d, d), from[i]!)), step: x.map((_, i) => step[i] ?? 1) };
  },
  shape: (_, { begin, end, step }) => begin.map((b, i) => Math.ceil((end[i]! - b) / step[i]!)),
  gradient: (dy, { x }, { begin, step }) => ({ x: setIn(dy, x.shape, begin, step) }),
  reference: (out, [x], { begin, step }) => {
    const from = strides(x.shape);
    const offset = begin.reduce((sum, b, i) => sum + b * from[i]!, 0);
    eachPosition(out.shape, from.map((s, i) => s * step[i]!), (i, j) => (out.data[i] = x.data[j]), offset);
  },
  batch: ({ inputs: [x], count }, { begin, end, step }) => slice(x!, [0, ...begin], [count, ...end], [1, ...step]),
  cases: [
    { shapes: [[5, 4]], args: [[1], [4]] },
    { shapes: [[5, 4]], args: [[1, -3], [-1, undefined]] },
    { shapes: [[7, 3]], args: [[1, 0], [6, 3], [2, 2]] },
    { shapes: [[9]], args: [[0], [9], [4]] },
    { shapes: [[3]], args: [[2], [1]] },
    { shapes: [[]], args: [[]] },
  ],
});

/** Zeros of `shape` with `x` at `begin`, its numbers `step` apart: the way back from a slice. */
function setIn(x: Node, shape: Shape, begin: readonly number[], step: readonly number[]): Node {
  if (step.some((s) => s !== 1) && size(x.shape) > 0) {
    // Between two axes of the numbers, an axis of step − 1 zeros each.
    const rows = x.shape.flatMap((d) => [d, 1]);
    const gaps = step.flatMap((s) => [0, s - 1]);
    x = reshape(pad(reshape(x, rows), gaps.map(() => 0), gaps), x.shape.map((d, i) => d * step[i]!));
  }
  return pad(x, begin, shape.map((d, i) => d - begin[i]! - x.shape[i]!));
}

/** `x` with `low` more numbers in front of each axis and `high` behind it, all equal to `value`; negative counts cut numbers off. */
export const pad: Op<["x"], [low: readonly number[], high: readonly number[], value?: number]> = defineOp({
  name: "pad",
  kind: "movement",
  inputs: ["x"],
  attrs: ([x], low: readonly number[], high: readonly number[], value = 0) => {
    if (low.length !== x.length || high.length !== x.length)
      throw new CambiumError("shape", "pad", `${low.length} counts in front and ${high.length} behind are given; ${show(x)} needs ${x.length} of each`);
    return { low: [...low], high: [...high], value };
  },
  shape: ([x], { low, high }) => {
    const shape = x.map((d, i) => d + low[i]! + high[i]!);
    if (shape.some((d) => !(d >= 0))) throw new CambiumError("shape", "pad", `cutting ${show(low)} in front and ${show(high)} behind leaves nothing of ${show(x)}`);
    return shape;
  },
  gradient: (dy, { x }, { low, high }) => ({
    x: [...low, ...high].every((n) => n >= 0) ? slice(dy, low, x.shape.map((d, i) => low[i]! + d)) : pad(dy, low.map((n) => -n), high.map((n) => -n)),
  }),
  reference: (out, [x], { low, value }) => {
    out.data.fill(value);
    const to = strides(out.shape);
    const inside = (i: number): boolean => x.shape.every((d, axis) => {
      const at = (Math.floor(i / to[axis]!) % out.shape[axis]!) - low[axis]!;
      return at >= 0 && at < d;
    });
    const from = strides(x.shape);
    const offset = low.reduce((sum, n, i) => sum - n * from[i]!, 0);
    eachPosition(out.shape, from, (i, j) => inside(i) && (out.data[i] = x.data[j]!), offset);
  },
  batch: ({ inputs: [x] }, { low, high, value }) => pad(x!, [0, ...low], [0, ...high], value),
  cases: [
    { shapes: [[2, 3]], args: [[1, 0], [0, 2]] },
    { shapes: [[3]], args: [[2], [1], 1.5] },
    { shapes: [[4, 5]], args: [[-1, 2], [1, -3]] },
    { shapes: [[5, 1]], args: [[-2, 0], [-1, 0]] },
    { shapes: [[]], args: [[], []] },
  ],
});

/** The inputs one after another along `axis`; their other sizes are equal. */
export const concat: VariadicOp<[axis?: number]> = defineOp({
  name: "concat",
  kind: "movement",
  inputs: ["parts"],
  variadic: true,
  attrs: (shapes, axis = 0) => {
    if (shapes.length === 0) throw new CambiumError("value", "concat", "there is nothing to put together; give at least one tensor");
    return { axis: resolveAxis("concat", axis, shapes[0]!.length) };
  },
  shape: (shapes, { axis }) => {
    const first = shapes[0]!;
    let total = 0;
    for (const shape of shapes) {
      if (shape.length !== first.length || !same(shape.with(axis, 0), first.with(axis, 0)))
        throw new CambiumError("shape", "concat", `${show(first)} and ${show(shape)} do not fit along axis ${axis}: all other sizes must be equal`);
      total += shape[axis]!;
    }
    return first.with(axis, total);
  },
  gradient: (dy, _, { axis }, node) => {
    let from = 0;
    const parts = node.inputs.map((part) => {
      const begin = dy.shape.map(() => 0).with(axis, from);
      from += part.shape[axis]!;
      return slice(dy, begin, [...dy.shape].with(axis, from));
    });
    return { parts };
  },
  reference: (out, parts, { axis }) => {
    const to = strides(out.shape);
    let offset = 0;
    for (const part of parts) {
      eachPosition(part.shape, to, (i, j) => (out.data[j] = part.data[i]!), offset);
      offset += part.shape[axis]! * to[axis]!;
    }
  },
  batch: onEveryOne(shiftAxes),
  cases: [
    { shapes: [[2, 3], [4, 3]], args: [] },
    { shapes: [[2, 1], [2, 3], [2, 2]], args: [-1] },
    { shapes: [[3, 2]], args: [1] },
    { shapes: [[0, 2], [1, 2]], args: [0] },
  ],
  method: false,
});

/** The inputs, all of one shape, side by side along a new axis. */
export function stack(parts: readonly Node[], axis = 0): Node {
  const first = parts[0];
  for (const part of parts)
    if (!same(part.shape, first!.shape)) throw new CambiumError("shape", "stack", `all shapes must be equal, got ${show(first!.shape)} and ${show(part.shape)}`, "concat joins along an axis that is there already");
  return concat(parts.map((part) => expandDims(part, axis)), axis);
}

/** `x` cut along `axis` into pieces of the given sizes; one number means that many equal pieces. */
export function split(x: Node, pieces: number | readonly number[], axis = 0): Node[] {
  const along = resolveAxis("split", axis, x.shape.length);
  const length = x.shape[along]!;
  const sizes = typeof pieces === "number" ? new Array<number>(pieces).fill(length / pieces) : pieces;
  if (sizes.some((n) => !Number.isInteger(n) || n < 0) || sizes.reduce((a, b) => a + b, 0) !== length)
    throw new CambiumError("shape", "split", `axis ${axis} of ${show(x.shape)} has size ${length}, which does not make ${typeof pieces === "number" ? `${pieces} equal pieces` : `pieces of ${show(pieces)}`}`);
  let from = 0;
  return sizes.map((n) => {
    const begin = x.shape.map(() => 0).with(along, from);
    return slice(x, begin, [...x.shape].with(along, (from += n)));
  });
}

/** `x` cut along `axis` into at most `count` pieces of one size, but for a smaller last one. @source PyTorch's `chunk` */
export function chunk(x: Node, count: number, axis = 0): Node[] {
  const along = resolveAxis("chunk", axis, x.shape.length);
  if (!Number.isInteger(count) || count < 1) throw new CambiumError("value", "chunk", `count is a whole number from 1, got ${count}`);
  const length = x.shape[along]!;
  const each = Math.max(1, Math.ceil(length / count));
  const sizes = Array.from({ length: Math.max(1, Math.ceil(length / each)) }, (_, i) => Math.min(each, length - i * each));
  return split(x, sizes, along);
}

/** Each slice of `x` along `axis` on its own, without that axis. */
export function unbind(x: Node, axis = 0): Node[] {
  const along = resolveAxis("unbind", axis, x.shape.length);
  return split(x, x.shape[along]!, along).map((part) => squeeze(part, along));
}
