/** NumPy's and PyTorch's functions that put arrays together, and go along them. */
import { type DType, isFloat } from "../base/dtype.ts";
import { CambiumError } from "../base/error.ts";
import { resolveAxis, same, type Shape, show, size } from "../base/shape.ts";
import { conv } from "../ops/conv.ts";
import { concat, fromArray, full, stack } from "./create.ts";
import { searchSorted, where as chosen } from "./functions.ts";
import { solve } from "./linalg.ts";
import { Tensor } from "./tensor.ts";

const floats = (x: Tensor): Tensor => (isFloat(x.dtype) ? x : x.to("float32"));
const all = <T>(shape: Shape, value: T): T[] => shape.map(() => value);

/** The places from `from` to `to` along `axis`, all of the others. */
function between(x: Tensor, axis: number, from: number, to: number): Tensor {
  return x.slice(all(x.shape, 0).with(axis, from), [...x.shape].with(axis, to));
}

/** One number everywhere, in the shape of `x` and, unless given, its dtype. */
export const fullLike = (x: Tensor, value: number, { dtype = x.dtype }: { dtype?: DType } = {}): Tensor => full(x.shape, value, { dtype });

/** `count` numbers from `base ** start` to `base ** stop`, evenly spaced in their logarithm. */
export const logspace = (start: number, stop: number, count: number, base = 10): Tensor =>
  fromArray(Float32Array.from({ length: count }, (_, i) => base ** (count === 1 ? start : start + ((stop - start) * i) / (count - 1))));

/** `count` numbers from `start` to `stop`, each the same factor larger. @source NumPy's `geomspace` */
export function geomspace(start: number, stop: number, count: number): Tensor {
  if (!(start * stop > 0)) throw new CambiumError("value", "geomspace", `from ${start} to ${stop} no factor leads; both are above 0, or both below`);
  return fromArray(Float32Array.from({ length: count }, (_, i) => (count === 1 ? start : start * (stop / start) ** (i / (count - 1)))));
}

/** At least `rank` axes, new ones of size 1 in front. @source NumPy's `atleast_1d`, `atleast_2d` (and, but for the place of new axes, `atleast_3d`) */
export const atLeast = (x: Tensor, rank: number): Tensor => (x.rank >= rank ? x : x.reshape([...new Array<number>(rank - x.rank).fill(1), ...x.shape]));

/** Joined along axis 1; vectors along their only axis. @source NumPy's `hstack` */
export function hstack(tensors: readonly Tensor[]): Tensor {
  const given = tensors.map((x) => atLeast(x, 1));
  return concat(given, given[0]?.rank === 1 ? 0 : 1);
}

/** Joined along axis 0, vectors as rows. @source NumPy's `vstack` */
export const vstack = (tensors: readonly Tensor[]): Tensor =>
  concat(
    tensors.map((x) => atLeast(x, 2)),
    0,
  );

/** Joined along axis 2, vectors [n] as [1, n, 1] and matrices [m, n] as [m, n, 1]. @source NumPy's `dstack` */
export const dstack = (tensors: readonly Tensor[]): Tensor =>
  concat(
    tensors.map((x) => (x.rank < 3 ? atLeast(x, 2).expandDims(2) : x)),
    2,
  );

/** Joined along axis 1, vectors as columns. @source NumPy's `column_stack` */
export const columnStack = (tensors: readonly Tensor[]): Tensor =>
  concat(
    tensors.map((x) => (x.rank < 2 ? x.reshape([x.size, 1]) : x)),
    1,
  );

/** Cut along `axis` into `pieces` pieces as even as can be, larger ones first, or before each of the given places. @source NumPy's `array_split`, PyTorch's `tensor_split` */
export function tensorSplit(x: Tensor, pieces: number | readonly number[], axis = 0): Tensor[] {
  const along = resolveAxis("tensorSplit", axis, x.rank);
  const length = x.shape[along]!;
  if (typeof pieces === "number" && !(Number.isInteger(pieces) && pieces > 0))
    throw new CambiumError("value", "tensorSplit", `pieces is a whole number from 1, got ${pieces}`);
  const inside = (place: number): number => Math.min(Math.max(place < 0 ? place + length : place, 0), length);
  const even = (n: number): number[] => Array.from({ length: n - 1 }, (_, i) => Math.floor(length / n) * (i + 1) + Math.min(i + 1, length % n));
  const ends = [...(typeof pieces === "number" ? even(pieces) : pieces.map(inside)), length];
  return ends.map((end, i) => between(x, along, Math.min(ends[i - 1] ?? 0, end), end));
}

