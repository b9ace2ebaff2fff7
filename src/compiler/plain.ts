import { size } from "../base/shape.ts";
import { Node } from "../graph/node.ts";
import { isLoop, isLoopPart } from "../graph/region.ts";
import { inOrder } from "../graph/walk.ts";
import { copy } from "./copy.ts";
import { expandMacros } from "./expand.ts";
import { joinLoops } from "./loops.ts";
import type { Program, Stage, Value } from "./program.ts";
import { isLeaf } from "./rewrite.ts";

/** One kernel an op and nothing else changed: for an engine that is slow on purpose. */
export function compilePlain(roots: readonly Node[], leaves: readonly Node[], scalars: readonly Node[]): Program {
  const taken = new Set<Node>();
  const graph = joinLoops(expandMacros(roots)).map((root) => {
    const result = isLeaf(root) || taken.has(root) ? copy(root) : root;
    taken.add(result);
    return result;
  });
  const values: Value[] = [];
  const ids = new Map<Node, number>();
  const add = (node: Node, home: Value["home"]): number => {
    ids.set(node, values.length);
    return values.push({ home, dtype: node.dtype, length: size(node.shape) }) - 1;
  };
  leaves.forEach((leaf, slot) => add(leaf, { at: "input", slot }));
  scalars.forEach((leaf, slot) => add(leaf, { at: "scalar", slot }));
  graph.forEach((root, slot) => add(root, { at: "output", slot }));
  let arena = 0;
  const stages: Stage[] = [];
  const order = inOrder(graph, isLeaf).filter((node) => !isLeaf(node));
  const valueOf = (node: Node): number => {
    let value = ids.get(node);
    if (value === undefined) {
      value = add(node, { at: "arena", offset: arena });
      arena += Math.ceil((size(node.shape) * 8) / 64) * 64;
    }
    return value;
  };
  for (const node of order) {
    if (isLoopPart(node)) continue;
    const inputs = node.inputs.map((input) => ids.get(input)!);
    const parts = isLoop(node)
      ? order.filter((other) => isLoopPart(other) && other.inputs[0] === node).map((one) => [one.attrs.index as number, valueOf(one)] as const)
      : undefined;
    const out = parts ? -1 : valueOf(node);
    // A node of its own: the graph's lets go of its inputs once it has been computed, the program must not.
    const kept = new Node(node.op, node.inputs, node.attrs, node.shape, node.dtype, node.requires);
    stages.push({ samples: 0, chunk: 0, serial: true, kernels: [{ kind: "op", node: kept, inputs, out, ...(parts && { parts }) }] });
  }
  const slots = (nodes: readonly Node[]): Program["inputs"] => nodes.map((node) => ({ dtype: node.dtype, length: size(node.shape) }));
  return { values, stages, inputs: slots(leaves), outputs: slots(roots), scalars: scalars.length, arena, local: 0, partial: 0 };
}
