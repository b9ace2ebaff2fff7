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
import { expandDims, moveAxis, reshape, squeeze } from "./movement.ts";
import { floor, mod, round } from "./rounding.ts";
import { slice, stack } from "./slice.ts";
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
function cubic(distance: Node, a: number): Node {
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

export interface SampleOptions {
  /** Default `"linear"`. */
  readonly method?: "linear" | "nearest";
  /** What lies outside: nothing, the nearest edge, or the mirror image. Default `"zeros"`. */
  readonly border?: "zeros" | "edge" | "reflect";
  /** Whether −1 and 1 are the middles of the corner pixels, not the corners. Default `false`. */
  readonly alignCorners?: boolean;
}

/** `at` mirrored until it lies between `low` and `high`. */
function mirrored(at: Node, low: number, high: number): Node {
  const span = high - low;
  if (span === 0) return mul(at, 0);
  const turn = mod(sub(at, low), 2 * span);
  return add(where(less(turn, span), turn, sub(2 * span, turn)), low);
}

/**
 * The numbers of images at the points of `grid`, whose last axis holds x and y, −1 and 1 being the edges.
 * @shape images [batch, height, width, channels], grid [batch, ...points, 2] → [batch, ...points, channels]
 * @source PyTorch's `grid_sample`, channels last
 */
export const gridSample: Op<["images", "grid"], [options?: SampleOptions]> = defineOp({
  name: "gridSample",
  kind: "composite",
  inputs: ["images", "grid"],
  attrs: (_, { method = "linear", border = "zeros", alignCorners = false }: SampleOptions = {}) => {
    if (method !== "linear" && method !== "nearest") throw new CambiumError("name", "gridSample", `there is no method "${String(method)}"; it is "linear" or "nearest"`);
    if (!["zeros", "edge", "reflect"].includes(border)) throw new CambiumError("name", "gridSample", `there is no border "${String(border)}"; it is "zeros", "edge" or "reflect"`);
    return { method, border, alignCorners };
  },
  shape: ([images, grid]) => {
    if (images!.length !== 4 || grid!.length < 2 || grid!.at(-1) !== 2 || grid![0] !== images![0])
      throw new CambiumError("shape", "gridSample", `images are ${show(images!)}, grid is ${show(grid!)}; they are [batch, height, width, channels] and [batch, ...points, 2]`);
    return [...grid!.slice(0, -1), images![3]!];
  },
  dtype: floating,
  decompose: ({ images, grid, out }, { method, border, alignCorners }) => {
    const [batch, height, width, channels] = images.shape as [number, number, number, number];
    const points = grid.shape.slice(0, -1);
    const axisOf = (i: number, length: number): Node => {
      const share = squeeze(slice(grid, [...points.map(() => 0), i], [...points, i + 1]), -1);
      const at = alignCorners ? mul(add(share, 1), (length - 1) / 2) : sub(mul(add(share, 1), length / 2), 0.5);
      if (border === "zeros") return at;
      const inside = border === "edge" ? at : alignCorners ? mirrored(at, 0, length - 1) : mirrored(at, -0.5, length - 0.5);
      return clamp(inside, 0, length - 1);
    };
    const [x, y] = [axisOf(0, width), axisOf(1, height)];
    const flat = reshape(castTo(images, out.dtype), [batch * height * width, channels]);
    const first = mul(range([batch, ...points.slice(1).map(() => 1)], 0), height * width);
    const at = (row: Node, column: Node): Node => {
      const inside = logicalAnd(logicalAnd(greaterEqual(row, 0), less(row, height)), logicalAnd(greaterEqual(column, 0), less(column, width)));
      return gather(flat, where(inside, add(castTo(add(mul(where(inside, row, 0), width), where(inside, column, 0)), "int32"), first), -1));
    };
    if (method === "nearest") return at(round(y), round(x));
    const [top, left] = [floor(y), floor(x)];
    const [down, right] = [sub(y, top), sub(x, left)];
    const corner = (row: Node, column: Node, share: Node): Node => mul(at(row, column), expandDims(share, -1));
    return [
      corner(top, left, mul(sub(1, down), sub(1, right))),
      corner(top, add(left, 1), mul(sub(1, down), right)),
      corner(add(top, 1), left, mul(down, sub(1, right))),
      corner(add(top, 1), add(left, 1), mul(down, right)),
    ].reduce((a, b) => add(a, b));
  },
  cases: [
    { shapes: [[1, 3, 4, 2], [1, 5, 2]], args: [] },
    { shapes: [[2, 3, 2, 1], [2, 2, 3, 2]], args: [{ border: "edge", alignCorners: true }], domain: [-0.9, 0.9] },
    { shapes: [[1, 3, 3, 1], [1, 4, 2]], args: [{ border: "reflect" }] },
    { shapes: [[1, 3, 4, 2], [1, 5, 2]], args: [{ method: "nearest" }] },
  ],
  method: false,
});

/**
 * The grid that reads images turned, scaled and moved by the 2 × 3 matrices `theta`: for `gridSample`.
 * @shape theta [batch, 2, 3] → [batch, height, width, 2]
 * @source PyTorch's `affine_grid`
 */
export const affineGrid: Op<["theta"], [sizes: readonly [height: number, width: number], alignCorners?: boolean]> = defineOp({
  name: "affineGrid",
  kind: "composite",
  inputs: ["theta"],
  attrs: (_, [height, width]: readonly [height: number, width: number], alignCorners = false) => ({ height, width, alignCorners }),
  shape: ([theta], { height, width }) => {
    if (theta!.length !== 3 || theta![1] !== 2 || theta![2] !== 3) throw new CambiumError("shape", "affineGrid", `theta is ${show(theta!)}; it holds a 2 × 3 matrix for each image: [batch, 2, 3]`);
    return [theta![0]!, height, width, 2];
  },
  dtype: floating,
  decompose: ({ theta, out }, { height, width, alignCorners }) => {
    const line = (count: number): Node => {
      const place = range([count], 0, out.dtype);
      return alignCorners ? sub(mul(place, count > 1 ? 2 / (count - 1) : 0), count > 1 ? 1 : 0) : sub(mul(add(place, 0.5), 2 / count), 1);
    };
    const [x, y] = [reshape(line(width), [1, width]), reshape(line(height), [height, 1])];
    const entry = (row: number, column: number): Node => reshape(slice(castTo(theta, out.dtype), [0, row, column], [theta.shape[0]!, row + 1, column + 1]), [theta.shape[0]!, 1, 1]);
    return stack([0, 1].map((row) => add(add(mul(entry(row, 0), x), mul(entry(row, 1), y)), entry(row, 2))), -1);
  },
  cases: [{ shapes: [[2, 2, 3]], args: [[3, 4]] }, { shapes: [[1, 2, 3]], args: [[2, 1], true] }],
  method: false,
});
