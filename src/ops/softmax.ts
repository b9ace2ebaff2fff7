/** From scores to shares, and how surprising the truth is to them. */
import { isFloat } from "../base/dtype.ts";
import { CambiumError } from "../base/error.ts";
import { type Axes, resolveAxis, same, show, type Shape, strides } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import { type Block, defineOp, type Op } from "../graph/op.ts";
import { add, div, maximum, mul, neg, sub } from "./arithmetic.ts";
import { leadAxis, shiftAxes } from "./axes.ts";
import { castTo } from "./cast.ts";
import { equal, greaterEqual, isFinite, less, logicalAnd, where } from "./compare.ts";
import { floating } from "./elementwise.ts";
import { onEveryOne } from "./examples.ts";
import { exp, log } from "./exponential.ts";
import { gatherAlong, oneHot } from "./gather.ts";
import { expandDims, reshape } from "./movement.ts";
import { eachPosition } from "./positions.ts";
import { max } from "./reduction.ts";
import { fold, foldedShape, type Keep, sum, unfold } from "./spread.ts";

const alongAxis =
  (name: string) =>
  ([x]: Shape[], axis = -1): { axis: number } => ({ axis: resolveAxis(name, axis, x!.length) });

/** Calls `visit` for each line of `x` along `axis`, with where its numbers lie. */
function eachLine(x: Block, axis: number, visit: (places: number[]) => void): void {
  const steps = strides(x.shape);
  const length = x.shape[axis]!;
  eachPosition(x.shape.with(axis, Math.min(length, 1)), steps, (_, j) => visit(Array.from({ length }, (_, i) => j + i * steps[axis]!)));
}

const cases = [
  { shapes: [[3, 4]], args: [] },
  { shapes: [[3, 4]], args: [0] },
  { shapes: [[2, 1, 5]], args: [1] },
  { shapes: [[2, 3]], args: [], values: [[1000, 1001, 999, -1000, -1000, -999]] },
] satisfies { shapes: number[][]; args: [axis?: number]; values?: number[][] }[];

/** Scores along `axis` turned into shares that add up to 1. */
export const softmax: Op<["x"], [axis?: number]> = defineOp({
  name: "softmax",
  kind: "composite",
  inputs: ["x"],
  attrs: alongAxis("softmax"),
  shape: ([x]) => x!,
  dtype: floating,
  gradient: (dy, { out }, { axis }) => ({ x: mul(out, sub(dy, sum(mul(dy, out), axis, { keep: true }))) }),
  decompose: ({ x }, { axis }) => {
    const weights = exp(sub(x, max(x, axis, { keep: true })));
    return div(weights, sum(weights, axis, { keep: true }));
  },
  reference: (out, [x], { axis }) =>
    eachLine(x!, axis, (places) => {
      const top = Math.max(...places.map((j) => x!.data[j]!));
      let total = 0;
      for (const j of places) total += out.data[j] = Math.exp(x!.data[j]! - top);
      for (const j of places) out.data[j]! /= total;
    }),
  batch: shiftAxes,
  cases,
});

/**
 * `softmax`, but a line of nothing but −∞ becomes zeros: nobody may have a share.
 * @source PyTorch's scaled dot-product attention
 */
export const safeSoftmax: Op<["x"], [axis?: number]> = defineOp({
  name: "safeSoftmax",
  kind: "composite",
  inputs: ["x"],
  attrs: alongAxis("safeSoftmax"),
  shape: ([x]) => x!,
  dtype: floating,
  gradient: (dy, { out }, { axis }) => ({ x: mul(out, sub(dy, sum(mul(dy, out), axis, { keep: true }))) }),
  // A line that has a largest number has a total of at least e⁰.
  decompose: ({ x }, { axis }) => {
    const top = max(x, axis, { keep: true });
    const weights = exp(sub(x, where(equal(top, Number.NEGATIVE_INFINITY), 0, top)));
    return div(weights, maximum(sum(weights, axis, { keep: true }), 1));
  },
  batch: shiftAxes,
  cases: [
    ...cases,
    { shapes: [[2, 3]], args: [], values: [[Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY, 1, Number.NEGATIVE_INFINITY, 2]] },
  ],
  method: false,
});

/** The logarithm of `softmax`, exact for tiny shares too. */
export const logSoftmax: Op<["x"], [axis?: number]> = defineOp({
  name: "logSoftmax",
  kind: "composite",
  inputs: ["x"],
  attrs: alongAxis("logSoftmax"),
  shape: ([x]) => x!,
  dtype: floating,
  gradient: (dy, { out }, { axis }) => ({ x: sub(dy, mul(exp(out), sum(dy, axis, { keep: true }))) }),
  decompose: ({ x }, { axis }) => {
    const shifted = sub(x, max(x, axis, { keep: true }));
    return sub(shifted, log(sum(exp(shifted), axis, { keep: true })));
  },
  reference: (out, [x], { axis }) =>
    eachLine(x!, axis, (places) => {
      const top = Math.max(...places.map((j) => x!.data[j]!));
      const rest = Math.log(places.reduce((total, j) => total + Math.exp(x!.data[j]! - top), 0));
      for (const j of places) out.data[j] = x!.data[j]! - top - rest;
    }),
  batch: shiftAxes,
  cases,
});

