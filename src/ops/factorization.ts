/**
 * Matrices taken apart: QR, eigenvalues, singular values. Each op gives all its factors, one after another in one flat row a matrix;
 * `qr`, `eigh` and `svd` cut them out. Leading axes are batches.
 */
import { CambiumError } from "../base/error.ts";
import { type Shape, show, size } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import { type Block, defineOp, type Op } from "../graph/op.ts";
import { add, div, mul, sub } from "./arithmetic.ts";
import { leadAxis } from "./axes.ts";
import { equal, where } from "./compare.ts";
import { floating } from "./elementwise.ts";
import { orthogonalize } from "./elimination.ts";
import { tril, triu } from "./gather.ts";
import { eachMatrix, identity, squareSize, symmetric, triangularSolve } from "./linear.ts";
import { matmul } from "./matmul.ts";
import { expandDims, reshape, transpose } from "./movement.ts";
import { eigen, singular } from "./rotation.ts";
import { concat, slice } from "./slice.ts";

/** The flat row of a matrix cut into factors of the given shapes. */
function cut(flat: Node, shapes: readonly Shape[]): Node[] {
  const lead = flat.shape.slice(0, -1);
  let at = 0;
  return shapes.map((shape) => {
    const begin = at;
    at += size(shape);
    return reshape(slice(flat, [...lead.map(() => 0), begin], [...lead, at]), [...lead, ...shape]);
  });
}

/** Rows and columns of the matrices that end `shape`, and the smaller of both. */
function sizesOf(where: string, shape: Shape): [m: number, n: number, k: number] {
  if (shape.length < 2) throw new CambiumError("shape", where, `expected matrices [..., m, n], got ${show(shape)}`);
  const [m, n] = shape.slice(-2) as [number, number];
  return [m, n, Math.min(m, n)];
}

type Factorization = Op<["a"]>;

/** Defines an op that gives the factors of `shapes` as one flat row a matrix. */
function factors(
  name: string,
  shapes: (where: string, a: Shape) => Shape[],
  gradient: (flows: Node[], parts: Node[], a: Node) => Node,
  loops: (a: Float64Array, [m, n]: Shape, out: Float64Array[]) => void,
  cases: Factorization["cases"],
): Factorization {
  return defineOp({
    name,
    kind: "factorization",
    inputs: ["a"],
    shape: ([a]) => [...a!.slice(0, -2), shapes(name, a!).reduce((total, shape) => total + size(shape), 0)],
    dtype: floating,
    batch: leadAxis,
    gradient: (dy, { a, out }) => {
      const sizes = shapes(name, a.shape);
      return { a: gradient(cut(dy, sizes), cut(out, sizes), a) };
    },
    reference: (out: Block, inputs: Block[]) => {
      const { shape } = inputs[0]!;
      const sizes = shapes(name, shape).map(size);
      eachMatrix(out, inputs, (o, a) => {
        let at = 0;
        const parts = sizes.map((length) => o.subarray(at, (at += length)));
        loops(a, shape.slice(-2), parts);
      });
    },
    cases,
    method: false,
  });
}

const qrShapes = (where: string, a: Shape): Shape[] => {
  const [m, n, k] = sizesOf(where, a);
  return [[m, k], [k, n]];
};

/** Q [m, k] and R [k, n]. @source its gradient: Walter and Lehmann, "Algorithmic differentiation of linear algebra functions" (2018) */
export const qrFactors: Factorization = factors(
  "qrFactors",
  qrShapes,
  ([dq, dr], [q, r], a) => {
    const [m, n] = a.shape.slice(-2) as [number, number];
    if (m >= n) return tallGradient(dq!, dr!, q!, r!);
    // A wide matrix is a square one and a rest that Q turns.
    const lead = a.shape.slice(0, -2);
    const columns = (x: Node, from: number, to: number): Node => slice(x, [...lead.map(() => 0), 0, from], [...lead, x.shape.at(-2)!, to]);
    const rest = columns(dr!, m, n);
    const turned = add(dq!, matmul(columns(a, m, n), transpose(rest)));
    return concat([tallGradient(turned, columns(dr!, 0, m), q!, columns(r!, 0, m)), matmul(q!, rest)], -1);
  },
  (a, [m, n], [q, r]) => orthogonalize(a.slice(), m!, n!, q!, r!),
  [
    { shapes: [[4, 3]], args: [] },
    { shapes: [[2, 2, 2]], args: [] },
    { shapes: [[2, 4]], args: [] },
  ],
);

