/** Running totals along an axis: each number together with all before it. */
import { type DType, highestOf, lowestOf } from "../base/dtype.ts";
import { CambiumError } from "../base/error.ts";
import { resolveAxis, type Shape, strides } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import { type Block, type Case, defineOp, type Op } from "../graph/op.ts";
import { add, maximum, minimum, mul, sub } from "./arithmetic.ts";
import { shiftAxes } from "./axes.ts";
import { castTo } from "./cast.ts";
import { equal, isNaN, logicalOr, where } from "./compare.ts";
import { floating } from "./elementwise.ts";
import { range } from "./gather.ts";
import { flip } from "./movement.ts";
import { eachPosition } from "./positions.ts";
import { scatterAlongAdd } from "./scatter.ts";
import { pad, slice } from "./slice.ts";
import { logAddExp } from "./special.ts";
import { countType } from "./spread.ts";

export interface Running {
  /** From the end to the front. */
  readonly reverse?: boolean;
  /** A number itself does not count, only those before it. */
  readonly exclusive?: boolean;
}

type Cumulative<O> = Op<["x"], [axis?: number, options?: O]>;

/** How totals run; named as the kernel names it. */
interface Way extends Record<string, unknown> {
  readonly axis: number;
  readonly backward: boolean;
  readonly apart: boolean;
}

const way =
  (name: string) =>
  ([x]: Shape[], axis = -1, { reverse = false, exclusive = false }: Running = {}): Way => ({ axis: resolveAxis(name, axis, x!.length), backward: reverse, apart: exclusive });

/** Totals over 1, 2, 4, … places: each doubles the last, joined with itself that many places on. Its derivatives are exact at every order. */
function doubling(x: Node, { axis, backward, apart }: Way, join: (a: Node, b: Node) => Node, nothing: number): Node {
  const none = x.shape.map(() => 0);
  const later = (totals: Node, by: number): Node => pad(totals, none.with(axis, by), none.with(axis, -by), nothing);
  let totals = backward ? flip(x, axis) : x;
  for (let reach = 1; reach < x.shape[axis]!; reach *= 2) totals = join(totals, later(totals, reach));
  if (apart) totals = later(totals, Math.min(1, x.shape[axis]!));
  return backward ? flip(totals, axis) : totals;
}

/** Each line of `x` folded from its beginning, or its end. */
function totals(out: Block, x: Block, { axis, backward, apart }: Way, start: number, join: (a: number, b: number) => number): void {
  const steps = strides(x.shape);
  const length = x.shape[axis]!;
  eachPosition(x.shape.with(axis, Math.min(length, 1)), steps, (_, j) => {
    let total = start;
    for (let i = 0; i < length; i++) {
      const at = j + (backward ? length - 1 - i : i) * steps[axis]!;
      const next = join(total, x.data[at]!);
      out.data[at] = apart ? total : next;
      total = next;
    }
  });
}

const cases: readonly Case<[axis?: number, options?: { reverse?: boolean }]>[] = [
  { shapes: [[3, 7]], args: [] },
  { shapes: [[4, 2, 3]], args: [0] },
  { shapes: [[2, 5]], args: [1, { reverse: true }] },
  { shapes: [[1]], args: [0] },
  { shapes: [[2, 0]], args: [1] },
];
const apart: readonly Case<[axis?: number, options?: Running]>[] = [
  { shapes: [[2, 5]], args: [1, { exclusive: true }] },
  { shapes: [[5, 2]], args: [0, { exclusive: true, reverse: true }] },
];

/**
 * The sum, along `axis`, of all numbers up to each place, that place included.
 * @source NumPy's `cumsum`; `exclusive` and `reverse` are TensorFlow's
 */
export const cumSum: Cumulative<Running> = defineOp({
  name: "cumSum",
  kind: "composite",
  inputs: ["x"],
  attrs: way("cumSum"),
  shape: ([x]) => x!,
  dtype: countType,
  gradient: (dy, _, { axis, backward, apart }) => ({ x: cumSum(dy, axis, { reverse: !backward, exclusive: apart }) }),
  decompose: ({ x, out }, attrs) => doubling(castTo(x, out.dtype), attrs, add, 0),
  reference: (out, [x], attrs) => totals(out, x!, attrs, 0, (a, b) => a + b),
  batch: shiftAxes,
  cases: [...cases, ...apart, { shapes: [[5]], args: [0], dtypes: ["bool"] }, { shapes: [[2, 70, 3]], args: [1] }],
});

