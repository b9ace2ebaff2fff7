/** Products of matrices and vectors. */
import { type DType, isFloat } from "../base/dtype.ts";
import { CambiumError } from "../base/error.ts";
import { broadcastShapes, same, show, type Shape } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import { defineOp, type Op } from "../graph/op.ts";
import { mul } from "./arithmetic.ts";
import { expandDims, reshape, transpose } from "./movement.ts";
import { eachPosition, spreadSteps } from "./positions.ts";
import { alignRank, sum, sumTo } from "./spread.ts";

/** A vector as a matrix of one row (`a`) or one column (`b`). */
const rowOf = (a: Shape): Shape => (a.length === 1 ? [1, a[0]!] : a);
const columnOf = (b: Shape): Shape => (b.length === 1 ? [b[0]!, 1] : b);

function productShape([a, b]: Shape[]): Shape {
  if (a!.length === 0 || b!.length === 0)
    throw new CambiumError("shape", "matmul", `a is ${show(a!)}, b is ${show(b!)}; both need at least one axis`, "use mul to multiply by a number");
  const [left, right] = [rowOf(a!), columnOf(b!)];
  const [m, k, n] = [left[left.length - 2]!, left[left.length - 1]!, right[right.length - 1]!];
  const inner = right[right.length - 2]!;
  if (k !== inner)
    throw new CambiumError(
      "shape",
      "matmul",
      `inner sizes differ: a is ${show(a!)}, b is ${show(b!)}; a's last size must equal b's second last (${k} ≠ ${inner})`,
      b!.length > 1 && k === n ? "b looks transposed: try b.transpose()" : a!.length > 1 && m === inner ? "a looks transposed: try a.transpose()" : undefined,
    );
  const batch = left.length === 2 && right.length === 2 ? [] : broadcastShapes("matmul", left.slice(0, -2), right.slice(0, -2));
  const out = [...batch];
  if (a!.length > 1) out.push(m);
  if (b!.length > 1) out.push(n);
  return out;
}

const isMatrices = (a: Node, b: Node): boolean => a.shape.length > 1 && b.shape.length > 1;
const toRow = (a: Node): Node => (a.shape.length === 1 ? expandDims(a, 0) : a);
const toColumn = (b: Node): Node => (b.shape.length === 1 ? expandDims(b, 1) : b);

/**
 * The matrix product over the last two axes; axes before them broadcast, and a vector is a row on the left, a column on the right.
 * @shape [..., m, k] × [..., k, n] → [..., m, n]
 * @throws a `dtype` error when the dtypes differ
 */
