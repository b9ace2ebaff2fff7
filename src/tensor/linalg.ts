/**
 * Linear algebra, by NumPy's names: `linalg.solve(a, b)`. Matrices are the last two axes, axes before them are batches;
 * everything is computed in double precision inside, runs within compiled programs, and has gradients of every order.
 */
import { isFloat } from "../base/dtype.ts";
import { CambiumError } from "../base/error.ts";
import { type Axes, broadcastShapes, resolveAxes, show } from "../base/shape.ts";
import * as ops from "../ops/table.ts";
import { Tensor } from "./tensor.ts";

/** A matrix problem computes in floats: whole numbers become float32. */
const floats = (x: Tensor): Tensor => (isFloat(x.dtype) ? x : x.to("float32"));

/** Both with the batches of both, the right side as a matrix. */
function sides(where: string, a: Tensor, b: Tensor): { a: Tensor; b: Tensor; back: (x: Tensor) => Tensor } {
  if (a.rank < 2) throw new CambiumError("shape", where, `expected square matrices [..., n, n], got ${show(a.shape)}`);
  const single = b.rank === 1;
  const right = single ? b.expandDims(-1) : b;
  const lead = broadcastShapes(where, a.shape.slice(0, -2), right.shape.slice(0, -2));
  const spread = (x: Tensor): Tensor => floats(x).broadcast([...lead, ...x.shape.slice(-2)]);
  return { a: spread(a), b: spread(right), back: (x) => (single ? x.squeeze(-1) : x) };
}

/**
 * The x of `a x = b`; infinite or NaN where `a` is singular.
 * @shape a [..., n, n], b [..., n, k] or [n] → b's, with the batches of both
 * @source NumPy `linalg.solve`
 */
export function solve(a: Tensor, b: Tensor): Tensor {
  const both = sides("linalg.solve", a, b);
  return both.back(both.a.solve(both.b));
}

/**
 * The x of `a x = b` for a triangular `a`.
 * @shape a [..., n, n], b [..., n, k] or [n] → b's, with the batches of both
 * @source PyTorch `linalg.solve_triangular`
 */
export function solveTriangular(a: Tensor, b: Tensor, options: ops.TriangularOptions = {}): Tensor {
  const both = sides("linalg.solveTriangular", a, b);
  return both.back(both.a.triangularSolve(both.b, options));
}

/** The inverse; infinite or NaN where there is none. @shape [..., n, n] → the same */
export const inv = (a: Tensor): Tensor => new Tensor(ops.inverse(floats(a).node));

/** The lower triangular L of `a = L Lᵀ`, from the symmetric part of `a`; NaN where it is not positive definite. @shape [..., n, n] → the same */
export const cholesky = (a: Tensor): Tensor => floats(a).cholesky();

/** The determinant. Its gradient needs the inverse, so it is NaN where there is none. @shape [..., n, n] → [...] */
export const det = (a: Tensor): Tensor => new Tensor(ops.determinant(floats(a).node));

/** The sign of the determinant and the logarithm of its size; 0 and −∞ for a singular matrix. @shape [..., n, n] → [...] each */
export function slogdet(a: Tensor): { sign: Tensor; logabsdet: Tensor } {
  const [sign, log] = ops.signAndLog(ops.logDeterminant(floats(a).node));
  return { sign: new Tensor(sign), logabsdet: new Tensor(log) };
}

/** Q with orthonormal columns and an upper triangular R, `a = Q R`. @shape [..., m, n] → q [..., m, k], r [..., k, n], k the smaller of m and n */
export function qr(a: Tensor): { q: Tensor; r: Tensor } {
  const { q, r } = ops.qr(floats(a).node);
  return { q: new Tensor(q), r: new Tensor(r) };
}

/**
 * Eigenvalues, rising, and eigenvectors, in columns, of the symmetric part of `a`. The largest number of each vector is positive.
 * @shape [..., n, n] → values [..., n], vectors [..., n, n]
 */
