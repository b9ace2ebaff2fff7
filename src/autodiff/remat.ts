/** Values that are computed a second time on the way back instead of being kept. */
import { isFloat } from "../base/dtype.ts";
import { size } from "../base/shape.ts";
import { type Node, placeholder } from "../graph/node.ts";
import { defineOp, type Op } from "../graph/op.ts";
import { substitute } from "../graph/substitute.ts";
import { inOrder } from "../graph/walk.ts";
import { isNaN, where } from "../ops/compare.ts";
import { reshape } from "../ops/movement.ts";
import { slice } from "../ops/slice.ts";
import { arriving, withGradient } from "./custom.ts";
import { gradients } from "./gradient.ts";

/**
 * `x`, but not before `done` is known. What is made from it is another node than what is made from `x` itself, so merging equal nodes keeps the two apart,
 * and cannot begin before `done`, so it takes no room until then. That is why its parts choose between `x` and `x`: no pass may see that both are one.
 */
export const after: Op<["x", "done"]> = defineOp({
  name: "after",
  kind: "composite",
  inputs: ["x", "done"],
  shape: ([x]) => x!,
  dtype: ([x]) => x!,
  gradient: (dy) => ({ x: dy }),
  decompose: ({ x, done }) => (size(done.shape) === 0 ? x : where(isNaN(reshape(slice(reshape(done, [-1]), [0], [1]), [])), x, x)),
  cases: [],
  method: false,
});

/** What is trained, perhaps under another name. */
const isTrained = (node: Node): boolean => node.requires && (node.op === undefined || (node.op.name === "reshape" && isTrained(node.inputs[0]!)));

/**
 * `result`, which a function made by way of the nodes `made`; on the way back those are computed again from what the function was given.
 * What is trained is read as it is, since it is there all along.
 */
export function rematerialised(result: Node, made: ReadonlySet<Node>): Node {
  if (!made.has(result) || !isFloat(result.dtype)) return result;
  const outside = inOrder([result], (node) => !made.has(node)).filter((node) => !made.has(node) && node.op?.name !== "constant");
  const flow = arriving(result.shape, result.dtype);
  const from = outside.filter((node) => isFloat(node.dtype) && node.number === undefined);
  // Stand-ins keep what flows back from going on, past what the function was given.
  const stands = new Map(outside.map((node): [Node, Node] => [node, placeholder(node.shape, node.dtype, node.requires)]));
  const [copy] = substitute([result], stands);
  const back = gradients(
    copy!,
    from.map((node) => stands.get(node)!),
    flow,
  );
  const free = outside.every(isTrained) ? () => false : isTrained;
  const again = new Map(outside.map((node): [Node, Node] => [stands.get(node)!, free(node) ? node : after(node, flow)]));
  return withGradient([result, flow, ...from, ...substitute(back, again)], from.length);
}
