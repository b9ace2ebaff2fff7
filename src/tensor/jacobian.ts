/** All derivatives of all results: matrices of slopes, and products with them. */
import { batch } from "../autodiff/batch.ts";
import { directional, gradients } from "../autodiff/gradient.ts";
import { CambiumError } from "../base/error.ts";
import { show, size } from "../base/shape.ts";
import { type Node, placeholder } from "../graph/node.ts";
import { add, mul } from "../ops/arithmetic.ts";
import { castTo } from "../ops/cast.ts";
import { equal } from "../ops/compare.ts";
import { range } from "../ops/gather.ts";
import { permute, reshape } from "../ops/movement.ts";
import { spreadTo, sum } from "../ops/spread.ts";
import { type Argnums, chosen, type GradOptions, single, take, type Taken, tangentsOf, type Wrt } from "./functional.ts";
import type { Tensor } from "./tensor.ts";
import { type Like, mapTree, tensorsIn } from "./tree.ts";

/** For each tensor of a result `R`, and for each of the arguments `W`, a tensor of their sizes in a row: result first. */
export type Jacobian<R, W> = Like<R, Like<W, Tensor>>;

type Result<Args extends unknown[], R, N extends Argnums> = (...args: Args) => Jacobian<R, Wrt<Args, N>>;
type WithAux<Args extends unknown[], R, N extends Argnums, Aux> = (...args: Args) => [jacobian: Jacobian<R, Wrt<Args, N>>, aux: Aux];

/** A tensor for each place of `like`, 1 there and 0 elsewhere, along a new first axis. */
function basis({ shape, dtype }: Node): Node {
  const n = size(shape);
  return reshape(castTo(equal(range([n, 1], 0), range([n])), dtype), [n, ...shape]);
}

/** What `result` becomes when `x` takes each of its unit directions, along a new first axis. */
function forEachUnit(x: Node, results: readonly Node[]): Node[] {
  const count = size(x.shape);
  // Random numbers inside the function are those of the one function whose derivative is taken.
  return batch(results, new Map([[x, basis(x)]]), { count, fresh: () => false }).map(({ node, varies }) =>
    varies ? node : spreadTo(node, [count, ...node.shape]),
  );
}

/** Row by row: what flows back from each number of the result. */
function byRows(y: Node, wrt: readonly Node[]): Node[] {
  const dy = placeholder(y.shape, y.dtype);
  return forEachUnit(dy, gradients(y, wrt, dy)).map((rows, i) => reshape(rows, [...y.shape, ...wrt[i]!.shape]));
}

/** Column by column: how fast the result changes along each number of each argument. */
function byColumns(y: Node, wrt: readonly Node[]): Node[] {
  return wrt.map((x) => {
    const t = placeholder(x.shape, x.dtype);
    const [columns] = forEachUnit(t, [directional(y, [x], [t])]);
    const [n, m] = [x.shape.length, y.shape.length];
    const order = Array.from({ length: n + m }, (_, i) => (i < m ? n + i : i - m));
    return permute(reshape(columns!, [...x.shape, ...y.shape]), order);
  });
}

function jacobianBy(where: string, f: (...args: any[]) => unknown, options: Argnums | GradOptions | undefined, way: (taken: Taken<unknown>) => typeof byRows) {
  const { argnums, hasAux } = chosen(options);
  return (...args: any[]): any => {
    const taken = take(where, f, args, argnums, hasAux);
    const fill = way(taken);
    const matrix = mapTree(where, "the result", taken.value, (y) => taken.rebuild(fill(y.leaf, taken.wrt)));
    return hasAux ? [matrix, taken.aux] : matrix;
  };
}

/** The matrix of slopes of `f`, worked out by what flows back from each of its results: right for few results of many inputs. */
export function jacrev<Args extends unknown[], R>(f: (...args: Args) => R): (...args: Args) => Jacobian<R, Args[0]>;
export function jacrev<Args extends unknown[], R, const N extends Argnums = 0>(f: (...args: Args) => R, wrt: N | GradOptions<N, false>): Result<Args, R, N>;
export function jacrev<Args extends unknown[], R, Aux, const N extends Argnums = 0>(
  f: (...args: Args) => readonly [R, Aux],
  options: GradOptions<N, true>,
): WithAux<Args, R, N, Aux>;
export function jacrev(f: (...args: any[]) => unknown, options?: Argnums | GradOptions): (...args: any[]) => any {
  return jacobianBy("jacrev", f, options, () => byRows);
}

