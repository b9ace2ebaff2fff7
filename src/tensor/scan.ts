/** Loops inside the graph: a function run step by step, in one engine call. */
import { loop, loopPart } from "../autodiff/loop.ts";
import { isFloat } from "../base/dtype.ts";
import { CambiumError } from "../base/error.ts";
import { same, show } from "../base/shape.ts";
import { type Node, placeholder } from "../graph/node.ts";
import { castTo } from "../ops/cast.ts";
import { broadcast } from "../ops/spread.ts";
import { constant } from "../graph/op.ts";
import { autocastDType } from "./autocast.ts";
import { drawnFromNow } from "./random.ts";
import { Tensor } from "./tensor.ts";
import { traced } from "./trace.ts";
import { mapTree, tensorsIn } from "./tree.ts";

/** A tensor, or a list or record of tensors in any depth. */
export type Tree = Tensor | readonly Tree[] | { readonly [name: string]: Tree };

export interface ScanOptions {
  /** How many steps; needed only without `xs`. */
  length?: number;
  /** Begins with the last piece of `xs` and ends with the first; results are stacked in the order of `xs`. Default `false`. */
  reverse?: boolean;
}

/**
 * The carry after the last step, and what each step gave, stacked along a new axis 0: `f(carry, x)` returns `[next carry, y]`, for each piece `x` of `xs` along axis 0.
 * It is one loop inside the engine, however many steps there are, with gradients of every order. What `f` reads from outside is the same at each step;
 * random numbers it draws differ from step to step. `xs` may be `undefined` (say the `length`), and so may a `y`.
 * @shape carry → carry; xs `[length, ...]` → ys `[length, ...]`
 * @throws a `shape` or `dtype` error when the carry does not keep its form, a `state` error when `f` changes a tensor from outside
 * @source JAX `lax.scan`
 * @example
 * ```ts
 * const [total, sums] = scan((sum: Tensor, x: Tensor) => [sum.add(x), sum.add(x)], tensor(0), tensor([1, 2, 3])); // total 6, sums [1, 3, 6]
 * ```
 */
export function scan<Carry extends Tree, X extends Tree | undefined, Y extends Tree | undefined>(
  f: (carry: Carry, x: X) => readonly [Carry, Y],
  init: Carry,
  xs: X,
  options: ScanOptions = {},
): [carry: Carry, ys: Y] {
  return loopOver(f, init, xs, options);
}

/** `scan`, which may stop early: once the truths of the tensor of that number among those of the carry are all false, no step changes the carry. */
export function loopOver<Carry extends Tree, X extends Tree | undefined, Y extends Tree | undefined>(
  f: (carry: Carry, x: X) => readonly [Carry, Y],
  init: Carry,
  xs: X,
  { length, reverse = false }: ScanOptions,
  going?: number,
): [carry: Carry, ys: Y] {
  const starts = tensorsIn("scan", "the start of the carry", init);
  const stacks = xs === undefined ? [] : tensorsIn("scan", "xs", xs);
  const steps = stepsOf(stacks, length);
  const carries = starts.map((x) => placeholder(x.shape, x.dtype, x.requiresGrad));
  const pieces = stacks.map((x) => placeholder(x.shape.slice(1), x.dtype, x.requiresGrad));
  const drawnInside = drawnFromNow();
  const { result, changes, graded } = traced(() => f(onNodes(init, carries), xs === undefined ? (undefined as X) : (onNodes(xs as Tree, pieces) as X)));
  if (changes.length > 0 || graded > 0)
    throw new CambiumError(
      "state",
      "scan",
      graded > 0
        ? "backward() inside would leave a gradient at each step"
        : `the function changes a tensor of shape ${show(changes[0]!.from.shape)} from outside`,
      graded > 0 ? "use grad inside, or call backward() on a result of scan" : "make it part of the carry and return it",
    );
  if (!Array.isArray(result) || result.length !== 2)
    throw new CambiumError(
      "value",
      "scan",
      `the function must return [carry, y], it returned ${Array.isArray(result) ? `a list of ${result.length}` : typeof result}`,
    );
  const [after, y] = result as [Carry, Y];
  const next: Node[] = [];
  mapTree("scan", "the carry", init, (start, place, end: unknown) => next.push(keptForm(place, start, end)), after);
  const ys = y === undefined ? [] : tensorsIn("scan", "what a step gives", y);
  if (steps === 0)
    return [init, y === undefined ? y : (mapTree("scan", "y", y, (one) => new Tensor(broadcast(constant(0, one.dtype), [0, ...one.shape]))) as Y)];
  const node = loop({
    steps,
    reverse,
    carries: carries.map((stand, i) => [stand, starts[i]!.node] as const),
    xs: pieces.map((stand, i) => [stand, stacks[i]!.node] as const),
    next,
    ys: ys.map((one) => one.leaf),
    fresh: drawnInside,
    going,
  });
  const parts = [...next, ...ys].map((_, i) => loopPart(node, i));
  return [onNodes(init, parts.slice(0, next.length)), y === undefined ? y : (onNodes(y as Tree, parts.slice(next.length)) as Y)];
}

/** A tree of the same form with `nodes` in place of its tensors. */
function onNodes<T extends Tree>(tree: T, nodes: readonly Node[]): T {
  let i = 0;
  return mapTree("scan", "the tree", tree, () => new Tensor(nodes[i++]!)) as T;
}

function stepsOf(stacks: readonly Tensor[], length: number | undefined): number {
  if (length !== undefined && (!Number.isInteger(length) || length < 0))
    throw new CambiumError("value", "scan", `length is a whole number from 0, got ${length}`);
  let steps = length;
  for (const x of stacks) {
    if (x.rank === 0)
      throw new CambiumError(
        "shape",
        "scan",
        "xs holds a scalar; it is cut along axis 0, one piece a step",
        "read it inside the function, where it is the same at each step",
      );
    steps ??= x.shape[0]!;
    if (x.shape[0] !== steps)
      throw new CambiumError(
        "shape",
        "scan",
        `xs of shape ${show(x.shape)} has ${x.shape[0]} pieces along axis 0; there are ${steps} steps`,
        "each of xs needs a piece a step",
      );
  }
  if (steps === undefined)
    throw new CambiumError("value", "scan", "without xs it is not known how many steps there are", "scan(f, init, undefined, { length: 10 })");
  return steps;
}

function keptForm(place: string, start: Tensor, end: unknown): Node {
  if (!(end instanceof Tensor))
    throw new CambiumError(
      "value",
      "scan",
      `${place} is a tensor at the start and ${end === null ? "null" : typeof end} after a step`,
      "return a carry of the form it has at the start",
    );
  if (!same(end.shape, start.shape))
    throw new CambiumError(
      "shape",
      "scan",
      `${place} is ${show(start.shape)} at the start and ${show(end.shape)} after a step; it must stay the same`,
      "start with a carry of the shape it keeps",
    );
  if (end.dtype !== start.dtype && autocastDType() && isFloat(end.dtype) && isFloat(start.dtype)) return castTo(end.leaf, start.dtype);
  if (end.dtype !== start.dtype)
    throw new CambiumError(
      "dtype",
      "scan",
      `${place} is ${start.dtype} at the start and ${end.dtype} after a step; it must stay the same`,
      `cast it: .to("${start.dtype}")`,
    );
  return end.leaf;
}
