import type { Node } from "./node.ts";
import { used } from "./op.ts";
import { inOrder } from "./walk.ts";

/** `roots` with other nodes in place of some they are made from; what does not depend on those stays the very node it is. */
export function substitute(roots: readonly Node[], others: ReadonlyMap<Node, Node>): Node[] {
  const to = new Map<Node, Node>(others);
  const moved = (node: Node): Node => to.get(node) ?? node;
  for (const node of inOrder(roots, (n) => others.has(n)))
    if (!to.has(node) && node.inputs.some((input) => to.has(input))) to.set(node, used(node, node.inputs.map(moved), node.attrs));
  return roots.map(moved);
}