/** The logarithm of the sum of `eˣ` over `axes` (all of them when left out), without overflow. */
export const logSumExp: Op<["x"], [axes?: Axes, options?: Keep]> = defineOp({
  name: "logSumExp",
  kind: "composite",
  inputs: ["x"],
  attrs: fold("logSumExp"),
  shape: foldedShape,
  dtype: floating,
  gradient: (dy, { x, out }, { axes }) => ({ x: mul(unfold(dy, x, axes), exp(sub(x, unfold(out, x, axes)))) }),
  decompose: ({ x, out }, { axes }) => {
    const top = max(x, axes, { keep: true });
    const shift = where(isFinite(top), top, 0);
    return reshape(add(log(sum(exp(sub(x, shift)), axes, { keep: true })), shift), out.shape);
  },
  batch: shiftAxes,
  cases: [
    { shapes: [[3, 4]], args: [] },
    { shapes: [[3, 4]], args: [0, { keep: true }] },
    { shapes: [[2, 3, 2]], args: [[0, 2]] },
    { shapes: [[2, 2]], args: [1], values: [[1000, 1001, -1000, -1000]] },
  ],
});

/** Whether labels are class numbers, one a sample, and not shares of each class. */
const isSparse = (labels: Node, logits: Node): boolean => labels.shape.length < logits.shape.length;
const asPlaces = (labels: Node): Node => (isFloat(labels.dtype) ? castTo(labels, "int32") : labels);

/**
 * How surprising the labels are to the scores, one number a sample, from scores before any softmax. Labels are class numbers,
 * or shares of each class; a class number outside the classes counts nothing.
 * @shape logits [..., classes], labels [...] or [..., classes] → [...]
 */
export const crossEntropy: Op<["logits", "labels"]> = defineOp({
  name: "crossEntropy",
  kind: "composite",
  inputs: ["logits", "labels"],
  shape: ([logits, labels]) => {
    const samples = logits!.slice(0, -1);
    if (logits!.length === 0 || (!same(labels!, samples) && !same(labels!, logits!)))
      throw new CambiumError(
        "shape",
        "crossEntropy",
        `logits are ${show(logits!)}, labels are ${show(labels!)}; labels must be class numbers of shape ${show(samples)} or shares of shape ${show(logits!)}`,
        same(labels!, [...samples, 1]) ? "the labels have an axis too many: try labels.squeeze(-1)" : undefined,
      );
    return samples;
  },
  dtype: ([logits]) => floating([logits!]),
  gradient: (dy, { logits, labels }) => {
    const each = expandDims(dy, -1);
    return {
      get logits(): Node {
        if (!isSparse(labels, logits)) return mul(sub(mul(softmax(logits), sum(labels, -1, { keep: true })), labels), each);
        const classes = logits.shape[logits.shape.length - 1]!;
        const places = asPlaces(labels);
        const counts = logicalAnd(greaterEqual(places, 0), less(places, classes));
        return mul(sub(softmax(logits), oneHot(places, classes, floating([logits.dtype]))), expandDims(where(counts, dy, 0), -1));
      },
      get labels(): Node | undefined {
        return isSparse(labels, logits) ? undefined : neg(mul(logSoftmax(logits), each));
      },
    };
  },
  decompose: ({ logits, labels, out }) => {
    const surprise = neg(logSoftmax(logits));
    return isSparse(labels, logits) ? reshape(gatherAlong(surprise, expandDims(asPlaces(labels), -1)), out.shape) : sum(mul(surprise, labels), -1);
  },
  batch: onEveryOne(leadAxis),
  cases: [
    { shapes: [[3, 4], [3]], args: [], dtypes: ["float32", "int32"], values: [undefined, [3, 0, 1]] },
    { shapes: [[2, 3, 2], [2, 3]], args: [], dtypes: ["float32", "uint8"], values: [undefined, [0, 1, 1, 1, 0, 0]] },
    { shapes: [[3, 4], [3]], args: [], dtypes: ["float32", "int32"], values: [undefined, [-100, 0, 1]] },
    { shapes: [[3, 4], [3]], args: [], values: [undefined, [3.5, 0.5, 1.5]] },
    { shapes: [[3, 4], [3, 4]], args: [], domain: [0.1, 1] },
  ],
  method: false,
});