function tallGradient(dq: Node, dr: Node, q: Node, r: Node): Node {
  const both = sub(matmul(r, transpose(dr)), matmul(transpose(dq), q));
  const mirrored = add(tril(both), transpose(tril(both, -1)));
  return transpose(triangularSolve(r, transpose(add(dq, matmul(q, mirrored))), { upper: true }));
}

const eighShapes = (where: string, a: Shape): Shape[] => {
  const n = squareSize(where, a);
  return [[n], [n, n]];
};

/** Zeros on the diagonal, and 1 / (xⱼ − xᵢ) elsewhere; equal numbers give 0, so that what does not depend on their order keeps a gradient. */
function gaps(x: Node): Node {
  const apart = sub(expandDims(x, -2), expandDims(x, -1));
  const same = equal(apart, 0);
  return where(same, 0, div(1, where(same, 1, apart)));
}

const onDiagonal = (x: Node, like: Node): Node => mul(identity(like), expandDims(x, -1));

/** Eigenvalues, rising, and eigenvectors in the rows of an n × n matrix, of the symmetric part. */
export const eighFactors: Factorization = factors(
  "eighFactors",
  eighShapes,
  ([dw, dv], [w, v]) => {
    const inner = add(mul(gaps(w!), matmul(v!, transpose(dv!))), onDiagonal(dw!, v!));
    return symmetric(matmul(matmul(transpose(v!), inner), v!));
  },
  (a, [n], [w, v]) => eigen(a, n!, w!, v!),
  [
    { shapes: [[3, 3]], args: [], values: [[4, 1, 0.5, 1, 2, -0.5, 0.5, -0.5, -1]] },
    { shapes: [[2, 2, 2]], args: [], values: [[2, 0.5, 0.5, 1, 3, -1, -1, -2]] },
    { shapes: [[1, 1]], args: [] },
  ],
);

const svdShapes = (where: string, a: Shape): Shape[] => {
  const [m, n, k] = sizesOf(where, a);
  return [[k, m], [k], [k, n]];
};

/** Left singular vectors in rows [k, m], singular values, falling, and right singular vectors in rows [k, n]. @source its gradient: Townsend, "Differentiating the singular value decomposition" (2016) */
export const svdFactors: Factorization = factors(
  "svdFactors",
  svdShapes,
  ([du, ds, dv], [u, s, v], a) => {
    const [m, n, k] = sizesOf("svd", a.shape);
    const values = expandDims(s!, -1);
    const skew = (x: Node): Node => sub(x, transpose(x));
    const squares = gaps(mul(s!, s!));
    const left = mul(mul(squares, skew(matmul(u!, transpose(du!)))), expandDims(s!, -2));
    const right = mul(values, mul(squares, skew(matmul(v!, transpose(dv!)))));
    let back = matmul(transpose(u!), matmul(add(add(left, right), onDiagonal(ds!, squares)), v!));
    // What leaves the space that the singular vectors span.
    const outside = (d: Node, basis: Node): Node => sub(d, matmul(matmul(d, transpose(basis)), basis));
    if (m > k) back = add(back, matmul(transpose(div(outside(du!, u!), values)), v!));
    if (n > k) back = add(back, matmul(transpose(u!), div(outside(dv!, v!), values)));
    return back;
  },
  (a, [m, n], [u, s, v]) => singular(a, m!, n!, u!, s!, v!),
  [
    { shapes: [[3, 3]], args: [], values: [[2, 0.5, -1, 0.3, -1, 0.7, 1, 1.2, 0.4]] },
    { shapes: [[4, 2]], args: [] },
    { shapes: [[2, 2, 3]], args: [] },
  ],
);

/** Q with orthonormal columns and the upper triangular R of `a = Q R`. @shape [..., m, n] → [..., m, k], [..., k, n] with k the smaller of m and n */
export function qr(a: Node): { q: Node; r: Node } {
  const [q, r] = cut(qrFactors(a), qrShapes("qr", a.shape)) as [Node, Node];
  return { q, r: triu(r) };
}

/** Eigenvalues, rising, and eigenvectors, in columns, of the symmetric part of `a`. @shape [..., n, n] → [..., n], [..., n, n] */
export function eigh(a: Node): { values: Node; vectors: Node } {
  const [values, rows] = cut(eighFactors(a), eighShapes("eigh", a.shape)) as [Node, Node];
  return { values, vectors: transpose(rows) };
}

/** U, the singular values, falling, and Vᵀ of `a = U S Vᵀ`. @shape [..., m, n] → [..., m, k], [..., k], [..., k, n] */
export function svd(a: Node): { u: Node; s: Node; vt: Node } {
  const [rows, s, vt] = cut(svdFactors(a), svdShapes("svd", a.shape)) as [Node, Node, Node];
  return { u: transpose(rows), s, vt };
}
