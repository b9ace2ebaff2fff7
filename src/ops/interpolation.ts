/** Images in other sizes, and numbers between the pixels. Layout is channels last: [batch, ...spatial, channels], or whatever `axes` say. */
import { CambiumError } from "../base/error.ts";
import { resolveAxis, show, size } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import { defineOp, type Op } from "../graph/op.ts";
import { abs, add, clamp, div, mul, sub } from "./arithmetic.ts";
import { castTo } from "./cast.ts";
import { greaterEqual, less, lessEqual, logicalAnd, where } from "./compare.ts";
import { floating } from "./elementwise.ts";
import { gather, range } from "./gather.ts";
import { matmul } from "./matmul.ts";
import { moveAxis, reshape } from "./movement.ts";
import { floor } from "./rounding.ts";
import { sum } from "./spread.ts";

export type Resampling = "nearest" | "nearestExact" | "linear" | "cubic" | "area";

export interface ResizeOptions {
  /** Axes that change, one for each size. Default: those from 1 on. */
  readonly axes?: readonly number[];
  /** `"nearest"` as PyTorch has it (the pixel above and left), `"nearestExact"` as Keras has it, `"linear"` (bilinear, trilinear), `"cubic"` or `"area"`. Default `"nearest"`. */
  readonly method?: Resampling;
  /** Whether the corner pixels' middles, not the corners, lie on each other. Default `false`. */
  readonly alignCorners?: boolean;
  /** Of cubic curves: −0.75 as PyTorch has it (the default), −0.5 as Keras has it. */
  readonly cubicCoefficient?: number;
  /** What cubic curves take for pixels beyond the edge: the edge (the default), as PyTorch has it, or none, the others weighing more, as TensorFlow has it. */
  readonly cubicEdge?: "repeated" | "leftOut";
  /** How many new places there are to each old one, along each axis: where sizes were rounded, it is not what the sizes say. Has no meaning for `alignCorners` and `"area"`. */
  readonly scales?: readonly number[];
}

/** How one axis is resized: `step` is how many old places there are to each new one. */
type Along = Required<Omit<ResizeOptions, "axes" | "scales">> & { readonly step: number };

const methods: readonly string[] = ["nearest", "nearestExact", "linear", "cubic", "area"];

/** The cubic convolution curve at a distance. @source Keys, "Cubic convolution interpolation for digital image processing" (1981) */
export function cubic(distance: Node, a: number): Node {
  const x = abs(distance);
  const near = add(mul(mul(sub(mul(x, a + 2), a + 3), x), x), 1);
  const far = mul(sub(mul(add(mul(sub(x, 5), x), 8), x), 4), a);
  return where(lessEqual(x, 1), near, where(less(x, 2), far, 0));
}

/** Where along the old axis each place of the new one lies. */
function origins(from: number, to: number, { alignCorners, step }: Along): Node {
  const place = range([to], 0, "float64");
  if (alignCorners) return mul(place, to > 1 ? (from - 1) / (to - 1) : 0);
  return sub(mul(add(place, 0.5), step), 0.5);
}

/** `x` with `weights` along `axis`. */
const weighted = (x: Node, weights: Node, axis: number): Node => mul(x, reshape(weights, x.shape.map((_, i) => (i === axis ? weights.shape[0]! : 1))));

function resizeAxis(x: Node, axis: number, to: number, along: Along): Node {
  const { method, cubicCoefficient, cubicEdge, step } = along;
  const from = x.shape[axis]!;
  const at = (place: Node): Node => gather(x, castTo(clamp(place, 0, from - 1), "int32"), axis);
  switch (method) {
    case "nearest":
      return at(floor(mul(range([to], 0, "float64"), step)));
    case "nearestExact":
      return at(floor(mul(add(range([to], 0, "float64"), 0.5), step)));
    case "area": {
      // Each new pixel is the mean of the old ones it touches, as in adaptive average pooling.
      const [place, old] = [range([to, 1], 0, "float64"), range([from], 0, "float64")];
      const inside = castTo(logicalAnd(less(mul(old, to), mul(add(place, 1), from)), less(mul(place, from), mul(add(old, 1), to))), "float64");
      const weights = castTo(div(inside, sum(inside, 1, { keep: true })), x.dtype);
      const rest = x.shape.toSpliced(axis, 1);
      return moveAxis(reshape(matmul(weights, reshape(moveAxis(x, axis, 0), [from, size(rest)])), [to, ...rest]), 0, axis);
    }
    case "linear": {
      const origin = clamp(origins(from, to, along), 0, from - 1);
      const low = floor(origin);
      const share = castTo(sub(origin, low), x.dtype);
      return add(weighted(at(low), sub(1, share), axis), weighted(at(add(low, 1)), share, axis));
    }
    default: {
      const origin = origins(from, to, along);
      const low = floor(origin);
      const places = [-1, 0, 1, 2].map((step) => add(low, step));
      const curve = places.map((place) => cubic(sub(origin, place), cubicCoefficient));
      const kept = curve.map((weight, i) => where(logicalAnd(greaterEqual(places[i]!, 0), less(places[i]!, from)), weight, 0));
      const all = kept.reduce((a, b) => add(a, b));
      const weights = cubicEdge === "repeated" ? curve : kept.map((weight) => div(weight, all));
      return places.map((place, i) => weighted(at(place), castTo(weights[i]!, x.dtype), axis)).reduce((a, b) => add(a, b));
    }
  }
}