/** The matrix of slopes of `f`, worked out by moving along each of its inputs: right for many results of few inputs. */
export function jacfwd<Args extends unknown[], R>(f: (...args: Args) => R): (...args: Args) => Jacobian<R, Args[0]>;
export function jacfwd<Args extends unknown[], R, const N extends Argnums = 0>(f: (...args: Args) => R, wrt: N | GradOptions<N, false>): Result<Args, R, N>;
export function jacfwd<Args extends unknown[], R, Aux, const N extends Argnums = 0>(
  f: (...args: Args) => readonly [R, Aux],
  options: GradOptions<N, true>,
): WithAux<Args, R, N, Aux>;
export function jacfwd(f: (...args: any[]) => unknown, options?: Argnums | GradOptions): (...args: any[]) => any {
  return jacobianBy("jacfwd", f, options, () => byColumns);
}

/**
 * The matrix of slopes of `f`: how fast each number of its result changes with each number of argument `wrt`. Goes backward or forward, whichever is less work.
 * @shape result [...out], argument [...in] → [...out, ...in]
 * @example
 * ```ts
 * jacobian((x: Tensor) => x.square())(tensor([1, 2])); // [[2, 0], [0, 4]]
 * ```
 */
export function jacobian<Args extends unknown[], R>(f: (...args: Args) => R): (...args: Args) => Jacobian<R, Args[0]>;
export function jacobian<Args extends unknown[], R, const N extends Argnums = 0>(f: (...args: Args) => R, wrt: N | GradOptions<N, false>): Result<Args, R, N>;
export function jacobian<Args extends unknown[], R, Aux, const N extends Argnums = 0>(
  f: (...args: Args) => readonly [R, Aux],
  options: GradOptions<N, true>,
): WithAux<Args, R, N, Aux>;
export function jacobian(f: (...args: any[]) => unknown, options?: Argnums | GradOptions): (...args: any[]) => any {
  const count = (nodes: readonly Node[]): number => nodes.reduce((n, node) => n + size(node.shape), 0);
  return jacobianBy("jacobian", f, options, ({ value, wrt }) =>
    count(tensorsIn("jacobian", "the result", value).map((y) => y.leaf)) <= count(wrt) ? byRows : byColumns,
  );
}

/**
 * The matrix of second derivatives of `f`, which returns a single number: forward over backward.
 * @shape argument [...in] → [...in, ...in]
 */
export function hessian<Args extends unknown[]>(f: (...args: Args) => Tensor): (...args: Args) => Jacobian<Args[0], Args[0]>;
export function hessian<Args extends unknown[], const N extends Argnums = 0>(
  f: (...args: Args) => Tensor,
  wrt: N | GradOptions<N, false>,
): (...args: Args) => Jacobian<Wrt<Args, N>, Wrt<Args, N>>;
export function hessian<Args extends unknown[], Aux, const N extends Argnums = 0>(
  f: (...args: Args) => readonly [Tensor, Aux],
  options: GradOptions<N, true>,
): (...args: Args) => [hessian: Jacobian<Wrt<Args, N>, Wrt<Args, N>>, aux: Aux];
export function hessian(f: (...args: any[]) => any, options?: Argnums | GradOptions): (...args: any[]) => any {
  const { argnums, hasAux } = chosen(options);
  const slopes = (...args: any[]): unknown => {
    const taken = take("hessian", f, args, argnums, hasAux);
    const gradient = taken.rebuild(gradients(scalarOf("hessian", taken.value).leaf, taken.wrt));
    return hasAux ? [gradient, taken.aux] : gradient;
  };
  return jacobianBy("hessian", slopes, options, () => byColumns);
}

function scalarOf(where: string, y: unknown): Tensor {
  const value = single(where, y);
  if (value.size === 1) return value;
  throw new CambiumError("shape", where, `the function must return a single number, it returned ${show(value.shape)}`, "end with .sum() or .mean()");
}

/**
 * The value of `f`, a single number, and the product of its matrix of second derivatives with `tangents`: without that matrix, at the price of two gradients.
 * @source Pearlmutter, "Fast exact multiplication by the Hessian" (1994)
 */
export function hvp<Args extends unknown[]>(f: (...args: Args) => Tensor, args: Args, tangents: NoInfer<Args>): [value: Tensor, product: Args] {
  const along = tangentsOf("hvp", args, tangents);
  const taken = take("hvp", f, args, [...args.keys()]);
  const value = scalarOf("hvp", taken.value);
  // The matrix is symmetric: the gradient of the slope along the tangents is the product.
  const slope = gradients(value.leaf, taken.wrt)
    .map((flow, i) => sum(mul(flow, along[i]!)))
    .reduce((a, b) => add(a, b));
  return [value, taken.rebuild(gradients(slope, taken.wrt))];
}
