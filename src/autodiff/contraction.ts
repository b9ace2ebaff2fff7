/** Sums over all steps of a loop, said on stacks: one product over all steps instead of one a step. */
import { isFloat } from "../base/dtype.ts";
import { size } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import { used } from "../graph/op.ts";
import { add } from "../ops/arithmetic.ts";
import { castTo } from "../ops/cast.ts";
import { matmul } from "../ops/matmul.ts";
import { permute, reshape } from "../ops/movement.ts";
import { sum } from "../ops/spread.ts";
import { batch } from "./batch.ts";

/** A value of all steps, to be made from the stacks of what it needs. */
export interface Later {
  readonly needs: readonly Node[];
  readonly make: (stackOf: (y: Node) => Node) => Node;
}

/** The sum of `flow` over all steps: what can be made afterwards, and what is left to be added up on the way. */
export function afterwards(flow: Node, steps: number): { later: Later[]; left: Node | undefined } {
  const later: Later[] = [];
  let left: Node | undefined;
  const open = [flow];
  for (let term = open.pop(); term; term = open.pop()) {
    if (term.op?.name === "add" && term.inputs.every((x) => size(x.shape) === size(term!.shape) && x.dtype === term!.dtype)) {
      open.push(...term.inputs);
      continue;
    }
    const one = sumLater(term, steps);
    if (one) later.push(one);
    else left = left ? add(left, term) : term;
  }
  return { later, left };
}

/** Ops of one input for which the op of a sum is the sum of the ops. */
const linear = new Set(["reshape", "permute", "broadcast", "slice", "flip", "neg"]);

function sumLater(term: Node, steps: number): Later | undefined {
  const { op, attrs, shape } = term;
  if (!op || term.value) return undefined;
  const [a, b] = term.inputs as [Node, Node];
  if (linear.has(op.name) || (op.name === "pad" && attrs.value === 0)) {
    const inner = sumLater(a, steps);
    return inner && { needs: inner.needs, make: (stackOf) => used(term, [inner.make(stackOf)], attrs) };
  }
  if (op.name === "cast" && isFloat(a.dtype)) {
    const inner = sumLater(a, steps);
    return inner && { needs: inner.needs, make: (stackOf) => castTo(inner.make(stackOf), term.dtype) };
  }
  if (op.name === "sum") {
    const axes = [0, ...(attrs.axes as number[]).map((axis) => axis + 1)];
    return { needs: [a], make: (stackOf) => reshape(sum(stackOf(a), axes), shape) };
  }
  const rank = shape.length;
  if (op.name === "matmul" && rank >= 2 && [a, b].every((x) => x.shape.length === rank && x.shape.slice(0, -2).every((d, i) => d === shape[i])))
    return {
      needs: [unmoved(a), unmoved(b)],
      make: (stackOf) => {
        const [left, right] = [a, b].map((x) => moved(x, stackOf, steps)) as [Node, Node];
        const lead = Array.from({ length: rank - 2 }, (_, i) => i + 1);
        const [m, k] = a.shape.slice(-2) as [number, number];
        const all = [...shape.slice(0, -2), m, steps * k];
        return matmul(
          reshape(permute(left, [...lead, rank - 1, 0, rank]), all),
          reshape(permute(right, [...lead, 0, rank - 1, rank]), [...shape.slice(0, -2), steps * k, shape[rank - 1]!]),
        );
      },
    };
  if (op.name === "convKernel")
    return {
      needs: [a, b],
      make: (stackOf) =>
        used(
          term,
          [a, b].map((x) => reshape(stackOf(x), [steps * x.shape[0]!, ...x.shape.slice(1)])),
          attrs,
        ),
    };
  return undefined;
}

/** The value behind ops that only move numbers. */
const unmoved = (x: Node): Node => (x.op && !x.value && x.op.kind === "movement" && x.op.batch && x.inputs.length === 1 ? unmoved(x.inputs[0]!) : x);

/** The stack of `x`, made by moving the stack of what it moves. */
function moved(x: Node, stackOf: (y: Node) => Node, steps: number): Node {
  const from = unmoved(x);
  return batch([x], new Map([[from, stackOf(from)]]), { count: steps, fresh: () => false })[0]!.node;
}