export const matmul: Op<["a", "b"]> = defineOp({
  name: "matmul",
  kind: "contraction",
  inputs: ["a", "b"],
  shape: productShape,
  dtype: ([a, b]: DType[]) => {
    if (a !== b) throw new CambiumError("dtype", "matmul", `a is ${a}, b is ${b}; both must be of one dtype`, `cast one of them, e.g. ${isFloat(a!) ? "b" : "a"}.cast("${isFloat(a!) ? a : b}")`);
    return isFloat(a!) || a === "int64" ? a! : "int32";
  },
  gradient: (dy, { a, b }) => {
    // Between vectors and matrices, dy lacks the axes the vectors lack.
    const full = isMatrices(a, b) ? dy : reshape(dy, productShape([rowOf(a.shape), columnOf(b.shape)]));
    const [left, right] = [toRow(a), toColumn(b)];
    return {
      get a(): Node {
        const back = sumTo(matmul(full, transpose(right)), left.shape);
        return left === a ? back : reshape(back, a.shape);
      },
      get b(): Node {
        const back = flat(left, right) ? matmul(transpose(rows(left)), rows(full)) : sumTo(matmul(transpose(left), full), right.shape);
        return right === b ? back : reshape(back, b.shape);
      },
    };
  },
  // Vectors become matrices, which engines know; matrices become what is left for engines that do not.
  decompose: ({ a, b, out }) => {
    if (!isMatrices(a, b)) return reshape(matmul(toRow(a), toColumn(b)), out.shape);
    return sum(mul(expandDims(a, -1), expandDims(b, -3)), -2);
  },
  reference: (out, [a, b]) => {
    const [left, right] = [rowOf(a!.shape), columnOf(b!.shape)];
    const [m, k, n] = [left[left.length - 2]!, left[left.length - 1]!, right[right.length - 1]!];
    const batch = broadcastShapes("matmul", left.slice(0, -2), right.slice(0, -2));
    const froms: number[] = [];
    eachPosition(batch, spreadSteps(left.slice(0, -2), batch), (_, j) => froms.push(j * m * k));
    eachPosition(batch, spreadSteps(right.slice(0, -2), batch), (p, q) => {
      const [fromA, fromB] = [froms[p]!, q * k * n];
      for (let i = 0; i < m; i++)
        for (let j = 0; j < n; j++) {
          let total = 0;
          for (let l = 0; l < k; l++) total += a!.data[fromA + i * k + l]! * b!.data[fromB + l * n + j]!;
          out.data[(p * m + i) * n + j] = total;
        }
    });
  },
  batch: ({ inputs: [a, b], varies: [left, right], count }, _, node) => {
    const [m, n] = node.inputs.map((x) => x.shape.length) as [number, number];
    // The vectors of all examples are the rows of one matrix.
    if (!right && n <= 2) return matmul(a!, b!);
    if (!left && n === 1 && m <= 2) return matmul(b!, m === 1 ? a! : transpose(a!));
    if (!left && m <= 2 && n === 2) return matmul(a!, b!);
    const matrices = [m === 1 ? expandDims(a!, -2) : a!, n === 1 ? expandDims(b!, -1) : b!];
    const rank = Math.max(m, n, 2);
    const [x, y] = matrices.map((matrix, i) => ([left, right][i] ? alignRank(matrix, rank) : matrix)) as [Node, Node];
    return reshape(matmul(x, y), [count, ...node.shape]);
  },
  cases: [
    { shapes: [[3, 4], [4, 2]], args: [] },
    { shapes: [[2, 3, 4], [4, 5]], args: [] },
    { shapes: [[2, 1, 3, 4], [3, 4, 1]], args: [] },
    { shapes: [[4], [4]], args: [] },
    { shapes: [[3, 4], [4]], args: [] },
    { shapes: [[4], [2, 4, 3]], args: [] },
    { shapes: [[1, 1], [1, 1]], args: [] },
    { shapes: [[2, 0], [0, 3]], args: [] },
    { shapes: [[17, 33], [33, 19]], args: [] },
    { shapes: [[2, 3], [3, 2]], args: [], dtypes: ["float64", "float64"] },
  ],
});

/** Whether a batch of matrices meets a single one, so that the batch's rows make one tall matrix. */
const flat = (left: Node, right: Node): boolean => left.shape.length > 2 && right.shape.length === 2;
const rows = (x: Node): Node => reshape(x, [-1, x.shape[x.shape.length - 1]!]);

/** The sum of the products of two vectors. */
export function dot(a: Node, b: Node): Node {
  if (a.shape.length !== 1 || !same(a.shape, b.shape))
    throw new CambiumError("shape", "dot", `a is ${show(a.shape)}, b is ${show(b.shape)}; both must be vectors of one length`, a.shape.length > 1 ? "use matmul" : undefined);
  return matmul(a, b);
}

/** Every number of one vector times every number of another. */
export function outer(a: Node, b: Node): Node {
  if (a.shape.length !== 1 || b.shape.length !== 1) throw new CambiumError("shape", "outer", `a is ${show(a.shape)}, b is ${show(b.shape)}; both must be vectors`);
  return mul(expandDims(a, 1), b);
}
