/** What many numbers are like: middles, counts, and how they move together. */
import type { DType } from "../base/dtype.ts";
import { CambiumError } from "../base/error.ts";
import { type Axes, resolveAxes, show, type Shape, size } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import { constant, defineOp, type Op } from "../graph/op.ts";
import { add, div, maximum, minimum, mul, rsqrt, sqrt, square, sub } from "./arithmetic.ts";
import { cast, castTo } from "./cast.ts";
import { equal, greater, greaterEqual, isNaN, lessEqual, logicalAnd, where } from "./compare.ts";
import { floating } from "./elementwise.ts";
import { gatherAlong, scatterAdd } from "./gather.ts";
import { matmul } from "./matmul.ts";
import { expandDims, permute, reshape, transpose } from "./movement.ts";
import { diagonal } from "./rearrange.ts";
import { max, mean, min, prod, type Reduction } from "./reduction.ts";
import { floor } from "./rounding.ts";
import { slice, stack } from "./slice.ts";
import { sort } from "./sort.ts";
import { broadcast, countType, fold, foldedShape, type Keep, sum } from "./spread.ts";

export interface QuantileOptions extends Keep {
  /** What lies between two numbers. Default `"linear"`. */
  readonly method?: "linear" | "lower" | "higher" | "midpoint" | "nearest";
}

/**
 * The number below which the share `q` of the numbers over `axes` lies, between neighbours by `method`; NaN if there is one. For a list of shares they are a new first axis.
 * @source NumPy's `quantile`
 */
export const quantile: Op<["x"], [q: number | readonly number[], axes?: Axes, options?: QuantileOptions]> = defineOp({
  name: "quantile",
  kind: "composite",
  inputs: ["x"],
  attrs: ([x], q: number | readonly number[], axes?: Axes, { keep = false, method = "linear" }: QuantileOptions = {}) => {
    const shares = typeof q === "number" ? [q] : [...q];
    const wrong = shares.find((share) => !(share >= 0 && share <= 1));
    if (wrong !== undefined) throw new CambiumError("value", "quantile", `q is ${wrong}; shares are numbers from 0 to 1`, wrong > 1 && wrong <= 100 ? `in per cent? then ${wrong / 100}` : undefined);
    if (!["linear", "lower", "higher", "midpoint", "nearest"].includes(method)) throw new CambiumError("name", "quantile", `there is no method "${method}"; it is "linear", "lower", "higher", "midpoint" or "nearest"`);
    const along = resolveAxes("quantile", axes, x!.length);
    if (along.some((axis) => x![axis] === 0)) throw new CambiumError("shape", "quantile", `${show(x!)} has no numbers along ${show(along)} to choose from`);
    return { shares, several: typeof q !== "number", axes: along, keep, method };
  },
  shape: ([x], { shares, several, axes, keep }) => [...(several ? [shares.length] : []), ...foldedShape([x!], { axes, keep })],
  dtype: floating,
  decompose: ({ x, out }, { shares, several, axes, method }) => {
    const rest = x.shape.map((_, i) => i).filter((i) => !axes.includes(i));
    const count = axes.reduce((n: number, axis: number) => n * x.shape[axis]!, 1);
    const lead = rest.map((i) => x.shape[i]!);
    const line = sort(reshape(permute(castTo(x, out.dtype), [...rest, ...axes]), [...lead, count]));
    const at = (place: number): Node => reshape(slice(line, [...lead.map(() => 0), place], [...lead, place + 1]), several ? out.shape.slice(1) : out.shape);
    const found = shares.map((share: number) => {
      const place = share * (count - 1);
      const [low, high] = [Math.floor(place), Math.ceil(place)];
      if (method === "lower" || low === high) return at(low);
      if (method === "higher") return at(high);
      if (method === "nearest") return at(place - low > 0.5 || (place - low === 0.5 && low % 2 === 1) ? high : low);
      return add(at(low), mul(sub(at(high), at(low)), method === "midpoint" ? 0.5 : place - low));
    });
    // NaN comes last.
    const known = found.map((value: Node) => where(isNaN(at(count - 1)), Number.NaN, value));
    return several ? stack(known) : known[0]!;
  },
  cases: [
    { shapes: [[7]], args: [0.3] },
    { shapes: [[3, 4]], args: [[0, 0.5, 0.9], 1] },
    { shapes: [[3, 2, 2]], args: [0.25, [0, 2], { keep: true, method: "midpoint" }] },
    { shapes: [[6]], args: [0.5, 0, { method: "nearest" }] },
  ],
});

