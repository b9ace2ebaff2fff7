/** Operations on several tensors as functions, by NumPy's and PyTorch's names. */
import { CambiumError } from "../base/error.ts";
import { show } from "../base/shape.ts";
import { constant } from "../graph/op.ts";
import * as ops from "../ops/table.ts";
import { fromArray } from "./create.ts";
import { operand, type Ranked, Tensor } from "./tensor.ts";

type Value = Tensor | number;
const node = (x: Value) => operand(x, undefined);

/**
 * Products summed over the letters that the result leaves out: `einsum("ij,jk->ik", a, b)` is the matrix product.
 * @throws a `value` error when the equation does not fit the operands
 */
export const einsum = (equation: string, ...operands: readonly Tensor[]): Tensor => new Tensor(ops.einsum(equation, ...operands.map((x) => x.node)));

/** `a` where `condition` is not 0, else `b`. Which places are not 0 cannot be a result: its size would depend on the numbers. */
export const where = (condition: Tensor, a: Value, b: Value): Tensor => {
  const dtype = a instanceof Tensor ? a.dtype : b instanceof Tensor ? b.dtype : undefined;
  return new Tensor(ops.where(condition.node, operand(a, dtype), operand(b, dtype)));
};

/** Each of the vectors copied out over the axes of the others. `"xy"` puts the second in front, as NumPy does; `"ij"` keeps their order. */
export function meshgrid(vectors: readonly Tensor[], { indexing = "xy" }: { readonly indexing?: "xy" | "ij" } = {}): Tensor[] {
  const wrong = vectors.find((x) => x.rank !== 1);
  if (wrong) throw new CambiumError("shape", "meshgrid", `one input is ${show(wrong.shape)}; all are vectors`);
  if (indexing !== "xy" && indexing !== "ij") throw new CambiumError("name", "meshgrid", `there is no indexing "${String(indexing)}"; it is "xy" or "ij"`);
  const axis = (i: number): number => (indexing === "xy" && vectors.length > 1 && i < 2 ? 1 - i : i);
  const shape: number[] = [];
  vectors.forEach((x, i) => {
    shape[axis(i)] = x.size;
  });
  return vectors.map((x, i) => x.reshape(shape.map((_, at) => (at === axis(i) ? x.size : 1))).broadcast(shape));
}

/** The distance of each row of `a` from each row of `b`, by the p-norm. @shape a [..., m, d], b [..., n, d] → [..., m, n] */
export const cdist = (a: Tensor, b: Tensor, p = 2): Tensor => a.cdist(b, p);

/** The cosine of the angle between vectors along `axis`. */
export const cosineSimilarity = (a: Tensor, b: Tensor, axis = -1, eps = 1e-8): Tensor => a.cosineSimilarity(b, axis, eps);

/** The numbers of images or volumes at the points of `grid`. @shape images [batch, ...space, channels], grid [batch, ...points, 2 or 3] → [batch, ...points, channels] */
export const gridSample = (images: Tensor, grid: Tensor, options?: ops.SampleOptions): Tensor => new Tensor(ops.gridSample(images.node, grid.node, options));

/** The grid that reads images turned, scaled and moved by 2 × 3 matrices, or volumes by 3 × 4. @shape theta [batch, 2, 3] → [batch, ...sizes, 2] */
export const affineGrid = (theta: Tensor, sizes: readonly number[], alignCorners = false): Tensor =>
  new Tensor(ops.affineGrid(theta.node, sizes, alignCorners));

/** How many of the `sorted` numbers come before each of `numbers`. */
export const searchSorted = (sorted: Tensor, numbers: Value, options?: ops.Side): Tensor => new Tensor(ops.searchSorted(sorted.node, node(numbers), options));

/** Into which of the parts between `edges`, which rise, each number falls: 0 below the first. @source NumPy's `digitize`; PyTorch's `bucketize` is the same with `side: "left"` */
export const digitize = (numbers: Tensor, edges: Tensor, { side = "right" }: ops.Side = {}): Tensor => searchSorted(edges, numbers, { side });

/** How often each of the whole numbers from 0 to `length` − 1 occurs in `x`, or how much weight it has. */
export const bincount = (x: Tensor, length: number, weights?: Tensor): Tensor =>
  new Tensor(ops.bincount(x.node, weights?.node ?? constant(1, "int32"), length));

/** How many numbers lie in each of `bins` equal parts of `range`, by default from the smallest to the largest number. */
export function histogram(
  x: Tensor,
  { bins = 10, range }: { readonly bins?: number; readonly range?: readonly [low: number, high: number] } = {},
): { counts: Tensor; edges: Tensor } {
  const [low, high] = range ? [node(range[0]), node(range[1])].map((end) => new Tensor(end)) : [x.min(), x.max()];
  // Numbers that are all the same have a part of width 1 around them, as in NumPy.
  const flat = low!.equal(high!).mul(0.5);
  const [from, to] = [low!.sub(flat), high!.add(flat)];
  const counts = new Tensor(ops.histogramCounts(x.node, from.node, to.node, bins));
  const steps = fromArray(Float32Array.from({ length: bins + 1 }, (_, i) => i / bins));
  return { counts, edges: from.add(to.sub(from).mul(steps)) };
}

/** The `k` largest numbers along `axis`, largest first, and their places; with `largest` false the smallest. */
export const topK = (x: Tensor, k: number, axis = -1, options: { readonly largest?: boolean } = {}): Ranked => x.topK(k, axis, options);

/** The `k`-th smallest number along `axis`, counted from 1, and its place. */
export const kthValue = (x: Tensor, k: number, axis = -1, options: { readonly keep?: boolean } = {}): Ranked => x.kthValue(k, axis, options);

/** Two axes in each other's place. */
export const swapAxes = (x: Tensor, a: number, b: number): Tensor => x.transpose(a, b);

/** Each slice along `axis` on its own, without that axis. */
export const unbind = (x: Tensor, axis = 0): Tensor[] => x.unbind(axis);

/** Cut along `axis` into at most `count` pieces of one size, but for a smaller last one. */
export const chunk = (x: Tensor, count: number, axis = 0): Tensor[] => x.chunk(count, axis);

/** Each slice along `axis`, `times` times in a row. */
export const repeat = (x: Tensor, times: number, axis = 0): Tensor => x.repeat(times, axis);

/** The product of each number of one vector with each of the other. */
export const outer = (a: Tensor, b: Tensor): Tensor => a.outer(b);

/** Each number of `a` replaced by its product with all of `b`. */
export const kron = (a: Tensor, b: Tensor): Tensor => a.kron(b);

/** The vector that stands on both, of vectors of three numbers. */
export const cross = (a: Tensor, b: Tensor): Tensor => a.cross(b);
