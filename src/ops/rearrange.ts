/** Numbers moved around and set in by rules, not by other numbers: rolled, mirrored, on diagonals, in windows. */
import { CambiumError } from "../base/error.ts";
import { type Axes, resolveAxis, show } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import { defineOp, type Op } from "../graph/op.ts";
import { add, mul } from "./arithmetic.ts";
import { castTo } from "./cast.ts";
import { equal, where } from "./compare.ts";
import { gather, range } from "./gather.ts";
import { expandDims, flip, moveAxis, permute } from "./movement.ts";
import { concat, pad, slice } from "./slice.ts";
import { broadcast, sum } from "./spread.ts";

/** The numbers of `x` from `begin` to `end` along `axis`. */
const span = (x: Node, axis: number, begin: number, end: number): Node => slice(x, x.shape.map(() => 0).with(axis, begin), [...x.shape].with(axis, end));

/** The numbers moved on by `shift` places along `axis`, those that leave at the end coming in at the front; several axes move by as many shifts. @source NumPy's `roll` */
export const roll: Op<["x"], [shift: number | readonly number[], axes: Axes]> = defineOp({
  name: "roll",
  kind: "composite",
  inputs: ["x"],
  attrs: ([x], shift: number | readonly number[], axes: Axes) => {
    const list = (typeof axes === "number" ? [axes] : axes).map((axis) => resolveAxis("roll", axis, x!.length));
    const shifts = typeof shift === "number" ? list.map(() => shift) : [...shift];
    if (shifts.length !== list.length || shifts.some((n) => !Number.isInteger(n)))
      throw new CambiumError("value", "roll", `shifts are ${show(shifts)} for axes ${show(list)}; give one whole number for each axis`);
    return { axes: list, shifts };
  },
  shape: ([x]) => x!,
  decompose: ({ x }, { axes, shifts }) =>
    axes.reduce((rolled: Node, axis: number, i: number) => {
      const length = x.shape[axis]!;
      const by = length === 0 ? 0 : ((shifts[i]! % length) + length) % length;
      return by === 0 ? rolled : concat([span(rolled, axis, length - by, length), span(rolled, axis, 0, length - by)], axis);
    }, x),
  cases: [{ shapes: [[5]], args: [2, 0] }, { shapes: [[3, 4]], args: [[-1, 6], [0, 1]] }, { shapes: [[0, 2]], args: [1, 0] }],
});

/** How an edge goes on: mirrored without or with the edge itself, repeated, or from the other side. */
export type Border = "reflect" | "symmetric" | "edge" | "wrap";

/** `x` with `low` more numbers in front of each axis and `high` behind it, made from its own. @source NumPy's `pad`; PyTorch calls `"edge"` replicate and `"wrap"` circular */
export const padBorder: Op<["x"], [low: readonly number[], high: readonly number[], border?: Border]> = defineOp({
  name: "padBorder",
  kind: "composite",
  inputs: ["x"],
  attrs: ([x], low: readonly number[], high: readonly number[], border: Border = "reflect") => {
    if (!["reflect", "symmetric", "edge", "wrap"].includes(border)) throw new CambiumError("name", "padBorder", `there is no border "${String(border)}"; it is "reflect", "symmetric", "edge" or "wrap"`);
    if (low.length !== x!.length || high.length !== x!.length)
      throw new CambiumError("shape", "padBorder", `${low.length} counts in front and ${high.length} behind are given; ${show(x!)} needs ${x!.length} of each`);
    x!.forEach((d, i) => {
      const most = border === "edge" ? (d > 0 ? Infinity : 0) : border === "reflect" ? Math.max(d - 1, 0) : d;
      const wrong = [low[i]!, high[i]!].find((n) => !Number.isInteger(n) || n < 0 || n > most);
      if (wrong !== undefined) throw new CambiumError("value", "padBorder", `axis ${i} of ${show(x!)} cannot give ${wrong} more numbers by "${border}"; it gives whole numbers from 0 to ${most}`);
    });
    return { low: [...low], high: [...high], border };
  },
  shape: ([x], { low, high }) => x!.map((d, i) => d + low[i]! + high[i]!),
  decompose: ({ x }, { low, high, border }) =>
    x.shape.reduce((all, d, axis) => {
      const [a, b] = [low[axis]!, high[axis]!];
      const skip = border === "reflect" ? 1 : 0;
      const repeated = (at: number, times: number): Node => broadcast(span(all, axis, at, at + 1), all.shape.with(axis, times));
      const front = (): Node => (border === "edge" ? repeated(0, a) : border === "wrap" ? span(all, axis, d - a, d) : flip(span(all, axis, skip, skip + a), axis));
      const behind = (): Node => (border === "edge" ? repeated(d - 1, b) : border === "wrap" ? span(all, axis, 0, b) : flip(span(all, axis, d - skip - b, d - skip), axis));
      const parts = [...(a > 0 ? [front()] : []), all, ...(b > 0 ? [behind()] : [])];
      return parts.length === 1 ? all : concat(parts, axis);
    }, x),
  cases: [
    { shapes: [[2, 4]], args: [[1, 2], [0, 3]] },
    { shapes: [[2, 3]], args: [[2, 1], [1, 0], "symmetric"] },
    { shapes: [[2, 3]], args: [[3, 0], [0, 2], "edge"] },
    { shapes: [[4]], args: [[2], [3], "wrap"] },
  ],
});

/** The two axes meant, and how many places their diagonal has. */
function diagonalOf(where: string, shape: readonly number[], offset: number, a: number, b: number): { axes: [number, number]; offset: number; count: number } {
  const axes: [number, number] = [resolveAxis(where, a, shape.length), resolveAxis(where, b, shape.length)];
  if (axes[0] === axes[1]) throw new CambiumError("shape", where, `a diagonal needs two axes, got axis ${axes[0]} twice`);
  const [rows, columns] = [shape[axes[0]]!, shape[axes[1]]!];
  return { axes, offset, count: Math.max(0, offset >= 0 ? Math.min(rows, columns - offset) : Math.min(rows + offset, columns)) };
}

