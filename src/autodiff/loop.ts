import { isFloat } from "../base/dtype.ts";
import { Node, placeholder } from "../graph/node.ts";
import { defineOp, type Examples, recording, seen, type VariadicOp } from "../graph/op.ts";
import { loopAttrs, type LoopAttrs, Region } from "../graph/region.ts";
import { moveAxis } from "../ops/movement.ts";
import { broadcast } from "../ops/spread.ts";
import { batch } from "./batch.ts";
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
  batch: (examples, _, node) => batchLoop(examples, node),
  cases: [],
  method: false,
});

/** A loop over many examples at once: its carries and stacks all have them along their first axis, pieces behind the steps. */
function batchLoop({ inputs, varies, count }: Examples, node: Node): Node {
  const attrs = loopAttrs(node);
  const { carries, xs, body } = attrs;
  const many = (x: Node): Node => broadcast(x, [count, ...x.shape]);
  const stands = body.inputs.map((x, i) => (i < carries || varies[i] ? placeholder([count, ...x.shape], x.dtype, x.requires) : x));
  const varying = new Map(body.inputs.flatMap((x, i): [Node, Node][] => (stands[i] === x ? [] : [[x, stands[i]!]])));
  const results = batch(body.results, varying, { count, fresh: () => false }).map((y) => (y.varies ? y.node : many(y.node)));
  const given = inputs.map((x, i) => (i < carries ? (varies[i] ? x : many(x)) : i < carries + xs && varies[i] ? moveAxis(x, 0, 1) : x));
  return loopNode(given, { ...attrs, body: new Region(stands, results) });
}

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
export function loop({ steps, reverse, carries, xs, next, ys, inside, outside, fresh, going }: LoopParts): Node {
  const own = [...carries, ...xs].map(([stand]) => stand);
  const { results, drawn, captured } = close([...next, ...ys], {
    inside: new Map([...own.map((stand) => [stand, stand] as const), ...(inside ?? [])]),
    outside,
    steps,
    fresh,
  });
  const body = new Region([...own, ...[...drawn, ...captured].map(([stand]) => stand)], results);
  const inputs = [...carries, ...xs, ...drawn, ...captured].map(([, value]) => value);
  return loopNode(inputs, { steps, reverse, carries: carries.length, xs: xs.length + drawn.length, body, ...(going !== undefined && { going }) });
}
