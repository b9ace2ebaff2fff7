/** Folds over axes other than the sum: means, products, extremes and where they are. */
import type { DType } from "../base/dtype.ts";
import { CambiumError } from "../base/error.ts";
import { type Axes, resolveAxis, show, type Shape } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import { type Block, type Case, defineOp, type Op } from "../graph/op.ts";
import { div, mul } from "./arithmetic.ts";
import { shiftAxes } from "./axes.ts";
import { castTo } from "./cast.ts";
import { equal, notEqual } from "./compare.ts";
import { floating } from "./elementwise.ts";
import { reshape } from "./movement.ts";
import { eachPosition, spreadSteps } from "./positions.ts";
import { concat, slice } from "./slice.ts";
import { countType, type Fold, fold, foldedShape, type Keep, keptShape, spreadTo, sum, unfold } from "./spread.ts";

/** An op that folds axes away. */
export type Reduction = Op<["x"], [axes?: Axes, options?: Keep]>;

const cases: Case<[axes?: Axes, options?: Keep]>[] = [
  { shapes: [[2, 3, 4]], args: [1] },
  { shapes: [[2, 3]], args: [[0, 1], { keep: true }] },
  { shapes: [[5]], args: [] },
  { shapes: [[]], args: [] },
  { shapes: [[3, 1, 7]], args: [[0, -1]] },
];

/** How many numbers of `shape` are folded into one. */
const folded = (shape: Shape, axes: readonly number[]): number => axes.reduce((n, axis) => n * shape[axis]!, 1);

/** The mean over `axes` (all of them when left out). */
export const mean: Reduction = defineOp({
  name: "mean",
  kind: "composite",
  inputs: ["x"],
  attrs: fold("mean"),
  shape: foldedShape,
  dtype: floating,
  decompose: ({ x }, { axes, keep }) => div(sum(castTo(x, floating([x.dtype])), axes, { keep }), folded(x.shape, axes)),
  gradient: (dy, { x }, { axes }) => ({ x: spreadTo(unfold(div(dy, folded(x.shape, axes)), x, axes), x.shape) }),
  reference: (out, [x], { axes }) => {
    const n = folded(x!.shape, axes);
    foldInto(out, x!, axes, 0, (a, b) => a + b);
    out.data.forEach((total, i) => (out.data[i] = total / n));
  },
  batch: shiftAxes,
  cases: [...cases, { shapes: [[4]], args: [], dtypes: ["uint8"] }],
});

/** `out` filled with the numbers of `x` folded one after another, from `start`. */
function foldInto(out: Block, x: Block, axes: readonly number[], start: number, step: (a: number, b: number) => number): void {
  out.data.fill(start);
  eachPosition(x.shape, spreadSteps(keptShape(x.shape, axes), x.shape), (i, j) => (out.data[j] = step(out.data[j]!, x.data[i]!)));
}

/** An extreme has no meaning without numbers. */
function shapeOfExtreme(name: string) {
  return ([x]: Shape[], attrs: Fold): Shape => {
    if (attrs.axes.some((axis) => x![axis] === 0)) throw new CambiumError("shape", name, `${show(x!)} has no numbers along ${show(attrs.axes)} to choose from`);
    return foldedShape([x!], attrs);
  };
}

/** What flows back through an extreme: equal shares to all numbers that attain it. */
function toExtremes(dy: Node, x: Node, out: Node, { axes }: Fold): Node {
  const best = castTo(equal(x, unfold(out, x, axes)), x.dtype);
  return mul(best, div(unfold(dy, x, axes), sum(best, axes, { keep: true })));
}

/** The largest number over `axes` (all of them when left out); NaN if there is one. Equal numbers share the gradient evenly, as PyTorch's `amax` does. */
export const max: Reduction = defineOp({
  name: "max",
  kind: "reduction",
  inputs: ["x"],
  attrs: fold("max"),
  shape: shapeOfExtreme("max"),
  gradient: (dy, { x, out }, attrs) => ({ x: toExtremes(dy, x, out, attrs) }),
  reference: (out, [x], { axes }) => foldInto(out, x!, axes, -Infinity, Math.max),
  cases,
});

/** The smallest number over `axes` (all of them when left out); NaN if there is one. Equal numbers share the gradient evenly. */
export const min: Reduction = defineOp({
  name: "min",
  kind: "reduction",
  inputs: ["x"],
  attrs: fold("min"),
  shape: shapeOfExtreme("min"),
  gradient: (dy, { x, out }, attrs) => ({ x: toExtremes(dy, x, out, attrs) }),
  reference: (out, [x], { axes }) => foldInto(out, x!, axes, Infinity, Math.min),
  cases,
});

