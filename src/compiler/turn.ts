/** (A · B)ᵀ = Bᵀ · Aᵀ: a product that is only read turned around is made turned around, so that what follows is done on its way out. */
import type { Node } from "../graph/node.ts";
import { inOrder } from "../graph/walk.ts";
import { matmul } from "../ops/matmul.ts";
import { permute } from "../ops/movement.ts";
import { isLeaf, rewrite, usersOf } from "./rewrite.ts";

const turnsLast = ({ op, attrs }: Node): boolean => {
  if (op?.name !== "permute") return false;
  const order = attrs.order as readonly number[];
  const n = order.length;
  return n >= 2 && order.every((axis, i) => axis === (i < n - 2 ? i : 2 * n - 3 - i));
};

/** `x` with its last two axes swapped. */
function turned(x: Node): Node {
  const n = x.shape.length;
  return turnsLast(x) && !isLeaf(x)
    ? x.inputs[0]!
    : permute(
        x,
        x.shape.map((_, i) => (i < n - 2 ? i : 2 * n - 3 - i)),
      );
}

export function turnProducts(roots: readonly Node[]): Node[] {
  const users = usersOf(inOrder(roots, isLeaf));
  const kept = new Set(roots);
  return rewrite(roots, (node, original) => {
    if (!turnsLast(node)) return node;
    const product = original.inputs[0]!;
    if (isLeaf(product) || product.op!.name !== "matmul" || kept.has(product) || !users.get(product)!.every((user) => turnsLast(user))) return node;
    const [a, b] = node.inputs[0]!.inputs as [Node, Node];
    return matmul(turned(b), turned(a));
  });
}