export function eigh(a: Tensor): { values: Tensor; vectors: Tensor } {
  const { values, vectors } = ops.eigh(floats(a).node);
  return { values: new Tensor(values), vectors: new Tensor(vectors) };
}

/** Eigenvalues, rising, of the symmetric part of `a`. @shape [..., n, n] → [..., n] */
export const eigvalsh = (a: Tensor): Tensor => eigh(a).values;

/**
 * Singular values, falling, and singular vectors: `a = U S Vᵀ`. The largest number of each right vector is positive.
 * @shape [..., m, n] → u [..., m, k], s [..., k], vt [..., k, n], k the smaller of m and n
 */
export function svd(a: Tensor): { u: Tensor; s: Tensor; vt: Tensor } {
  const { u, s, vt } = ops.svd(floats(a).node);
  return { u: new Tensor(u), s: new Tensor(s), vt: new Tensor(vt) };
}

/** Singular values, falling. @shape [..., m, n] → [..., k] */
export const svdvals = (a: Tensor): Tensor => svd(a).s;

/** Below which share of the largest singular value one counts as 0. @source PyTorch: the larger size times the dtype's step from 1 */
const cutoff = (a: Tensor, rcond: number | undefined): number => rcond ?? Math.max(...a.shape.slice(-2)) * (a.dtype === "float64" ? 2 ** -52 : 2 ** -23);

/**
 * The pseudo-inverse of Moore and Penrose.
 * @shape [..., m, n] → [..., n, m]
 */
export function pinv(a: Tensor, { rcond }: { rcond?: number } = {}): Tensor {
  const x = floats(a);
  const { u, s, vt } = svd(x);
  const counts = s.greater(s.max(-1, { keep: true }).mul(cutoff(x, rcond)));
  const inverse = counts.where(counts.where(s, 1).reciprocal(), 0);
  return vt.transpose().matmul(inverse.expandDims(-1).mul(u.transpose()));
}

/** The x for which `a x` comes nearest to `b`; the shortest of them where there are many. @shape a [..., m, n], b [..., m, k] or [m] → [..., n, k] or [n] */
export function lstsq(a: Tensor, b: Tensor, options: { rcond?: number } = {}): Tensor {
  const both = sides("linalg.lstsq", a, b);
  if (both.a.shape.at(-2) !== both.b.shape.at(-2))
    throw new CambiumError("shape", "linalg.lstsq", `a is ${show(a.shape)}, b is ${show(b.shape)}; they must have as many rows`);
  return both.back(pinv(both.a, options).matmul(both.b));
}

/** How many singular values are not 0. @shape [..., m, n] → [...] int32 */
export function matrixRank(a: Tensor, { rcond }: { rcond?: number } = {}): Tensor {
  const x = floats(a);
  const s = svdvals(x);
  return s.greater(s.max(-1, { keep: true }).mul(cutoff(x, rcond))).sum(-1);
}

/** How much `solve` may magnify errors: the largest singular value over the smallest. @shape [..., m, n] → [...] */
export function cond(a: Tensor): Tensor {
  const s = svdvals(a);
  return s.max(-1).div(s.min(-1));
}

/** `a` times itself; a negative power is one of the inverse. @shape [..., n, n] → the same */
export function matrixPower(a: Tensor, power: number): Tensor {
  if (!Number.isInteger(power)) throw new CambiumError("value", "linalg.matrixPower", `${power} is no whole number; a matrix has whole powers only`);
  let square = power < 0 ? inv(a) : floats(a);
  let result = new Tensor(ops.identity(square.node));
  for (let rest = Math.abs(power); rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result = result.matmul(square);
    if (rest > 1) square = square.matmul(square);
  }
  return result;
}

const halvings = 10;
const terms = 12;

/**
 * The exponential of a matrix: 1 + a + a²/2 + …
 * Exact to double precision for norms up to about 500, whatever the matrix: a fixed number of squarings keeps it one program.
 * @shape [..., n, n] → the same
 * @source scaling and squaring: Moler and Van Loan, "Nineteen dubious ways to compute the exponential of a matrix" (2003)
 */
