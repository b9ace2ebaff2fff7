/** Systems of linear equations: triangular factors, solutions, determinants. Leading axes are batches. */
import { CambiumError } from "../base/error.ts";
import { same, show, type Shape, size } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import { type Block, defineOp, type Op } from "../graph/op.ts";
import { add, mul, neg } from "./arithmetic.ts";
import { leadAxis } from "./axes.ts";
import * as loops from "./elimination.ts";
import { floating } from "./elementwise.ts";
import { onEveryOne } from "./examples.ts";
import { exp } from "./exponential.ts";
import { oneHot, range, tril, triu } from "./gather.ts";
import { matmul } from "./matmul.ts";
import { expandDims, reshape, transpose } from "./movement.ts";
import { slice } from "./slice.ts";
import { broadcast } from "./spread.ts";

/** The rows of the square matrices that end `shape`. @throws a `shape` error for others */
export function squareSize(where: string, shape: Shape): number {
  const [m, n] = shape.slice(-2);
  if (shape.length < 2 || m !== n) throw new CambiumError("shape", where, `expected square matrices [..., n, n], got ${show(shape)}`);
  return n!;
}

/** The parts of `data`, one for each matrix of a batch. */
export const partsOf = (data: Float64Array, batch: number): Float64Array[] =>
  Array.from({ length: batch }, (_, i) => data.subarray((i * data.length) / batch, ((i + 1) * data.length) / batch));

/** Calls `each` with what one matrix's results and operands are, for each of the batch. */
export function eachMatrix(out: Block, inputs: readonly Block[], each: (out: Float64Array, ...inputs: Float64Array[]) => void): void {
  const batch = size(inputs[0]!.shape.slice(0, -2));
  if (batch === 0) return;
  const parts = [out, ...inputs].map(({ data }) => partsOf(data, batch));
  for (let i = 0; i < batch; i++) each(parts[0]![i]!, ...parts.slice(1).map((list) => list[i]!));
}

/** Half of a matrix and its mirror image. */
export const symmetric = (x: Node): Node => mul(add(x, transpose(x)), 0.5);

/**
 * The lower triangular L of `a = L Lᵀ`, from the symmetric part of `a`; NaN where it is not positive definite.
 * @shape [..., n, n] → the same
 * @source LAPACK `potrf`; its gradient: Murray, "Differentiation of the Cholesky decomposition" (2016)
 */
export const cholesky: Op<["a"]> = defineOp({
  name: "cholesky",
  kind: "factorization",
  inputs: ["a"],
  shape: ([a]) => {
    squareSize("cholesky", a!);
    return a!;
  },
  dtype: floating,
  batch: onEveryOne(leadAxis),
  gradient: (dy, { out }) => {
    const lower = tril(matmul(transpose(out), dy));
    const inner = mul(add(lower, tril(lower, -1)), 0.5);
    const half = triangularSolve(out, inner, { transposed: true });
    return { a: symmetric(transpose(triangularSolve(out, transpose(half), { transposed: true }))) };
  },
  reference: (out, inputs) => eachMatrix(out, inputs, (o, a) => loops.cholesky(a, out.shape.at(-1)!, o)),
  cases: [
    { shapes: [[3, 3]], args: [], values: [[4, 1, 0.5, 1, 3, -0.5, 0.5, -0.5, 2]] },
    { shapes: [[2, 2, 2]], args: [], values: [[2, 0.5, 0.5, 1, 3, -1, -1, 2]] },
    { shapes: [[1, 1]], args: [], values: [[9]] },
  ],
});

export interface TriangularOptions {
  /** The upper triangle counts, not the lower. Default `false`. */
  readonly upper?: boolean;
  /** The matrix is transposed first. Default `false`. */
  readonly transposed?: boolean;
  /** Ones are taken to be on the diagonal. Default `false`. */
  readonly unit?: boolean;
}

function solvable(where: string, a: Shape, b: Shape): Shape {
  const n = squareSize(where, a);
  if (b.length !== a.length || !same(a.slice(0, -2), b.slice(0, -2)) || b.at(-2) !== n)
    throw new CambiumError("shape", where, `a is ${show(a)}, b is ${show(b)}; b must be [${[...a.slice(0, -1), "k"].join(", ")}]`, b.length === a.length - 1 ? "a single right side needs an axis: b.expandDims(-1)" : undefined);
  return b;
}

/**
 * The x of `a x = b` for a triangular `a`; what is in its other triangle does not count.
 * @shape a [..., n, n], b [..., n, k] → [..., n, k]
 */