/** The middle number over `axes` (all of them when left out), the mean of the middle two of an even count; NaN if there is one. @source NumPy's `median`; PyTorch's takes the lower of two */
export const median: Reduction = defineOp({
  name: "median",
  kind: "composite",
  inputs: ["x"],
  attrs: (shapes, axes?: Axes, options?: Keep) => {
    quantile.attrs!(shapes, 0.5, axes);
    return fold("median")(shapes, axes, options);
  },
  shape: foldedShape,
  dtype: floating,
  decompose: ({ x }, { axes, keep }) => quantile(x, 0.5, axes, { keep }),
  cases: [{ shapes: [[5]], args: [] }, { shapes: [[2, 4]], args: [1, { keep: true }] }],
});

/** A fold that leaves NaN out. */
function known(name: string, dtype: (dtypes: DType[]) => DType, parts: (x: Node, axes: readonly number[], options: Keep) => Node): Reduction {
  return defineOp({
    name,
    kind: "composite",
    inputs: ["x"],
    attrs: fold(name),
    shape: foldedShape,
    dtype,
    decompose: ({ x }, { axes, keep }) => parts(x, axes, { keep }),
    cases: [{ shapes: [[2, 4]], args: [] }, { shapes: [[2, 3]], args: [1, { keep: true }], values: [[1, Number.NaN, 3, 4, 5, 6.5]] }],
  });
}

/** The sum over `axes` of the numbers that are not NaN. */
export const nanSum: Reduction = known("nanSum", countType, (x, axes, options) => sum(where(isNaN(x), 0, x), axes, options));

/** The mean over `axes` of the numbers that are not NaN; NaN where all are. */
export const nanMean: Reduction = known("nanMean", floating, (x, axes, options) => div(nanSum(castTo(x, floating([x.dtype])), axes, options), castTo(sum(equal(isNaN(x), 0), axes, options), floating([x.dtype]))));

/** The product over `axes` of the numbers that are not NaN. */
export const nanProd: Reduction = known("nanProd", countType, (x, axes, options) => prod(where(isNaN(x), 1, x), axes, options));

/** A fold of how far numbers that are not NaN lie from their mean, divided by their count less `correction`. @source NumPy's `nanvar` (`correction` is its `ddof`) */
const spreadOf = (name: string, last: (variance: Node) => Node): Op<["x"], [axes?: Axes, options?: Keep & { readonly correction?: number }]> =>
  defineOp({
    name,
    kind: "composite",
    inputs: ["x"],
    attrs: (shapes, axes?: Axes, { correction = 0, ...options }: Keep & { readonly correction?: number } = {}) => ({ ...fold(name)(shapes, axes, options), correction }),
    shape: foldedShape,
    dtype: floating,
    decompose: ({ x, out }, { axes, keep, correction }) => {
      const wide = castTo(x, out.dtype);
      const middle = nanMean(wide, axes, { keep: true });
      const count = castTo(sum(equal(isNaN(wide), 0), axes, { keep }), out.dtype);
      const squares = sum(square(where(isNaN(wide), 0, sub(where(isNaN(wide), 0, wide), middle))), axes, { keep });
      const left = sub(count, correction);
      return last(where(greater(left, 0), div(squares, maximum(left, 1e-30)), Number.NaN));
    },
    cases: [{ shapes: [[2, 4]], args: [] }, { shapes: [[2, 3]], args: [1, { keep: true, correction: 1 }], values: [[1, Number.NaN, 3, 4, 5, 6.5]] }],
  });

