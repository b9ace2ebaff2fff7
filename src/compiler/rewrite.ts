import { Node } from "../graph/node.ts";
import { inOrder } from "../graph/walk.ts";

/** Numbers given from outside: where every walk of the compiler ends. */
export const isLeaf = (node: Node): boolean => node.value !== undefined || node.op === undefined;

/** `node` on other inputs of the same shapes and dtypes. */
export function onInputs(node: Node, inputs: readonly Node[]): Node {
  for (let i = 0; i < inputs.length; i++) if (inputs[i] !== node.inputs[i]) return new Node(node.op, inputs, node.attrs, node.shape, node.dtype, node.requires);
  return node;
}

/** The graph of `roots` with every node put through `rule`, inputs first; the rule also sees the node as it was. It returns its argument to leave it alone. */
export function rewrite(roots: readonly Node[], rule: (node: Node, original: Node) => Node): Node[] {
  const to = new Map<Node, Node>();
  const moved = (node: Node): Node => to.get(node)!;
  for (const node of inOrder(roots, isLeaf)) to.set(node, isLeaf(node) ? node : rule(onInputs(node, node.inputs.map(moved)), node));
  return roots.map(moved);
}

/** Who uses each node of the graph. */
export function usersOf(order: readonly Node[]): Map<Node, Node[]> {
  const users = new Map<Node, Node[]>();
  for (const node of order) users.set(node, []);
  for (const node of order) if (!isLeaf(node)) for (const input of node.inputs) users.get(input)!.push(node);
  return users;
}