/** The product, along `axis`, of all numbers up to each place, that place included. @source NumPy's `cumprod` */
export const cumProd: Cumulative<Running> = defineOp({
  name: "cumProd",
  kind: "composite",
  inputs: ["x"],
  attrs: way("cumProd"),
  shape: ([x]) => x!,
  dtype: countType,
  decompose: ({ x, out }, attrs) => doubling(castTo(x, out.dtype), attrs, mul, 1),
  reference: (out, [x], attrs) => totals(out, x!, attrs, 1, (a, b) => a * b),
  batch: shiftAxes,
  cases: [...cases, ...apart, { shapes: [[6]], args: [0], values: [[1.5, 0, 2, -1, 0, 3]] }],
});

/** What flows back through a running extreme: all of it to the latest number that attains it, as in PyTorch. */
function toLatest(dy: Node, x: Node, out: Node, { axis, backward }: Way): Node {
  const attains = logicalOr(equal(x, out), isNaN(x));
  const place = range(x.shape, axis);
  const latest = backward ? cumMin(where(attains, place, x.shape[axis]!), axis, { reverse: true }) : cumMax(where(attains, place, -1), axis);
  return scatterAlongAdd(dy, latest, x.shape[axis]!, axis);
}

function extreme(name: "cumMax" | "cumMin", join: (a: Node, b: Node) => Node, pick: (a: number, b: number) => number, nothing: (dtype: DType) => number): Cumulative<Pick<Running, "reverse">> {
  return defineOp({
    name,
    kind: "composite",
    inputs: ["x"],
    attrs: (shapes, axis?: number, options?: Pick<Running, "reverse">) => {
      const attrs = way(name)(shapes, axis, options);
      if (attrs.apart) throw new CambiumError("value", name, "there is no exclusive form: before the first number there is no extreme", "pad the input with a number of your choice");
      return attrs;
    },
    shape: ([x]) => x!,
    gradient: (dy, { x, out }, attrs) => ({ x: toLatest(dy, x, out, attrs) }),
    decompose: ({ x, out }, attrs) => doubling(x, attrs, join, nothing(out.dtype)),
    reference: (out, [x], attrs) => totals(out, x!, attrs, name === "cumMax" ? -Infinity : Infinity, pick),
    batch: shiftAxes,
    cases: [...cases, { shapes: [[6]], args: [0], dtypes: ["int32"], values: [[2, 5, 1, 5, 0, 7]] }],
  });
}

/** The largest number, along `axis`, up to each place, that place included; NaN from the first NaN on. @source PyTorch's `cummax` */
export const cumMax: Cumulative<Pick<Running, "reverse">> = extreme("cumMax", maximum, Math.max, lowestOf);

/** The smallest number, along `axis`, up to each place, that place included; NaN from the first NaN on. @source PyTorch's `cummin` */
export const cumMin: Cumulative<Pick<Running, "reverse">> = extreme("cumMin", minimum, Math.min, highestOf);

/** The logarithm of the sum, along `axis`, of `eˣ` up to each place, without overflow. @source PyTorch's `logcumsumexp` */
export const logCumSumExp: Cumulative<Running> = defineOp({
  name: "logCumSumExp",
  kind: "composite",
  inputs: ["x"],
  attrs: way("logCumSumExp"),
  shape: ([x]) => x!,
  dtype: floating,
  decompose: ({ x, out }, attrs) => doubling(castTo(x, out.dtype), attrs, logAddExp, -Infinity),
  reference: (out, [x], attrs) => totals(out, x!, attrs, -Infinity, (a, b) => (a === b ? a + Math.LN2 : Math.max(a, b) + Math.log1p(Math.exp(-Math.abs(a - b))))),
  batch: shiftAxes,
  cases: [...cases, { shapes: [[4]], args: [0], values: [[1000, 1001, -1000, 1002]] }],
});

/** The differences of neighbours along `axis`, taken `n` times: each time the axis is one shorter. @source NumPy's `diff` */
export const diff: Op<["x"], [n?: number, axis?: number]> = defineOp({
  name: "diff",
  kind: "composite",
  inputs: ["x"],
  attrs: ([x], n = 1, axis = -1) => {
    if (!Number.isInteger(n) || n < 0) throw new CambiumError("value", "diff", `differences are taken a whole number of times, got ${n}`);
    return { n, axis: resolveAxis("diff", axis, x!.length) };
  },
  shape: ([x], { n, axis }) => x!.with(axis, Math.max(0, x![axis]! - n)),
  decompose: ({ x }, { n, axis }) => {
    let rest = x;
    for (let i = 0; i < n && rest.shape[axis]! > 0; i++) {
      const none = rest.shape.map(() => 0);
      rest = sub(slice(rest, none.with(axis, 1)), slice(rest, none, [...rest.shape].with(axis, rest.shape[axis]! - 1)));
    }
    return rest;
  },
  cases: [{ shapes: [[3, 5]], args: [] }, { shapes: [[5, 2]], args: [2, 0] }, { shapes: [[3]], args: [4] }, { shapes: [[4]], args: [1, 0], dtypes: ["int32"] }],
});