/** The product over `axes` (all of them when left out). */
export const prod: Reduction = defineOp({
  name: "prod",
  kind: "reduction",
  inputs: ["x"],
  attrs: fold("prod"),
  shape: foldedShape,
  dtype: countType,
  // A tree of products has exact derivatives of every order, zeros among the factors or not.
  decompose: ({ x, out }, { axes }) => {
    let factors = castTo(x, out.dtype);
    for (const axis of axes) {
      if (x.shape[axis] === 0) return spreadTo(mul(sum(factors), 0), out.shape);
      for (let n = x.shape[axis]!; n > 1; n = Math.ceil(n / 2)) {
        const part = (from: number, to: number): Node => slice(factors, factors.shape.map(() => 0).with(axis, from), [...factors.shape].with(axis, to));
        const half = Math.floor(n / 2);
        const pairs = mul(part(0, half), part(half, 2 * half));
        factors = n % 2 === 0 ? pairs : concat([pairs, part(n - 1, n)], axis);
      }
    }
    return reshape(factors, out.shape);
  },
  reference: (out, [x], { axes }) => foldInto(out, x!, axes, 1, (a, b) => a * b),
  cases: [...cases, { shapes: [[3, 2]], args: [0], values: [[1, 0, 0, 0, 2, 3]] }],
});

/** Whether any number over `axes` is not 0. */
export const any: Reduction = defineOp({
  name: "any",
  kind: "composite",
  inputs: ["x"],
  attrs: fold("any"),
  shape: foldedShape,
  dtype: () => "bool",
  constant: true,
  decompose: ({ x }, { axes, keep }) => notEqual(sum(notEqual(x, 0), axes, { keep }), 0),
  reference: (out, [x], { axes }) => foldInto(out, x!, axes, 0, (a, b) => Number(a !== 0 || b !== 0)),
  batch: shiftAxes,
  cases: [...cases, { shapes: [[2, 3]], args: [1], dtypes: ["bool"], values: [[0, 0, 1, 0, 0, 0]] }],
});

/** Whether all numbers over `axes` are not 0. */
export const all: Reduction = defineOp({
  name: "all",
  kind: "composite",
  inputs: ["x"],
  attrs: fold("all"),
  shape: foldedShape,
  dtype: () => "bool",
  constant: true,
  decompose: ({ x }, { axes, keep }) => equal(sum(equal(x, 0), axes, { keep }), 0),
  reference: (out, [x], { axes }) => foldInto(out, x!, axes, 1, (a, b) => Number(a !== 0 && b !== 0)),
  batch: shiftAxes,
  cases: [...cases, { shapes: [[2, 3]], args: [1], dtypes: ["bool"], values: [[1, 1, 1, 1, 0, 1]] }],
});

/** An op that says where along an axis something is. */
export type Search = Op<["x"], [axis?: number, options?: Keep]>;

function search(name: string, wins: (challenger: number, champion: number) => boolean): Search {
  return defineOp({
    name,
    kind: "reduction",
    inputs: ["x"],
    attrs: ([x], axis = -1, { keep = false }: Keep = {}) => ({ axes: [resolveAxis(name, axis, x!.length)], keep }),
    shape: shapeOfExtreme(name),
    dtype: (): DType => "int32",
    constant: true,
    reference: (out, [x], { axes }) => {
      const along = axes[0]!;
      const size = x!.shape[along]!;
      const inner = x!.shape.slice(along + 1).reduce((a, b) => a * b, 1);
      for (let i = 0; i < out.data.length; i++) {
        const from = Math.floor(i / inner) * size * inner + (i % inner);
        let best = 0;
        for (let at = 1; at < size; at++) {
          const [challenger, champion] = [x!.data[from + at * inner]!, x!.data[from + best * inner]!];
          if (champion === champion && (challenger !== challenger || wins(challenger, champion))) best = at;
        }
        out.data[i] = best;
      }
    },
    cases: [
      { shapes: [[3, 5]], args: [] },
      { shapes: [[2, 4, 3]], args: [1, { keep: true }] },
      { shapes: [[6]], args: [0], values: [[1, 4, 4, -3, -3, 0]] },
      { shapes: [[4]], args: [], values: [[1, Number.NaN, 5, Number.NaN]] },
    ],
  });
}

/** Where along `axis` (the last when left out) the largest number is; the first of equal ones, and NaN counts as largest. */
export const argMax: Search = search("argMax", (challenger, champion) => challenger > champion);

/** Where along `axis` (the last when left out) the smallest number is; the first of equal ones, and NaN counts as smallest. */
export const argMin: Search = search("argMin", (challenger, champion) => challenger < champion);
