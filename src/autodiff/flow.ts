import { isFloat } from "../base/dtype.ts";
import { CambiumError } from "../base/error.ts";
import type { Node } from "../graph/node.ts";
import { at } from "../graph/op.ts";
import { isLoopPart } from "../graph/region.ts";
import { expansion } from "./part.ts";

/**
 * What a node's value is made from, as far as gradients flow: nothing behind whole numbers and constant ops,
 * the written-out graph behind a macro's part and behind an op that has no gradient of its own.
 */
export interface Step {
  readonly node: Node;
  readonly from: readonly Node[];
  /** Whether the node is just another name for the one it is made from. */
  readonly renamed: boolean;
}

const none: readonly Node[] = [];

function stepTo(node: Node): Step {
  const { op } = node;
  // A node without inputs may be one that has been computed and has let go of them.
  if (!op || op.constant || node.inputs.length === 0 || !isFloat(node.dtype)) return { node, from: none, renamed: false };
  if (op.gradient || op.gradientOfParts || isLoopPart(node)) return { node, from: node.inputs, renamed: false };
  const written = op.name === "part" ? expansion(node.inputs[0]!)[node.attrs.index as number] : op.decompose?.(at(node), node.attrs, node);
  return written ? { node, from: [written], renamed: true } : { node, from: node.inputs, renamed: false };
}

/** The steps from which `outputs` are made, those of inputs first, up to `cuts`. Needs no recursion, and leaves the nodes' marks alone: writing out a macro walks too. */
export function stepsTo(outputs: readonly Node[], cuts?: ReadonlySet<Node>): Step[] {
  const order: Step[] = [];
  const open = new Map<Node, Step | undefined>();
  const stack: Node[] = [...outputs].reverse();
  while (stack.length > 0) {
    const node = stack[stack.length - 1]!;
    const step = open.get(node);
    if (step) {
      stack.pop();
      open.set(node, undefined);
      order.push(step);
    } else if (open.has(node)) stack.pop();
    else {
      const fresh = cuts?.has(node) && !outputs.includes(node) ? { node, from: none, renamed: false } : stepTo(node);
      open.set(node, fresh);
      for (let i = fresh.from.length - 1; i >= 0; i--) if (!open.has(fresh.from[i]!)) stack.push(fresh.from[i]!);
    }
  }
  return order;
}

/** A use of an op through which no gradient can be taken. */
export const noGradient = (node: Node): CambiumError =>
  new CambiumError(
    "value",
    node.op!.name,
    "has no gradient: it has neither a rule for one nor smaller ops to be made of",
    "cut it off with stopGradient (x.detach()) if none should flow",
  );