export function matrixExp(a: Tensor): Tensor {
  const x = floats(a).to("float64");
  const one = new Tensor(ops.identity(x.node));
  const small = x.mul(2 ** -halvings);
  let sum = one;
  for (let k = terms; k > 0; k--) sum = one.add(small.matmul(sum).div(k));
  for (let i = 0; i < halvings; i++) sum = sum.matmul(sum);
  return sum.to(floats(a).dtype);
}

/** The product of several matrices, in the order that needs the fewest steps; the first and the last may be vectors. @source NumPy `linalg.multi_dot` */
export function multiDot(matrices: readonly Tensor[]): Tensor {
  if (matrices.length < 2) throw new CambiumError("value", "linalg.multiDot", `a product needs two matrices, got ${matrices.length}`);
  const [first, last] = [matrices[0]!, matrices.at(-1)!];
  const all = matrices.map((x, i) => (i === 0 && x.rank === 1 ? x.expandDims(0) : i === matrices.length - 1 && x.rank === 1 ? x.expandDims(1) : x));
  const wrong = all.findIndex((x, i) => x.rank !== 2 || (i > 0 && x.shape[0] !== all[i - 1]!.shape[1]));
  if (wrong >= 0)
    throw new CambiumError(
      "shape",
      "linalg.multiDot",
      `matrix ${wrong} is ${show(matrices[wrong]!.shape)}; matrices [m, n] follow each other, each with as many rows as the one before has columns`,
    );
  const sizes = [all[0]!.shape[0]!, ...all.map((x) => x.shape[1]!)];
  const best = new Map<string, { cost: number; made: () => Tensor }>();
  const product = (i: number, j: number): { cost: number; made: () => Tensor } => {
    const key = `${i},${j}`;
    const known = best.get(key);
    if (known) return known;
    let found = { cost: i === j ? 0 : Number.POSITIVE_INFINITY, made: () => all[i]! };
    for (let k = i; k < j; k++) {
      const [a, b] = [product(i, k), product(k + 1, j)];
      const cost = a.cost + b.cost + sizes[i]! * sizes[k + 1]! * sizes[j + 1]!;
      if (cost < found.cost) found = { cost, made: () => a.made().matmul(b.made()) };
    }
    best.set(key, found);
    return found;
  };
  const whole = product(0, all.length - 1).made();
  const gone = [...(first.rank === 1 ? [0] : []), ...(last.rank === 1 ? [1] : [])];
  return gone.length > 0 ? whole.squeeze(gone) : whole;
}

/** The sum of products of vectors along `axis`. @source NumPy `linalg.vecdot` */
export const vecdot = (a: Tensor, b: Tensor, axis = -1): Tensor => a.mul(b).sum(axis);

/** The length of vectors along `axes`, of all numbers when left out; any power, ±∞ or 0. @source NumPy `linalg.vector_norm` */
export function vectorNorm(x: Tensor, order: number = 2, { axes, keep = false }: { axes?: Axes; keep?: boolean } = {}): Tensor {
  const over = resolveAxes("linalg.vectorNorm", axes, x.rank);
  const rest = x.shape.map((_, i) => i).filter((i) => !over.includes(i));
  const flat = floats(x)
    .permute([...rest, ...over])
    .reshape([...rest.map((i) => x.shape[i]!), over.reduce((n, i) => n * x.shape[i]!, 1)]);
  const n = alongAxis(flat, order, rest.length, false);
  return keep ? n.reshape(x.shape.map((d, i) => (over.includes(i) ? 1 : d))) : n;
}

/** The size of the matrices that two axes hold. @source NumPy `linalg.matrix_norm` */
export const matrixNorm = (
  x: Tensor,
  order: Order = "fro",
  { axes = [-2, -1], keep = false }: { axes?: readonly [number, number]; keep?: boolean } = {},
): Tensor => norm(x, order, { axes, keep });