/** The plane of two axes turned by quarters of a circle, from the first towards the second. @source NumPy's `rot90` */
export function rot90(x: Tensor, times = 1, axes: readonly [number, number] = [0, 1]): Tensor {
  const [a, b] = axes.map((axis) => resolveAxis("rot90", axis, x.rank)) as [number, number];
  if (a === b) throw new CambiumError("value", "rot90", `a plane needs two axes, got axis ${a} twice`);
  const quarters = ((times % 4) + 4) % 4;
  if (quarters === 0) return x;
  if (quarters === 2) return x.flip([a, b]);
  return quarters === 1 ? x.flip(b).transpose(a, b) : x.transpose(a, b).flip(b);
}

/** Matrices along a diagonal, zeros elsewhere; vectors count as rows. @source SciPy's and PyTorch's `block_diag` */
export function blockDiag(...blocks: readonly Tensor[]): Tensor {
  const matrices = blocks.map((x) => atLeast(x, 2));
  const wrong = matrices.find((x) => x.rank > 2);
  if (wrong) throw new CambiumError("shape", "blockDiag", `a block is ${show(wrong.shape)}; blocks are matrices`);
  const width = matrices.reduce((n, x) => n + x.shape[1]!, 0);
  let left = 0;
  return concat(
    matrices.map((x) => {
      const row = x.pad([0, left], [0, width - left - x.shape[1]!]);
      left += x.shape[1]!;
      return row;
    }),
  );
}

/** Every choice of one number from each vector, a row each. @source PyTorch's `cartesian_prod` */
export function cartesianProd(...vectors: readonly Tensor[]): Tensor {
  if (vectors.length === 1) return vectors[0]!;
  const shape = vectors.map((x) => x.size);
  return stack(
    vectors.map((x, i) => x.reshape(shape.map((n, axis) => (axis === i ? n : 1))).broadcast(shape)),
    -1,
  ).reshape([size(shape), vectors.length]);
}

/** Every choice of `r` numbers of a vector in its order, a row each. @source PyTorch's `combinations` */
export function combinations(x: Tensor, r = 2, { withReplacement = false }: { withReplacement?: boolean } = {}): Tensor {
  if (x.rank !== 1) throw new CambiumError("shape", "combinations", `the input is ${show(x.shape)}; numbers are chosen from a vector`);
  let rows: number[][] = [[]];
  for (let i = 0; i < r; i++)
    rows = rows.flatMap((row) =>
      Array.from({ length: x.size }, (_, k) => k).flatMap((k) =>
        row.length === 0 || k > row.at(-1)! || (withReplacement && k === row.at(-1)) ? [[...row, k]] : [],
      ),
    );
  return x.gather(fromArray(Int32Array.from(rows.flat()), [rows.length, r]), 0);
}

/**
 * Products of all numbers of `a` and `b` summed over axes of both: a count takes the last of `a` and the first of `b`, two lists name them.
 * @source NumPy's `tensordot`
 */
export function tensordot(a: Tensor, b: Tensor, axes: number | readonly [readonly number[], readonly number[]] = 2): Tensor {
  const where = "tensordot";
  const count = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
  const [over, under] = (typeof axes === "number" ? [count(axes).map((i) => a.rank - axes + i), count(axes)] : axes) as [readonly number[], readonly number[]];
  const [mine, yours] = [over.map((axis) => resolveAxis(where, axis, a.rank)), under.map((axis) => resolveAxis(where, axis, b.rank))];
  const [p, q] = [mine.map((axis) => a.shape[axis]!), yours.map((axis) => b.shape[axis]!)];
  if (!same(p, q))
    throw new CambiumError("shape", where, `the axes to sum over are ${show(p)} of ${show(a.shape)} and ${show(q)} of ${show(b.shape)}; they must be equal`);
  const rest = (x: Tensor, gone: readonly number[]): number[] => count(x.rank).filter((axis) => !gone.includes(axis));
  const [left, right] = [rest(a, mine), rest(b, yours)];
  const inner = size(p);
  const rows = a.permute([...left, ...mine]).reshape([a.size / Math.max(inner, 1), inner]);
  const columns = b.permute([...yours, ...right]).reshape([inner, b.size / Math.max(inner, 1)]);
  return rows.matmul(columns).reshape([...left.map((axis) => a.shape[axis]!), ...right.map((axis) => b.shape[axis]!)]);
}

/** The powers of each number, falling from `count` − 1 to 0, or rising. @shape [n] → [n, count] @source NumPy's `vander` */
export function vander(x: Tensor, count: number = x.size, { increasing = false }: { increasing?: boolean } = {}): Tensor {
  const powers = Array.from({ length: count }, (_, i) => (increasing ? i : count - 1 - i));
  return stack(
    powers.map((n) => x.pow(n)),
    -1,
  );
}

