import { Node } from "../graph/node.ts";
import { type AnyOp, defineOp } from "../graph/op.ts";
import { same } from "../base/shape.ts";
import { isLoop } from "../graph/region.ts";
import { instructions } from "./instruction.ts";
import { lineTasks, tasks } from "./program.ts";
import { isLeaf, rewrite } from "./rewrite.ts";
import { accessOf, isTurned, isView, isWhole } from "./view.ts";

/** Only the compiler writes this: the numbers of `x` laid out in order in memory of their own. */
export const copy: AnyOp = defineOp({
  name: "copy",
  kind: "elementwise",
  inputs: ["x"],
  shape: ([x]) => x!,
  scalar: (x) => x!,
  cases: [],
  method: false,
});

const fixed = (node: Node): boolean => node.op?.name === "constant" || node.number !== undefined;

/** Which inputs of an op its kernel reads as plain memory. */
const plainInputs: Readonly<Record<string, readonly number[]>> = {
  conv: [0, 1],
  convKernel: [0, 1],
  windowArgMax: [0],
  windowTake: [0, 1],
  windowPut: [0, 1],
  windowSum: [0],
  windowSpread: [0],
  gather: [0, 1],
  scatterAdd: [0, 1],
  scatterMax: [0, 1],
  pad: [0],
  ...Object.fromEntries([...tasks, ...lineTasks].map((task) => [task, [0, 1]])),
};

const summing = new Set(["sum", "convKernel"]);

/** Whether an op number by number reads `input` across the lines of its memory. */
function turned(node: Node, input: Node): boolean {
  const access = accessOf(input)!;
  return !fixed(access.base) && same(input.shape, node.shape) && isTurned(input.shape, access);
}

/** Sets copies in where a kernel cannot read through a view, and where a result is not a value of its own. */
export function setCopies(roots: readonly Node[]): Node[] {
  const solid = (node: Node): Node => {
    const access = accessOf(node)!;
    return fixed(access.base) || access.base.op?.name === "range" || !isWhole(node.shape, access) ? copy(node) : node;
  };
  const graph = rewrite(roots, (node) => {
    const { name } = node.op!;
    if (name === "reshape" && !accessOf(node)) return new Node(node.op, [copy(node.inputs[0]!)], node.attrs, node.shape, node.dtype, node.requires);
    if (name === "matmul") return withInputs(node, (input) => (fixed(accessOf(input)!.base) ? copy(input) : input));
    if (name === "attention" || name === "attentionGradient")
      return withInputs(node, (input) => (fixed(accessOf(input)!.base) || accessOf(input)!.base.op?.name === "range" ? copy(input) : input));
    // A loop reads its inputs as plain memory; of a sum, which may have a copy a thread, it takes one that is whole.
    if (isLoop(node))
      return withInputs(node, (input) => (summing.has(accessOf(input)!.base.op?.name ?? "") && !isLeaf(accessOf(input)!.base) ? copy(input) : solid(input)));
    // Read beside others that lie in order, as the gradient of a weight is in its update, it is turned first.
    if (instructions.has(name) && name !== "copy" && node.inputs.length > 1 && node.inputs.some((input) => turned(node, input)))
      return withInputs(node, (input) => (turned(node, input) ? copy(input) : input));
    const plain = plainInputs[name];
    return plain ? withInputs(node, (input, i) => (plain.includes(i) ? solid(input) : input)) : node;
  });
  // Each result needs memory of its own, also when it is asked for twice: then the second is a copy of the first, which no merging makes one.
  const given = new Map<Node, Node>();
  return graph.map((root) => {
    const before = given.get(root);
    const own = !isLeaf(root) && !isView(root) && root.op!.name !== "constant" && root.op!.name !== "range";
    const result = before ? copy(before) : own ? root : copy(root);
    given.set(root, result);
    return result;
  });
}

function withInputs(node: Node, change: (input: Node, i: number) => Node): Node {
  const inputs = node.inputs.map(change);
  return inputs.every((input, i) => input === node.inputs[i]) ? node : new Node(node.op, inputs, node.attrs, node.shape, node.dtype, node.requires);
}