/** The x whose products with `a`, summed over all axes of `x`, give `b`. @shape a [...b's, ...x's] → x's @source NumPy `linalg.tensorsolve` */
export function tensorsolve(a: Tensor, b: Tensor): Tensor {
  const shape = a.shape.slice(b.rank);
  const n = shape.reduce((p, d) => p * d, 1);
  if (n !== b.size)
    throw new CambiumError(
      "shape",
      "linalg.tensorsolve",
      `a is ${show(a.shape)}, b is ${show(b.shape)}; the axes of a behind those of b hold as many numbers as b`,
    );
  return solve(a.reshape([n, n]), b.reshape([n])).reshape(shape);
}

/** The inverse of what a sum over the last axes of `a` does, its first `ind` axes being the others. @source NumPy `linalg.tensorinv` */
export function tensorinv(a: Tensor, ind = 2): Tensor {
  const [before, behind] = [a.shape.slice(0, ind), a.shape.slice(ind)];
  const n = before.reduce((p, d) => p * d, 1);
  if (n * n !== a.size) throw new CambiumError("shape", "linalg.tensorinv", `a is ${show(a.shape)}; its first ${ind} axes hold as many numbers as the others`);
  return inv(a.reshape([n, n])).reshape([...behind, ...before]);
}

/** Which length: of a vector any power, ±∞ or 0 (how many are not 0); of a matrix ±1, ±2, ±∞, "fro" or "nuc". */
export type Order = number | "fro" | "nuc";

/**
 * The length of vectors (one axis) or matrices (two axes), of all numbers when neither axes nor an order are given.
 * @source NumPy `linalg.norm`
 */
export function norm(x: Tensor, order?: Order, { axes, keep = false }: { axes?: Axes; keep?: boolean } = {}): Tensor {
  const where = "linalg.norm";
  const y = floats(x);
  if (order === undefined) return y.norm(axes, { keep });
  const over = resolveAxes(where, axes, y.rank);
  if (over.length === 1) return alongAxis(y, order, over[0]!, keep);
  if (over.length !== 2)
    throw new CambiumError(
      "shape",
      where,
      `order ${order} is for vectors or matrices, ${show(x.shape)} has ${y.rank} axes`,
      "say which: { axes: -1 } or { axes: [-2, -1] }",
    );
  if (order === "fro") return y.norm(over, { keep });
  const [rows, columns] = over as [number, number];
  const kept = { keep: true };
  const done = (n: Tensor): Tensor => (keep ? n : n.squeeze(over));
  if (order === 1 || order === -1) return done(ends(y.abs().sum(rows, kept), columns, order > 0));
  if (order === Number.POSITIVE_INFINITY || order === Number.NEGATIVE_INFINITY) return done(ends(y.abs().sum(columns, kept), rows, order > 0));
  if (order !== 2 && order !== -2 && order !== "nuc")
    throw new CambiumError("value", where, `a matrix has no length of order ${order}; there are ±1, ±2, ±∞, "fro" and "nuc"`);
  const s = svdvals(y.moveAxis(columns, -1).moveAxis(rows < columns ? rows : rows - 1, -2));
  const n = order === "nuc" ? s.sum(-1) : order > 0 ? s.max(-1) : s.min(-1);
  return keep ? n.expandDims(over) : n;
}

const ends = (x: Tensor, axis: number, largest: boolean): Tensor => (largest ? x.max(axis, { keep: true }) : x.min(axis, { keep: true }));

function alongAxis(x: Tensor, order: Order, axis: number, keep: boolean): Tensor {
  if (typeof order === "string") throw new CambiumError("value", "linalg.norm", `"${order}" is the length of a matrix; give two axes`);
  if (order === 2) return x.norm(axis, { keep });
  if (order === Number.POSITIVE_INFINITY) return x.abs().max(axis, { keep });
  if (order === Number.NEGATIVE_INFINITY) return x.abs().min(axis, { keep });
  if (order === 0) return x.notEqual(0).to(x.dtype).sum(axis, { keep });
  if (order === 1) return x.abs().sum(axis, { keep });
  return x
    .abs()
    .pow(order)
    .sum(axis, { keep })
    .pow(1 / order);
}