export const triangularSolve: Op<["a", "b"], [options?: TriangularOptions]> = defineOp({
  name: "triangularSolve",
  kind: "factorization",
  inputs: ["a", "b"],
  attrs: (_, { upper = false, transposed = false, unit = false }: TriangularOptions = {}) => ({ upper, transposed, unit }),
  shape: ([a, b]) => solvable("triangularSolve", a!, b!),
  dtype: floating,
  batch: onEveryOne(leadAxis),
  gradient: (dy, { a, out }, { upper, transposed, unit }) => {
    const db = triangularSolve(a, dy, { upper, transposed: !transposed, unit });
    return {
      get a(): Node {
        const full = neg(transposed ? matmul(out, transpose(db)) : matmul(db, transpose(out)));
        return upper ? triu(full, unit ? 1 : 0) : tril(full, unit ? -1 : 0);
      },
      b: db,
    };
  },
  reference: (out, inputs, { upper, transposed, unit }) =>
    eachMatrix(out, inputs, (o, a, b) => {
      o.set(b);
      loops.substitute(a, out.shape.at(-2)!, o, out.shape.at(-1)!, upper, transposed, unit);
    }),
  cases: [
    { shapes: [[3, 3], [3, 2]], args: [], values: [[2, 9, 9, -1, 1.5, 9, 0.5, 1, -2]] },
    { shapes: [[3, 3], [3, 2]], args: [{ upper: true }], values: [[2, 1, -1, 9, 1.5, 1, 9, 9, -2]] },
    { shapes: [[2, 2, 2], [2, 2, 1]], args: [{ transposed: true }], values: [[2, 9, 1, 1.5, -1, 9, 0.5, 2]] },
    { shapes: [[3, 3], [3, 1]], args: [{ upper: true, transposed: true, unit: true }] },
  ],
});

/**
 * The x of `a x = b`; infinite or NaN where `a` is singular.
 * @shape a [..., n, n], b [..., n, k] → [..., n, k]
 * @source LAPACK `gesv`: elimination with row exchanges
 */
export const solve: Op<["a", "b"]> = defineOp({
  name: "solve",
  kind: "factorization",
  inputs: ["a", "b"],
  shape: ([a, b]) => solvable("solve", a!, b!),
  dtype: floating,
  batch: onEveryOne(leadAxis),
  gradient: (dy, { a, out }) => {
    const db = solve(transpose(a), dy);
    return {
      get a(): Node {
        return neg(matmul(db, transpose(out)));
      },
      b: db,
    };
  },
  reference: (out, inputs) => eachMatrix(out, inputs, (o, a, b) => loops.solve(a.slice(), out.shape.at(-2)!, b, out.shape.at(-1)!, o)),
  cases: [
    { shapes: [[3, 3], [3, 2]], args: [], values: [[0, 2, 1, 1, -1, 0.5, 2, 0.5, 1]] },
    { shapes: [[2, 2, 2], [2, 2, 1]], args: [], values: [[1, 2, -1, 0.5, 0, -1, 2, 1]] },
    { shapes: [[1, 1], [1, 3]], args: [], values: [[-2]] },
  ],
});

/** Identity matrices, as many and as large as `a`. */
export function identity(a: Node): Node {
  const n = squareSize("identity", a.shape);
  return broadcast(oneHot(range([n]), n, floating([a.dtype])), a.shape);
}

/** The inverse; infinite or NaN where there is none. @shape [..., n, n] → the same */
export function inverse(a: Node): Node {
  squareSize("inverse", a.shape);
  return solve(a, identity(a));
}

/**
 * The sign of the determinant and the logarithm of its size, side by side; 0 and −∞ where the matrix is singular.
 * @shape [..., n, n] → [..., 2]
 */
export const logDeterminant: Op<["a"]> = defineOp({
  name: "logDeterminant",
  kind: "factorization",
  inputs: ["a"],
  shape: ([a]) => {
    squareSize("logDeterminant", a!);
    return [...a!.slice(0, -2), 2];
  },
  dtype: floating,
  batch: onEveryOne(leadAxis),
  gradient: (dy, { a }) => ({ a: mul(expandDims(slice(dy, [...dy.shape.slice(1).map(() => 0), 1]), -1), transpose(inverse(a))) }),
  reference: (out, inputs) => eachMatrix(out, inputs, (o, a) => loops.determinant(a.slice(), inputs[0]!.shape.at(-1)!, o)),
  cases: [
    { shapes: [[3, 3]], args: [], values: [[0, 2, 1, 1, -1, 0.5, 2, 0.5, 1]] },
    { shapes: [[2, 2, 2]], args: [], values: [[1, 2, -1, 0.5, 0, -1, 2, 1]] },
  ],
  method: false,
});

/** The determinant, from its sign and logarithm. @shape [..., n, n] → [...] */
export function determinant(a: Node): Node {
  const [sign, log] = signAndLog(logDeterminant(a));
  return mul(sign, exp(log));
}

/** The two halves of a `logDeterminant`. */
export function signAndLog(both: Node): [sign: Node, log: Node] {
  const lead = both.shape.slice(0, -1);
  const half = (i: number): Node => reshape(slice(both, [...lead.map(() => 0), i], [...lead, i + 1]), lead);
  return [half(0), half(1)];
}
