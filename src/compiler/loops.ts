/** Loops before they are compiled: one where several do the same, with no stack that nobody reads. */
import { Node } from "../graph/node.ts";
import { isLoop, isLoopPart, type LoopAttrs, loopAttrs, Region } from "../graph/region.ts";
import { inOrder } from "../graph/walk.ts";
import { isLeaf, rewrite } from "./rewrite.ts";

/** Loops over one body and the same inputs, as a loop and the one that also keeps what the gradient needs. */
interface Family {
  readonly results: Node[];
  made: Node | undefined;
}

export function joinLoops(roots: readonly Node[]): readonly Node[] {
  const order = inOrder(roots, isLeaf).filter((node) => !isLeaf(node));
  if (!order.some(isLoop)) return roots;
  const families = new Map<Node, Family>();
  const known: [Node, Family][] = [];
  for (const node of order) {
    if (!isLoop(node)) continue;
    let family = known.find(([like]) => alike(like, node))?.[1];
    if (!family) {
      const { body, carries } = loopAttrs(node);
      known.push([node, (family = { results: body.results.slice(0, carries), made: undefined })]);
    }
    families.set(node, family);
  }
  /** Where a part's node of the body is among the results of its family. */
  const placeOf = (part: Node): number => {
    const index = part.attrs.index as number;
    const { carries, body } = loopAttrs(part.inputs[0]!);
    if (index < carries) return index;
    const { results } = families.get(part.inputs[0]!)!;
    const at = results.indexOf(body.results[index]!, carries);
    return at >= 0 ? at : results.push(body.results[index]!) - 1;
  };
  for (const node of order) if (isLoopPart(node)) placeOf(node);
  return rewrite(roots, (node, original) => {
    if (isLoop(original)) {
      const family = families.get(original)!;
      const attrs: LoopAttrs = { ...loopAttrs(original), body: new Region(loopAttrs(original).body.inputs, family.results) };
      return (family.made ??= new Node(node.op, node.inputs, attrs, node.shape, node.dtype, node.requires));
    }
    if (!isLoopPart(original)) return node;
    return new Node(node.op, node.inputs, { ...node.attrs, index: placeOf(original) }, node.shape, node.dtype, node.requires);
  });
}

const alike = (a: Node, b: Node): boolean => loopAttrs(a).body.inputs === loopAttrs(b).body.inputs && a.inputs.every((input, i) => input === b.inputs[i]);