/** The variance over `axes` of the numbers that are not NaN. @source NumPy's `nanvar`; `correction` is its `ddof` */
export const nanVariance: Op<["x"], [axes?: Axes, options?: Keep & { readonly correction?: number }]> = spreadOf("nanVariance", (v) => v);

/** The standard deviation over `axes` of the numbers that are not NaN. @source NumPy's `nanstd`; `correction` is its `ddof` */
export const nanStd: Op<["x"], [axes?: Axes, options?: Keep & { readonly correction?: number }]> = spreadOf("nanStd", sqrt);

/** The number below which the share `q` of the numbers over `axes` that are not NaN lies, between neighbours in a straight line; NaN where all are. @source NumPy's `nanquantile` */
export const nanQuantile: Op<["x"], [q: number, axes?: Axes, options?: Keep]> = defineOp({
  name: "nanQuantile",
  kind: "composite",
  inputs: ["x"],
  attrs: (shapes, q: number, axes?: Axes, options?: Keep) => {
    quantile.attrs!(shapes, q, axes);
    return { q, ...fold("nanQuantile")(shapes, axes, options) };
  },
  shape: foldedShape,
  dtype: floating,
  decompose: ({ x, out }, { q, axes }) => {
    const rest = x.shape.map((_, i) => i).filter((i) => !axes.includes(i));
    const count = axes.reduce((n: number, axis: number) => n * x.shape[axis]!, 1);
    const lead = rest.map((i) => x.shape[i]!);
    const line = sort(reshape(permute(castTo(x, out.dtype), [...rest, ...axes]), [...lead, count]));
    const known = sum(equal(isNaN(line), 0), -1, { keep: true });
    const place = mul(castTo(maximum(sub(known, 1), 0), "float64"), q);
    const low = floor(place);
    const at = (index: Node): Node => gatherAlong(line, castTo(index, "int32"), -1);
    const share = castTo(sub(place, low), out.dtype);
    // Where no share of it is wanted, the neighbour may be NaN.
    const step = where(equal(share, 0), 0, sub(at(minimum(add(low, 1), count - 1)), at(low)));
    return reshape(add(at(low), mul(step, share)), out.shape);
  },
  cases: [{ shapes: [[7]], args: [0.3] }, { shapes: [[2, 4]], args: [0.25, 1, { keep: true }], values: [[1, Number.NaN, 3, 2, Number.NaN, 5, 7.5, 9]] }],
});

/** The middle number over `axes` of those that are not NaN, the mean of the middle two of an even count; NaN where all are. @source NumPy's `nanmedian` */
export const nanMedian: Reduction = known("nanMedian", floating, (x, axes, options) => nanQuantile(x, 0.5, axes, options));

const extreme = (name: string, pick: Reduction, nothing: number): Reduction =>
  known(name, ([dtype]) => dtype!, (x, axes, options) => {
    const blank = isNaN(x);
    const some = sum(equal(blank, 0), axes, options);
    return castTo(where(equal(some, 0), Number.NaN, pick(where(blank, nothing, x), axes, options)), x.dtype);
  });

/** The largest number over `axes` that is not NaN; NaN where all are. */
export const nanMax: Reduction = extreme("nanMax", max, -Infinity);

/** The smallest number over `axes` that is not NaN; NaN where all are. */
export const nanMin: Reduction = extreme("nanMin", min, Infinity);

/**
 * How often each of the whole numbers from 0 to `length` − 1 occurs, or how much `weights` it has; others are left out. The result's size is part of the program, so it is given.
 * @source NumPy's `bincount`, of fixed length
 */