/**
 * `x` with other sizes along its spatial axes.
 * @shape [batch, ...spatial, channels] → [batch, ...sizes, channels]
 * @source PyTorch's `interpolate`; Keras' `resize` is `"nearestExact"`, `"linear"`, or `"cubic"` with `cubicCoefficient: -0.5` and `cubicEdge: "leftOut"`
 */
export const resize: Op<["x"], [sizes: readonly number[], options?: ResizeOptions]> = defineOp({
  name: "resize",
  kind: "composite",
  inputs: ["x"],
  attrs: ([x], sizes: readonly number[], { axes = sizes.map((_, i) => i + 1), method = "nearest", alignCorners = false, cubicCoefficient = -0.75, cubicEdge = "repeated", scales }: ResizeOptions = {}) => {
    if (!methods.includes(method)) throw new CambiumError("name", "resize", `there is no method "${String(method)}"; it is "nearest", "nearestExact", "linear", "cubic" or "area"`, method.startsWith("bi") ? `"${method.slice(2)}" does it over all axes given` : undefined);
    if (alignCorners && method !== "linear" && method !== "cubic") throw new CambiumError("value", "resize", `alignCorners has no meaning for "${method}"; it is for "linear" and "cubic"`);
    if (axes.length !== sizes.length || axes.length > x!.length) throw new CambiumError("shape", "resize", `${sizes.length} sizes are given for axes ${show(axes)} of ${show(x!)}; give one for each`);
    if (scales && (scales.length !== sizes.length || !scales.every((n) => n > 0 && Number.isFinite(n))))
      throw new CambiumError("value", "resize", `scales are ${show(scales)} for sizes ${show(sizes)}; they are numbers above 0, one for each`);
    const along = axes.map((axis) => resolveAxis("resize", axis, x!.length));
    sizes.forEach((d, i) => {
      if (!Number.isInteger(d) || d < 1) throw new CambiumError("value", "resize", `sizes are whole numbers from 1, got ${d}`);
      if (x![along[i]!] === 0) throw new CambiumError("shape", "resize", `axis ${along[i]} of ${show(x!)} has no pixels to resize`);
    });
    const steps = sizes.map((d, i) => (scales ? 1 / scales[i]! : x![along[i]!]! / d));
    return { sizes: [...sizes], axes: along, method, alignCorners, cubicCoefficient, cubicEdge, steps };
  },
  shape: ([x], { sizes, axes }) => x!.map((d, i) => (axes.includes(i) ? sizes[axes.indexOf(i)]! : d)),
  dtype: (dtypes, { method }) => (method.startsWith("nearest") ? dtypes[0]! : floating(dtypes)),
  decompose: ({ x, out }, { sizes, axes, steps, ...options }) =>
    axes.reduce((image: Node, axis: number, i: number) => {
      const still = image.shape[axis] === sizes[i] && options.method !== "cubic" && (steps[i] === 1 || !options.method.startsWith("nearest"));
      return still ? image : resizeAxis(image, axis, sizes[i]!, { ...options, step: steps[i]! });
    }, castTo(x, out.dtype)),
  cases: [
    { shapes: [[1, 3, 4, 2]], args: [[5, 7]] },
    { shapes: [[1, 5, 2]], args: [[3], { method: "nearestExact" }] },
    { shapes: [[1, 3, 4, 1]], args: [[5, 2], { method: "linear" }] },
    { shapes: [[2, 3]], args: [[6], { method: "linear", alignCorners: true }] },
    { shapes: [[1, 1, 4, 3]], args: [[7, 2], { method: "cubic", axes: [2, 3] }] },
    { shapes: [[1, 4, 3, 1]], args: [[7, 4], { method: "cubic", cubicEdge: "leftOut" }] },
    { shapes: [[1, 5, 4, 1]], args: [[3, 3], { method: "area" }] },
    { shapes: [[1, 5, 3, 1]], args: [[7, 3], { method: "linear", scales: [1.5, 1.2] }] },
  ],
});
