/** The numbers of images and volumes between their pixels. Layout is channels last: [batch, ...space, channels]. */
import { CambiumError } from "../base/error.ts";
import { isShort } from "../base/dtype.ts";
import { show, size } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import { defineOp, type Op } from "../graph/op.ts";
import { add, clamp, mul, sub } from "./arithmetic.ts";
import { castTo } from "./cast.ts";
import { greaterEqual, less, logicalAnd, where } from "./compare.ts";
import { floating } from "./elementwise.ts";
import { gather, range } from "./gather.ts";
import { cubic } from "./interpolation.ts";
import { expandDims, reshape, squeeze } from "./movement.ts";
import { floor, mod, round } from "./rounding.ts";
import { slice, stack } from "./slice.ts";

export interface SampleOptions {
  /** Between the two nearest pixels along each axis, the nearest alone, or a curve through four (of images only). Default `"linear"`. */
  readonly method?: "linear" | "nearest" | "cubic";
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

/** A place along an axis of `length`, or where the border has it come from. */
function bounded(at: Node, length: number, { border, alignCorners }: Required<Omit<SampleOptions, "method">>): Node {
  if (border === "zeros") return at;
  const inside = border === "edge" ? at : alignCorners ? mirrored(at, 0, length - 1) : mirrored(at, -0.5, length - 0.5);
  return clamp(inside, 0, length - 1);
}

/** A number's neighbours along one axis and how much each of them counts. */
type Neighbours = readonly (readonly [place: Node, share: Node])[];

/** Each choice of one neighbour along every axis. */
const corners = (axes: readonly Neighbours[]): Neighbours[] => axes.reduce<Neighbours[]>((all, along) => all.flatMap((rest) => along.map((one) => [...rest, one])), [[]]);

/**
 * The numbers of images, or volumes, at the points of `grid`, whose last axis holds x, y (and z), −1 and 1 being the edges.
 * @shape images [batch, ...space, channels], grid [batch, ...points, 2 or 3] → [batch, ...points, channels]
 * @source PyTorch's `grid_sample`, channels last
 */
export const gridSample: Op<["images", "grid"], [options?: SampleOptions]> = defineOp({
  name: "gridSample",
  kind: "composite",
  inputs: ["images", "grid"],
  attrs: ([images], { method = "linear", border = "zeros", alignCorners = false }: SampleOptions = {}) => {
    if (method !== "linear" && method !== "nearest" && method !== "cubic") throw new CambiumError("name", "gridSample", `there is no method "${String(method)}"; it is "linear", "nearest" or "cubic"`);
    if (method === "cubic" && images!.length !== 4) throw new CambiumError("value", "gridSample", `"cubic" is for images of two axes, these have ${images!.length - 2}`);
    if (!["zeros", "edge", "reflect"].includes(border)) throw new CambiumError("name", "gridSample", `there is no border "${String(border)}"; it is "zeros", "edge" or "reflect"`);
    return { method, border, alignCorners };
  },
  shape: ([images, grid]) => {
    const axes = images!.length - 2;
    if ((axes !== 2 && axes !== 3) || grid!.length < 2 || grid!.at(-1) !== axes || grid![0] !== images![0])
      throw new CambiumError("shape", "gridSample", `images are ${show(images!)}, grid is ${show(grid!)}; they are [batch, height, width, channels] and [batch, ...points, 2], or [batch, depth, height, width, channels] and [batch, ...points, 3]`);
    return [...grid!.slice(0, -1), images!.at(-1)!];
  },
  dtype: floating,
  decompose: ({ images, grid, out }, { method, border, alignCorners }) => {
    const space = images.shape.slice(1, -1);
    const [batch, channels] = [images.shape[0]!, images.shape.at(-1)!];
    const points = grid.shape.slice(0, -1);
    // Places between pixels need more digits than a short float has.
    const fine = isShort(grid.dtype) ? castTo(grid, "float32") : grid;
    // The grid's first number is along the last axis.
    const at = space.map((length, i): Node => {
      const axis = space.length - 1 - i;
      const share = squeeze(slice(fine, [...points.map(() => 0), axis], [...points, axis + 1]), -1);
      const place = alignCorners ? mul(add(share, 1), (length - 1) / 2) : sub(mul(add(share, 1), length / 2), 0.5);
      return method === "cubic" ? place : bounded(place, length, { border, alignCorners });
    });
    const flat = reshape(castTo(images, out.dtype), [batch * size(space), channels]);
    const first = mul(range([batch, ...points.slice(1).map(() => 1)], 0), size(space));
    const pixel = (places: readonly Node[]): Node => {
      const inside = places.map((place, i) => logicalAnd(greaterEqual(place, 0), less(place, space[i]!))).reduce((a, b) => logicalAnd(a, b));
      const row = places.map((place) => where(inside, place, 0)).reduce((all, place, i) => add(mul(all, space[i]!), place));
      return gather(flat, where(inside, add(castTo(row, "int32"), first), -1));
    };
    if (method === "nearest") return pixel(at.map((place) => round(place)));
    const axes = at.map((place, i): Neighbours => {
      const low = floor(place);
      const share = sub(place, low);
      if (method === "linear") return [[low, sub(1, share)], [add(low, 1), share]];
      return [-1, 0, 1, 2].map((step) => [bounded(add(low, step), space[i]!, { border, alignCorners }), cubic(sub(share, step), -0.75)]);
    });
    const sums = corners(axes)
      .map((corner) => mul(pixel(corner.map(([place]) => place)), expandDims(corner.map(([, share]) => share).reduce((a, b) => mul(a, b)), -1)))
      .reduce((a, b) => add(a, b));
    return castTo(sums, out.dtype);
  },
  cases: [
    { shapes: [[1, 3, 4, 2], [1, 5, 2]], args: [] },
    { shapes: [[2, 3, 2, 1], [2, 2, 3, 2]], args: [{ border: "edge", alignCorners: true }], domain: [-0.9, 0.9] },
    { shapes: [[1, 3, 3, 1], [1, 4, 2]], args: [{ border: "reflect" }] },
    { shapes: [[1, 3, 4, 2], [1, 5, 2]], args: [{ method: "nearest" }] },
    { shapes: [[1, 4, 4, 1], [1, 3, 2]], args: [{ method: "cubic", border: "reflect" }] },
    { shapes: [[1, 2, 3, 2, 2], [1, 4, 3]], args: [], domain: [-0.9, 0.9] },
  ],
  method: false,
});

/**
 * The grid that reads images or volumes turned, scaled and moved by the matrices `theta`: for `gridSample`.
 * @shape theta [batch, 2, 3] and two sizes → [batch, height, width, 2]; theta [batch, 3, 4] and three sizes → [batch, depth, height, width, 3]
 * @source PyTorch's `affine_grid`
 */
export const affineGrid: Op<["theta"], [sizes: readonly number[], alignCorners?: boolean]> = defineOp({
  name: "affineGrid",
  kind: "composite",
  inputs: ["theta"],
  attrs: (_, sizes: readonly number[], alignCorners = false) => ({ sizes: [...sizes], alignCorners }),
  shape: ([theta], { sizes }) => {
    const axes = sizes.length;
    if ((axes !== 2 && axes !== 3) || theta!.length !== 3 || theta![1] !== axes || theta![2] !== axes + 1)
      throw new CambiumError("shape", "affineGrid", `theta is ${show(theta!)} for sizes ${show(sizes)}; it holds a 2 × 3 matrix for each image, [batch, 2, 3], or a 3 × 4 matrix for each volume`);
    return [theta![0]!, ...sizes, axes];
  },
  dtype: floating,
  decompose: ({ theta, out }, { sizes, alignCorners }) => {
    const ones = sizes.map(() => 1);
    // x comes first, and lies along the last axis.
    const lines = sizes.map((count: number, i: number): Node => {
      const place = range([count], 0, out.dtype);
      const line = alignCorners ? sub(mul(place, count > 1 ? 2 / (count - 1) : 0), count > 1 ? 1 : 0) : sub(mul(add(place, 0.5), 2 / count), 1);
      return reshape(line, ones.with(i, count));
    }).reverse();
    const entry = (row: number, column: number): Node => reshape(slice(castTo(theta, out.dtype), [0, row, column], [theta.shape[0]!, row + 1, column + 1]), [theta.shape[0]!, ...ones]);
    const row = (r: number): Node => lines.reduce((sum: Node, line: Node, c: number) => add(mul(entry(r, c), line), sum), entry(r, sizes.length));
    return stack(lines.map((_: Node, r: number) => row(r)), -1);
  },
  cases: [{ shapes: [[2, 2, 3]], args: [[3, 4]] }, { shapes: [[1, 2, 3]], args: [[2, 1], true] }, { shapes: [[1, 3, 4]], args: [[2, 3, 2]] }],
  method: false,
});
