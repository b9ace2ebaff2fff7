/** Products and windows are computed in whole floats: floats of 16 bits are only a way to store numbers, and whole numbers have no kernels of their own. */
import { type DType, isFloat, isShort } from "../base/dtype.ts";
import { Node } from "../graph/node.ts";
import { cast, castTo } from "../ops/cast.ts";
import { rewrite } from "./rewrite.ts";

/** Ops that add up many numbers: in 16 bits the sum would soon stand still. */
const summing = new Set(["sum", "prod", "matmul", "scatterAdd", "scatterMax"]);
/** Ops whose kernels know whole floats only. Which of their inputs name places is left as it is. */
const floating = new Map([
  ...["conv", "convKernel"].map((name) => [name, 2] as const),
  ...["windowArgMax", "windowTake", "windowPut", "windowSum", "windowSpread"].map((name) => [name, 1] as const),
]);

/** The dtype in which an op on numbers of `dtype` is computed: one that holds each of them exactly. */
const widened = (dtype: DType, floats: boolean): DType =>
  isShort(dtype) ? "float32" : !floats || isFloat(dtype) ? dtype : dtype === "int32" || dtype === "int64" ? "float64" : "float32";

/** The graph with such ops on wide operands, and their results cast back. */
export const widen = (roots: readonly Node[]): Node[] =>
  rewrite(roots, (node) => {
    const { name } = node.op!;
    const numbers = floating.get(name);
    if (numbers === undefined && !summing.has(name)) return node;
    const to = node.inputs.map((x, i) => (i < (numbers ?? 2) ? widened(x.dtype, numbers !== undefined) : x.dtype));
    if (node.inputs.every((x, i) => x.dtype === to[i])) return node;
    const inputs = node.inputs.map((x, i) => (x.dtype === to[i] ? x : cast(x, to[i]!)));
    const dtype = name === "windowArgMax" ? node.dtype : to[0]!;
    return castTo(new Node(node.op, inputs, node.attrs, node.shape, dtype, node.requires), node.dtype);
  });