export interface Spacing {
  /** Where the numbers stand along the axis. */
  readonly x?: Tensor;
  /** How far apart they stand, where `x` is not given. Default 1. */
  readonly dx?: number;
  /** Default −1. */
  readonly axis?: number;
}

/** The areas of the trapezoids between neighbours. */
function trapezoids(where: string, y: Tensor, { x, dx = 1, axis = -1 }: Spacing): [areas: Tensor, axis: number] {
  const along = resolveAxis(where, axis, y.rank);
  const n = y.shape[along]!;
  const means = between(y, along, 1, n)
    .add(between(y, along, 0, n - 1))
    .mul(0.5);
  if (!x) return [means.mul(dx), along];
  const at = x.rank === 1 ? x.reshape(all(y.shape, 1).with(along, x.size)) : x;
  const k = x.rank === 1 ? along : resolveAxis(where, axis, x.rank);
  return [means.mul(between(at, k, 1, at.shape[k]!).sub(between(at, k, 0, at.shape[k]! - 1))), along];
}

/** The integral of `y` along an axis by the trapezoidal rule. @source NumPy's `trapezoid` */
export function trapezoid(y: Tensor, options: Spacing = {}): Tensor {
  const [areas, axis] = trapezoids("trapezoid", floats(y), options);
  return areas.sum(axis);
}

/** The integral up to each place from the second on. @source PyTorch's `cumulative_trapezoid` */
export function cumulativeTrapezoid(y: Tensor, options: Spacing = {}): Tensor {
  const [areas, axis] = trapezoids("cumulativeTrapezoid", floats(y), options);
  return areas.cumSum(axis);
}

/** How fast `y` rises along `axis`: by both neighbours inside, by the one at the ends. `spacing`: how far apart the numbers stand. @source NumPy's `gradient` */
export function gradient(y: Tensor, { spacing = 1, axis = -1 }: { spacing?: number; axis?: number } = {}): Tensor {
  const given = floats(y);
  const along = resolveAxis("gradient", axis, y.rank);
  const n = y.shape[along]!;
  if (n < 2) throw new CambiumError("shape", "gradient", `axis ${along} of ${show(y.shape)} has too few numbers for a slope; it needs 2`);
  const part = (from: number, to: number): Tensor => between(given, along, from, to);
  const inner =
    n > 2
      ? [
          part(2, n)
            .sub(part(0, n - 2))
            .div(2 * spacing),
        ]
      : [];
  return concat(
    [
      part(1, 2).sub(part(0, 1)).div(spacing),
      ...inner,
      part(n - 1, n)
        .sub(part(n - 2, n - 1))
        .div(spacing),
    ],
    along,
  );
}

/** The heights at `x` of the line through the points `xp`, `yp`; beyond its ends, those of the ends. `xp` rises. @source NumPy's `interp` */
export function interp(x: Tensor, xp: Tensor, yp: Tensor): Tensor {
  if (xp.rank !== 1 || !same(xp.shape, yp.shape) || xp.size === 0)
    throw new CambiumError("shape", "interp", `the points are ${show(xp.shape)} and ${show(yp.shape)}; both are vectors of one length from 1`);
  const given = floats(x);
  if (xp.size === 1) return given.mul(0).add(yp);
  const right = searchSorted(xp, given, { side: "right" }).clamp(1, xp.size - 1);
  const [x0, x1] = [xp.gather(right.sub(1)), xp.gather(right)];
  const [y0, y1] = [yp.gather(right.sub(1)), yp.gather(right)];
  const line = y0.add(given.sub(x0).div(x1.sub(x0)).mul(y1.sub(y0)));
  const low = chosen(given.less(xp.slice([0], [1])), yp.slice([0], [1]), line);
  return chosen(given.greater(xp.slice([xp.size - 1])), yp.slice([xp.size - 1]), low);
}

export interface ConvolveOptions {
  /** All places where both overlap, as many as the longer has, or those where both overlap fully. Default `"full"`. */
  readonly mode?: "full" | "same" | "valid";
}

/** The sums of products of a vector with another that is turned round and moved along it. @source NumPy's `convolve` */
export function convolve(a: Tensor, b: Tensor, { mode = "full" }: ConvolveOptions = {}): Tensor {
  if (a.rank !== 1 || b.rank !== 1 || a.size === 0 || b.size === 0)
    throw new CambiumError("shape", "convolve", `the inputs are ${show(a.shape)} and ${show(b.shape)}; both are vectors that hold numbers`);
  if (!["full", "same", "valid"].includes(mode)) throw new CambiumError("name", "convolve", `there is no mode "${mode}"; it is "full", "same" or "valid"`);
  const [long, short] = (a.size >= b.size ? [a, b] : [b, a]).map(floats) as [Tensor, Tensor];
  const k = short.size;
  const padding: [number, number] = mode === "full" ? [k - 1, k - 1] : mode === "same" ? [k - 1 - Math.floor((k - 1) / 2), Math.floor((k - 1) / 2)] : [0, 0];
  const y = conv(long.reshape([1, long.size, 1]).node, short.flip(0).reshape([k, 1, 1]).node, { padding: [padding] });
  return new Tensor(y).reshape([-1]);
}

