import { isFloat } from "../base/dtype.ts";
import { Node } from "../graph/node.ts";
import { defineOp, recording, seen, type VariadicOp } from "../graph/op.ts";
import { loopAttrs, type LoopAttrs, Region } from "../graph/region.ts";
import { close } from "./closure.ts";
import { loopGradient } from "./loop-gradient.ts";
import type { LoopParts } from "./loop-parts.ts";
import { part } from "./part.ts";

/** A body run step by step; `LoopAttrs` says how its inputs and results are ordered. */
const scan: VariadicOp = defineOp({
  name: "scan",
  kind: "loop",
  inputs: ["values"],
  variadic: true,
  shape: () => [],
  dtype: () => "float32",
  gradientOfParts: (flows, wanted, node) =>
    loopGradient(flows, wanted, node, { loop, part: loopPart, node: (like, body) => loopNode(like.inputs, { ...loopAttrs(like), body }) }),
  cases: [],
  method: false,
});

const loopNode = (inputs: readonly Node[], attrs: LoopAttrs): Node =>
  seen(new Node(scan, inputs, attrs, [], "float32", recording.on && inputs.some((x) => x.requires)));

/** Result `index` of a loop: a carry after the last step, or a stack. */
export function loopPart(node: Node, index: number): Node {
  const { carries, steps, body } = loopAttrs(node);
  const { shape, dtype } = body.results[index]!;
  const whole = index < carries ? shape : [steps, ...shape];
  return seen(new Node(part, [node], { index, shape: whole, dtype }, whole, dtype, node.requires && isFloat(dtype)));
}

/** A loop. What its body reads from outside, it takes as inputs. */
export function loop({ steps, reverse, carries, xs, next, ys, inside, outside, fresh }: LoopParts): Node {
  const own = [...carries, ...xs].map(([stand]) => stand);
  const { results, drawn, captured } = close([...next, ...ys], {
    inside: new Map([...own.map((stand) => [stand, stand] as const), ...(inside ?? [])]),
    outside,
    steps,
    fresh,
  });
  const body = new Region([...own, ...[...drawn, ...captured].map(([stand]) => stand)], results);
  const inputs = [...carries, ...xs, ...drawn, ...captured].map(([, value]) => value);
  return loopNode(inputs, { steps, reverse, carries: carries.length, xs: xs.length + drawn.length, body });
}
