/** Where numbers belong among sorted ones. */
import { CambiumError } from "../base/error.ts";
import { same, show, size } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import { type Block, defineOp, type Op, used } from "../graph/op.ts";
import { isNaN, less, logicalAnd, logicalNot, logicalOr } from "./compare.ts";
import { everyOne } from "./examples.ts";
import { expandDims, reshape } from "./movement.ts";
import { sum } from "./spread.ts";

export interface Side {
  /** `"left"`: before equal numbers, `"right"`: behind them. Default `"left"`. */
  readonly side?: "left" | "right";
}

/**
 * How many of the `sorted` numbers along the last axis come before each of `numbers`: where it would be put in to keep them in order. NaN counts as largest.
 * @shape sorted [n], numbers [...]; or sorted [...lead, n], numbers [...lead, m] → the numbers' shape
 * @source NumPy's and PyTorch's `searchsorted`
 */
export const searchSorted: Op<["sorted", "numbers"], [options?: Side]> = defineOp({
  name: "searchSorted",
  kind: "composite",
  inputs: ["sorted", "numbers"],
  attrs: ([sorted], { side = "left" }: Side = {}) => {
    if (side !== "left" && side !== "right") throw new CambiumError("name", "searchSorted", `there is no side "${String(side)}"; it is "left" or "right"`);
    return { axis: sorted!.length - 1, apart: side === "right" };
  },
  shape: ([sorted, numbers]) => {
    if (sorted!.length === 0 || (sorted!.length > 1 && !same(sorted!.slice(0, -1), numbers!.slice(0, -1))))
      throw new CambiumError("shape", "searchSorted", `sorted is ${show(sorted!)}, numbers are ${show(numbers!)}; sorted must be one line, or a line for each line of numbers`);
    return numbers!;
  },
  dtype: () => "int32",
  constant: true,
  decompose: ({ sorted, numbers }, { apart }) => {
    const line = sorted.shape.length > 1 ? expandDims(sorted, -2) : sorted;
    const each = expandDims(numbers, -1);
    const before = (a: Node, b: Node): Node => logicalOr(less(a, b), logicalAnd(isNaN(b), logicalNot(isNaN(a))));
    return sum(apart ? logicalNot(before(each, line)) : before(line, each), -1);
  },
  reference: (out, [sorted, numbers], { apart }) => {
    const length = sorted!.shape.at(-1)!;
    const per = lineOf(sorted!, numbers!);
    const before = (a: number, b: number): boolean => a < b || (b !== b && a === a);
    numbers!.data.forEach((x, i) => {
      const line = sorted!.data.subarray(Math.floor(i / per) * length, (Math.floor(i / per) + 1) * length);
      out.data[i] = line.reduce((count, y) => count + Number(apart ? !before(x, y) : before(y, x)), 0);
    });
  },
  // One line for all numbers of an example becomes a line for each example's numbers, which then lie in a row.
  batch: (examples, attrs, node) => {
    const single = node.inputs[0]!.shape.length === 1;
    if (single && !examples.varies[0]) return used(node, examples.inputs, attrs);
    const [sorted, numbers] = everyOne(examples) as [Node, Node];
    if (!single) return used(node, [sorted, numbers], { ...attrs, axis: attrs.axis + 1 });
    const row = reshape(numbers, [examples.count, size(node.shape)]);
    return reshape(used(node, [sorted, row], { ...attrs, axis: 1 }), [examples.count, ...node.shape]);
  },
  cases: [
    { shapes: [[5], [2, 3]], args: [], values: [[-1, 0, 0, 1.5, 2], [0, -5, 3, 1.5, Number.NaN, 0.5]] },
    { shapes: [[5], [3]], args: [{ side: "right" }], values: [[-1, 0, 0, 1, 2], [0, Number.NaN, 9]] },
    { shapes: [[2, 3], [2, 2]], args: [], dtypes: ["int32", "float32"], values: [[0, 2, 4, 1, 1, 1], [1, 4, 1, 2]] },
    { shapes: [[0], [2]], args: [] },
  ],
});

/** How many numbers belong to each line. */
const lineOf = (sorted: Block, numbers: Block): number => (sorted.shape.length > 1 ? numbers.shape.at(-1)! : Math.max(1, size(numbers.shape)));
