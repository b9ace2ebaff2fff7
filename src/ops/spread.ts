/** Copying numbers along axes, and adding them up again: each is the other's gradient. */
import type { DType } from "../base/dtype.ts";
import { CambiumError } from "../base/error.ts";
import { type Axes, resolveAxes, same, show, type Shape } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import { defineOp, type Op } from "../graph/op.ts";
import { reshapeTo } from "./movement.ts";
import { eachPosition, spreadSteps } from "./positions.ts";

/** The numbers copied along axes of size 1, and along new leading axes, until the shape is `shape`; −1 keeps a size. */
export const broadcast: Op<["x"], [shape: Shape]> = defineOp({
  name: "broadcast",
  kind: "movement",
  inputs: ["x"],
  attrs: ([x], shape: Shape) => {
    const lead = shape.length - x.length;
    const full = shape.map((d, i) => (d === -1 && i >= lead ? x[i - lead]! : d));
    if (lead < 0 || x.some((d, i) => d !== 1 && d !== full[lead + i]))
      throw new CambiumError("shape", "broadcast", `${show(x)} does not broadcast to ${show(shape)}: counted from the end, each size must be equal or 1`);
    return { shape: full };
  },
  shape: (_, { shape }) => shape,
  gradient: (dy, { x }) => ({ x: sumTo(dy, x.shape) }),
  reference: (out, [x]) => eachPosition(out.shape, spreadSteps(x.shape, out.shape), (i, j) => (out.data[i] = x.data[j])),
  batch: ({ inputs: [x], count }, { shape }) => broadcast(alignRank(x!, shape.length), [count, ...shape]),
  cases: [
    { shapes: [[3, 1]], args: [[2, 3, 4]] },
    { shapes: [[]], args: [[3]] },
    { shapes: [[1, 2, 1]], args: [[5, -1, 3]] },
    { shapes: [[2, 3]], args: [[2, 3]] },
  ],
});

/** `x`, whose first axis is the examples', with axes of size 1 behind that so that each example has `rank` axes. */
export const alignRank = (x: Node, rank: number): Node => reshapeTo(x, [x.shape[0]!, ...new Array<number>(rank + 1 - x.shape.length).fill(1), ...x.shape.slice(1)]);

/** Whether folded axes stay, with size 1. */
export interface Keep {
  readonly keep?: boolean;
}

/** The axes a fold runs over, resolved, and whether they stay. */
export interface Fold extends Record<string, unknown> {
  readonly axes: readonly number[];
  readonly keep: boolean;
}

/** The arguments of a fold as settings. */
export const fold =
  (name: string) =>
  ([x]: Shape[], axes?: Axes, { keep = false }: Keep = {}): Fold => ({ axes: resolveAxes(name, axes, x!.length), keep });

/** `shape` with the folded axes at size 1. */
export const keptShape = (shape: Shape, axes: readonly number[]): number[] => shape.map((d, i) => (axes.includes(i) ? 1 : d));

/** What is left of `x` after a fold. */
export const foldedShape = ([x]: Shape[], { axes, keep }: Fold): Shape => (keep ? keptShape(x!, axes) : x!.filter((_, i) => !axes.includes(i)));

/** Sums and products of whole numbers are int32, so that counting does not overflow a byte. */
export const countType = ([x]: DType[]): DType => (x === "bool" || x === "uint8" || x === "int8" ? "int32" : x!);

/** The sum over `axes` (all of them when left out). */
export const sum: Op<["x"], [axes?: Axes, options?: Keep]> = defineOp({
  name: "sum",
  kind: "reduction",
  inputs: ["x"],
  attrs: fold("sum"),
  shape: foldedShape,
  dtype: countType,
  gradient: (dy, { x }, { axes }) => ({ x: broadcast(reshapeTo(dy, keptShape(x.shape, axes)), x.shape) }),
  reference: (out, [x], { axes }) => eachPosition(x.shape, spreadSteps(keptShape(x.shape, axes), x.shape), (i, j) => (out.data[j]! += x.data[i])),
  cases: [
    { shapes: [[2, 3, 4]], args: [1] },
    { shapes: [[2, 3]], args: [[0, 1], { keep: true }] },
    { shapes: [[5]], args: [] },
    { shapes: [[]], args: [] },
    { shapes: [[3, 1, 7]], args: [-1] },
    { shapes: [[0, 3]], args: [0] },
    { shapes: [[3, 4]], args: [0], dtypes: ["bool"] },
  ],
});

/** `x` summed down to `shape`, the way back from a broadcast. */
export function sumTo(x: Node, shape: Shape): Node {
  if (same(x.shape, shape)) return x;
  const lead = x.shape.length - shape.length;
  const axes: number[] = [];
  for (let i = 0; i < x.shape.length; i++) if (i < lead || (shape[i - lead] === 1 && x.shape[i] !== 1)) axes.push(i);
  return axes.length === 0 ? reshapeTo(x, shape) : reshapeTo(sum(x, axes), shape);
}

/** `x` with `shape`, copied only if it has to be. */
export const spreadTo = (x: Node, shape: Shape): Node => (same(x.shape, shape) ? x : broadcast(x, shape));

/** What flows back to a fold's input from `dy` at its result: `dy` with the folded axes back, at size 1. */
export const unfold = (dy: Node, x: Node, axes: readonly number[]): Node => reshapeTo(dy, keptShape(x.shape, axes));