/** The diagonal of the last two axes, or of axes `a` and `b`, `offset` places to the right, as a new last axis. @source NumPy's `diagonal`; PyTorch's, with the last two axes as default */
export const diagonal: Op<["x"], [offset?: number, a?: number, b?: number]> = defineOp({
  name: "diagonal",
  kind: "composite",
  inputs: ["x"],
  attrs: ([x], offset = 0, a = -2, b = -1) => diagonalOf("diagonal", x!, offset, a, b),
  shape: ([x], { axes, count }) => [...x!.filter((_, i) => !axes.includes(i)), count],
  decompose: ({ x }, { axes, offset, count }) => {
    const rest = x.shape.map((_, i) => i).filter((i) => !axes.includes(i));
    const last = rest.length;
    const [down, right] = [Math.max(0, -offset), Math.max(0, offset)];
    const square = span(span(permute(x, [...rest, ...axes]), last, down, down + count), last + 1, right, right + count);
    return sum(where(equal(range([count, 1], 0), range([count])), square, 0), last);
  },
  cases: [{ shapes: [[3, 4]], args: [] }, { shapes: [[2, 3, 4]], args: [1, 0, 1] }, { shapes: [[4, 3]], args: [-2] }, { shapes: [[2, 2]], args: [5] }],
});

/** The sum of the diagonal of the last two axes. @source NumPy's `trace`, on the last two axes */
export const trace: Op<["x"], [offset?: number]> = defineOp({
  name: "trace",
  kind: "composite",
  inputs: ["x"],
  attrs: ([x], offset = 0) => ({ offset: diagonalOf("trace", x!, offset, -2, -1).offset }),
  shape: ([x]) => x!.slice(0, -2),
  decompose: ({ x }, { offset }) => sum(diagonal(x, offset), -1),
  cases: [{ shapes: [[3, 4]], args: [] }, { shapes: [[2, 3, 3]], args: [1] }],
});

/** Square matrices with the numbers of the last axis on the diagonal `offset` places to the right, zeros elsewhere. @source PyTorch's `diag_embed` */
export const diag: Op<["x"], [offset?: number]> = defineOp({
  name: "diag",
  kind: "composite",
  inputs: ["x"],
  attrs: ([x], offset = 0) => {
    if (x!.length === 0) throw new CambiumError("shape", "diag", "a scalar has no axis to become a diagonal");
    return { offset };
  },
  shape: ([x], { offset }) => [...x!.slice(0, -1), x!.at(-1)! + Math.abs(offset), x!.at(-1)! + Math.abs(offset)],
  decompose: ({ x }, { offset }) => {
    const last = x.shape.length - 1;
    const [n, off] = [x.shape[last]!, Math.abs(offset)];
    const none = x.shape.map(() => 0);
    const row = pad(x, none.with(last, Math.max(offset, 0)), none.with(last, Math.max(-offset, 0)));
    const spread = broadcast(expandDims(row, last), [...x.shape.slice(0, -1), n + off, n + off]);
    return where(equal(range([n + off]), add(range([n + off, 1], 0), offset)), spread, 0);
  },
  cases: [{ shapes: [[3]], args: [] }, { shapes: [[2, 2]], args: [1] }, { shapes: [[3]], args: [-2] }],
});

/**
 * Windows of `size` numbers, every `step`-th, along `axis`: the windows take the axis' place, their numbers are a new last axis.
 * @shape [..., n, ...] → [..., ⌊(n − size) / step⌋ + 1, ..., size]
 * @source PyTorch's `Tensor.unfold`, NumPy's `sliding_window_view`
 */
export const slidingWindow: Op<["x"], [size: number, step?: number, axis?: number]> = defineOp({
  name: "slidingWindow",
  kind: "composite",
  inputs: ["x"],
  attrs: ([x], size: number, step = 1, axis = -1) => {
    const along = resolveAxis("slidingWindow", axis, x!.length);
    if (!Number.isInteger(size) || size < 1 || size > x![along]!) throw new CambiumError("value", "slidingWindow", `the window has ${size} places, axis ${axis} of ${show(x!)} has ${x![along]}; it must hold at least one window`);
    if (!Number.isInteger(step) || step < 1) throw new CambiumError("value", "slidingWindow", `a step of ${step} is not possible; steps are whole numbers from 1`);
    return { size, step, axis: along, count: Math.floor((x![along]! - size) / step) + 1 };
  },
  shape: ([x], { size, axis, count }) => [...x!.with(axis, count), size],
  decompose: ({ x }, { size, step, axis, count }) => {
    const places = add(mul(range([count, 1], 0), step), range([size]));
    return moveAxis(gather(x, places, axis), axis + 1, x.shape.length);
  },
  cases: [{ shapes: [[7]], args: [3] }, { shapes: [[2, 6, 2]], args: [2, 3, 1] }, { shapes: [[4]], args: [4] }],
});

/** `x` with `value` where `mask` is not 0. @source PyTorch's `masked_fill` */
export const maskedFill: Op<["x", "mask", "value"]> = defineOp({
  name: "maskedFill",
  kind: "composite",
  inputs: ["x", "mask", "value"],
  shape: ([x, mask, value]) => where.shape([mask!, value!, x!], {}),
  dtype: ([x]) => x!,
  decompose: ({ x, mask, value }) => where(mask, castTo(value, x.dtype), x),
  cases: [{ shapes: [[2, 3], [3], []], args: [], dtypes: ["float32", "bool", "float32"] }],
});
