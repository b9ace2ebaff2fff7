/** Folds in one form, so that equal ones are found to be equal: folded axes dropped, and what is the same along them taken out of sums. */
import type { Node } from "../graph/node.ts";
import { mul } from "../ops/arithmetic.ts";
import { reshape } from "../ops/movement.ts";
import { sum } from "../ops/spread.ts";
import { used } from "../graph/op.ts";
import { isLeaf, rewrite } from "./rewrite.ts";

const folds = new Set(["sum", "max", "min", "prod"]);

export const settleFolds = (roots: readonly Node[]): Node[] => rewrite(roots, (node) => (folds.has(node.op!.name) ? dropped(node) : node));

function dropped(node: Node): Node {
  const out = node.op!.name === "sum" ? factored(node) : undefined;
  if (out) return reshape(out, node.shape);
  return node.attrs.keep ? reshape(used(node, node.inputs, { ...node.attrs, keep: false }), node.shape) : node;
}

/** Σ a·b = b · Σ a where b is the same along the folded axes: in the gradients of a normalisation its weight, after which two pairs of sums are one each. */
function factored({ inputs: [x], attrs, dtype }: Node): Node | undefined {
  if (isLeaf(x!) || x!.op!.name !== "mul" || x!.dtype !== dtype || !dtype.startsWith("float")) return undefined;
  const axes = attrs.axes as readonly number[];
  const rank = x!.shape.length;
  const isSame = (b: Node): boolean => axes.length > 0 && axes.every((axis) => (b.shape[axis - rank + b.shape.length] ?? 1) === 1 && x!.shape[axis] !== 1);
  const [p, q] = x!.inputs as [Node, Node];
  for (const [a, b] of [
    [p, q],
    [q, p],
  ] as const) {
    if (a.shape.length !== rank || a.shape.some((d, i) => d !== x!.shape[i]) || !isSame(b)) continue;
    const full = [...new Array<number>(rank - b.shape.length).fill(1), ...b.shape];
    return mul(
      sum(a, axes, { keep: false }),
      reshape(
        b,
        full.filter((_, i) => !axes.includes(i)),
      ),
    );
  }
  return undefined;
}
