import type { Node } from "./node.ts";

let walks = 0;

/** A number no earlier walk has used: a node whose `mark` equals it has been seen by this walk. */
export const newMark = (): number => ++walks;

/**
 * Every node `roots` depend on, inputs before users, each with its place in the order as `index`.
 * With `stop`, nodes it holds for are listed but not looked through. Needs no recursion, so depth does not matter.
 */
export function inOrder(roots: readonly Node[], stop?: (node: Node) => boolean): Node[] {
  const mark = newMark();
  const open = -mark;
  const order: Node[] = [];
  const stack: Node[] = [];
  for (let r = 0; r < roots.length; r++) {
    if (roots[r]!.mark === mark) continue;
    stack.push(roots[r]!);
    while (stack.length > 0) {
      const node = stack[stack.length - 1]!;
      if (node.mark === mark) stack.pop();
      else if (node.mark === open) {
        node.mark = mark;
        node.index = order.length;
        order.push(node);
        stack.pop();
      } else {
        node.mark = open;
        if (stop?.(node)) continue;
        for (let i = node.inputs.length - 1; i >= 0; i--) {
          const input = node.inputs[i]!;
          if (input.mark !== mark && input.mark !== open) stack.push(input);
        }
      }
    }
  }
  return order;
}