export const bincount: Op<["x", "weights"], [length: number]> = defineOp({
  name: "bincount",
  kind: "composite",
  inputs: ["x", "weights"],
  attrs: (_, length: number) => {
    if (!Number.isInteger(length) || length < 0) throw new CambiumError("value", "bincount", `length is how many whole numbers are counted, a whole number from 0; got ${length}`);
    return { length };
  },
  shape: (_, { length }) => [length],
  dtype: ([, weights]) => countType([weights!]),
  decompose: ({ x, weights, out }, { length }) => scatterAdd(reshape(broadcast(castTo(weights, out.dtype), x.shape), [size(x.shape)]), reshape(x, [size(x.shape)]), length),
  cases: [{ shapes: [[6], [6]], args: [4], dtypes: ["int32", "float32"], values: [[0, 3, 3, 1, 7, -1]] }, { shapes: [[2, 2], []], args: [3], dtypes: ["int32", "int32"], values: [[0, 1, 1, 2], [1]] }],
  method: false,
});

/** How many numbers lie in each of `bins` equal parts of [low, high], the last part with its end. @source NumPy's `histogram` */
export const histogramCounts: Op<["x", "low", "high"], [bins?: number]> = defineOp({
  name: "histogramCounts",
  kind: "composite",
  inputs: ["x", "low", "high"],
  attrs: (_, bins = 10) => {
    if (!Number.isInteger(bins) || bins < 1) throw new CambiumError("value", "histogram", `bins is a whole number from 1, got ${bins}`);
    return { bins };
  },
  shape: ([, low, high], { bins }) => {
    if (size(low!) !== 1 || size(high!) !== 1) throw new CambiumError("shape", "histogram", `a range has one low and one high end, got ${show(low!)} and ${show(high!)}`);
    return [bins];
  },
  dtype: () => "int32",
  constant: true,
  decompose: ({ x, low, high }, { bins }) => {
    const flat = castTo(reshape(x, [size(x.shape)]), "float64");
    const [from, to] = [castTo(reshape(low, []), "float64"), castTo(reshape(high, []), "float64")];
    const part = floor(mul(div(sub(flat, from), sub(to, from)), bins));
    const inside = logicalAnd(greaterEqual(flat, from), lessEqual(flat, to));
    const place = cast(where(inside, where(equal(flat, to), bins - 1, part), -1), "int32");
    return scatterAdd(broadcast(constant(1, "int32"), [size(x.shape)]), place, bins);
  },
  cases: [{ shapes: [[9], [], []], args: [4], values: [[0, 0.1, 0.5, 1, 1, 2, -1, 0.25, 0.75], [0], [1]] }],
  method: false,
});

const rowsOf = (where: string, [x]: Shape[]): Shape => {
  if (x!.length !== 2) throw new CambiumError("shape", where, `the input is ${show(x!)}; it has a row for each variable and a column for each observation`);
  return [x![0]!, x![0]!];
};

/** How the variables, one a row, move together: the mean product of their distances from their means, with `correction` 1 unless given. @source NumPy's and PyTorch's `cov` */
export const cov: Op<["x"], [correction?: number]> = defineOp({
  name: "cov",
  kind: "composite",
  inputs: ["x"],
  attrs: (_, correction = 1) => ({ correction }),
  shape: (shapes) => rowsOf("cov", shapes),
  dtype: floating,
  decompose: ({ x, out }, { correction }) => {
    const wide = castTo(x, out.dtype);
    const apart = sub(wide, mean(wide, 1, { keep: true }));
    return div(matmul(apart, transpose(apart)), Math.max(x.shape[1]! - correction, 0));
  },
  cases: [{ shapes: [[3, 5]], args: [] }, { shapes: [[2, 4]], args: [0] }],
});

/** The covariances of variables, one a row, each scaled to variance 1. @source NumPy's `corrcoef` */
export const corrcoef: Op<["x"]> = defineOp({
  name: "corrcoef",
  kind: "composite",
  inputs: ["x"],
  shape: (shapes) => rowsOf("corrcoef", shapes),
  dtype: floating,
  decompose: ({ x }) => {
    const together = cov(x, 0);
    const scale = rsqrt(diagonal(together));
    return mul(mul(together, expandDims(scale, 0)), expandDims(scale, 1));
  },
  cases: [{ shapes: [[3, 5]], args: [] }],
});