/** The sums of products of a vector with another moved along it. @source NumPy's `correlate` */
export function correlate(a: Tensor, b: Tensor, { mode = "valid" }: ConvolveOptions = {}): Tensor {
  // The longer one is moved along otherwise: then the result runs the other way.
  return a.size >= b.size ? convolve(a, b.flip(0), { mode }) : convolve(b, a.flip(0), { mode }).flip(0);
}

/** The polynomial with `coefficients`, the highest power first, at `x`. @source NumPy's `polyval` */
export function polyval(coefficients: Tensor, x: Tensor): Tensor {
  if (coefficients.rank !== 1)
    throw new CambiumError("shape", "polyval", `coefficients are ${show(coefficients.shape)}; they are a vector, the highest power first`);
  let sum = x.mul(0);
  for (const c of coefficients.split(coefficients.size)) sum = sum.mul(x).add(c.reshape([]));
  return sum;
}

/** The coefficients, the highest power first, of the polynomial of that degree that comes nearest to the points, by least squares. @source NumPy's `polyfit` */
export function polyfit(x: Tensor, y: Tensor, degree: number): Tensor {
  if (!Number.isInteger(degree) || degree < 0 || degree >= x.size)
    throw new CambiumError("value", "polyfit", `degree is ${degree}; for ${x.size} points it is a whole number from 0 to ${x.size - 1}`);
  const wide = floats(x).to("float64");
  const powers = vander(wide, degree + 1);
  const scale = powers.norm(0, { keep: true });
  const even = powers.div(scale);
  const fit = solve(even.transpose().matmul(even), even.transpose().matmul(floats(y).to("float64").reshape([x.size, 1])));
  return fit
    .reshape([-1])
    .div(scale.reshape([-1]))
    .to(floats(x).dtype);
}

/** Angles that do not jump: multiples of `period` are added where neighbours along `axis` are more than half a period apart. @source NumPy's `unwrap` */
export function unwrap(x: Tensor, { axis = -1, period = 2 * Math.PI }: { axis?: number; period?: number } = {}): Tensor {
  const given = floats(x);
  const along = resolveAxis("unwrap", axis, x.rank);
  const n = x.shape[along]!;
  if (n < 2) return given;
  const steps = between(given, along, 1, n).sub(between(given, along, 0, n - 1));
  const half = period / 2;
  const short = steps.add(half).mod(period).sub(half);
  // Half a period upwards stays upwards.
  const kept = chosen(short.equal(-half).logicalAnd(steps.greater(0)), half, short);
  const shifts = chosen(steps.abs().less(half), 0, kept.sub(steps));
  return concat([between(given, along, 0, 1), between(given, along, 1, n).add(shifts.cumSum(along))], along);
}

/** Slices along `axis` whose `p`-norm is above `maxNorm` brought to that length. @source PyTorch's `renorm` */
export function renorm(x: Tensor, p: number, axis: number, maxNorm: number): Tensor {
  const along = resolveAxis("renorm", axis, x.rank);
  const others = x.shape.map((_, i) => i).filter((i) => i !== along);
  const sizes = x.abs();
  const lengths =
    p === 2
      ? x.norm(others, { keep: true })
      : p === Number.POSITIVE_INFINITY
        ? sizes.max(others, { keep: true })
        : sizes
            .pow(p)
            .sum(others, { keep: true })
            .pow(1 / p);
  return x.mul(chosen(lengths.greater(maxNorm), lengths.add(1e-7).reciprocal().mul(maxNorm), 1));
}

/** The rows and columns of the places on and below the diagonal (`trilIndices`), or on and above it. @shape → [2, count] int32 @source PyTorch's `tril_indices` */
export const trilIndices = (rows: number, columns: number = rows, offset = 0): Tensor => places(rows, columns, (r, c) => c <= r + offset);

/** As `trilIndices`, on and above the diagonal. */
export const triuIndices = (rows: number, columns: number = rows, offset = 0): Tensor => places(rows, columns, (r, c) => c >= r + offset);

function places(rows: number, columns: number, inside: (r: number, c: number) => boolean): Tensor {
  const found = Array.from({ length: rows * columns }, (_, i) => [Math.floor(i / columns), i % columns] as const).filter(([r, c]) => inside(r, c));
  return fromArray(Int32Array.from([...found.map(([r]) => r), ...found.map(([, c]) => c)]), [2, found.length]);
}
