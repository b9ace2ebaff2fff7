import { isFloat } from "../base/dtype.ts";
import { CambiumError } from "../base/error.ts";
import { show, size } from "../base/shape.ts";
import { Node } from "../graph/node.ts";
import { at, casting, constant, defineOp, seen, type VariadicOp, watching } from "../graph/op.ts";
import { isLoopPart } from "../graph/region.ts";
import { add } from "../ops/arithmetic.ts";
import { castTo } from "../ops/cast.ts";
import { spreadTo } from "../ops/spread.ts";
import { noGradient, stepsTo } from "./flow.ts";
import { part } from "./part.ts";

/** A tensor like `node` that holds `value` everywhere. */
export const filled = (value: number, node: Node): Node => spreadTo(constant(value, node.dtype), node.shape);

/**
 * The gradients of `output` with respect to `wrt`, as new nodes shaped like them; zeros where it does not depend on one.
 * `dy` says how much each number of the output counts; without it the output must be a single number.
 * An op without a gradient of its own is taken apart first and its parts are used.
 * @throws a `shape` error when the output is not a single number and there is no `dy`
 */
export function gradients(output: Node, wrt: readonly Node[], dy?: Node): Node[] {
  if (!dy && size(output.shape) !== 1)
    throw new CambiumError(
      "shape",
      "gradient",
      `only a single number has a gradient, the output is ${show(output.shape)}`,
      "end with .sum() or .mean(), or say with dy how much each number counts",
    );
  if (!isFloat(output.dtype)) throw new CambiumError("dtype", "gradient", `the output is ${output.dtype}; only numbers of a float dtype have a gradient`);

  return pullBack([output], [dy ?? filled(1, output)], wrt).map((flow, i) => flow ?? filled(0, wrt[i]!));
}

/** What flows back to `wrt` when `flows` flow back to `outputs`; nothing where none of them depends on one. Nothing flows on through `cuts`. */
export function pullBack(outputs: readonly Node[], flows: readonly Node[], wrt: readonly Node[], cuts?: ReadonlySet<Node>): (Node | undefined)[] {
  const wanted = new Set(wrt);
  const steps = stepsTo(outputs, cuts);
  const reaching = new Set<Node>();
  for (const { node, from } of steps) if (wanted.has(node) || from.some((input) => reaching.has(input))) reaching.add(node);

  const arrived = new Map<Node, Node>();
  /** What has arrived at the parts of an op of several results. */
  const atParts = new Map<Node, (Node | undefined)[]>();
  const receive = (node: Node, flow: Node): void => {
    const before = arrived.get(node);
    const typed = castTo(flow, node.dtype);
    arrived.set(node, before ? add(before, typed) : typed);
  };
  outputs.forEach((output, i) => {
    receive(output, flows[i]!);
  });

  // What flows back has the dtypes of what it belongs to.
  const cast = casting.inputs;
  casting.inputs = undefined;
  for (let s = steps.length - 1; s >= 0; s--) {
    const { node, from, renamed } = steps[s]!;
    if (!from.some((input) => reaching.has(input))) continue;
    const parts = atParts.get(node);
    if (parts) {
      const back = node.op!.gradientOfParts!(
        parts,
        from.map((input) => reaching.has(input)),
        node,
      );
      back.forEach((flow, i) => flow && receive(from[i]!, flow));
      continue;
    }
    const flow = arrived.get(node);
    if (!flow) continue;
    if (renamed) {
      receive(from[0]!, flow);
      continue;
    }
    const op = node.op!;
    if (isLoopPart(node)) {
      const loop = from[0]!;
      if (!atParts.has(loop)) atParts.set(loop, []);
      atParts.get(loop)![node.attrs.index as number] = addTo(atParts.get(loop)![node.attrs.index as number], flow);
      continue;
    }
    if (!op.gradient) throw noGradient(node);
    watching.cause = node;
    const back = op.gradient(flow, at(node), node.attrs, node);
    for (let i = 0; i < from.length; i++) {
      const input = from[i]!;
      if (!reaching.has(input)) continue;
      const flows = op.variadic ? (back[op.inputs[0]] as readonly Node[] | undefined)?.[i] : (back[op.inputs[i]] as Node | undefined);
      if (flows) receive(input, flows);
    }
    watching.cause = undefined;
  }
  casting.inputs = cast;
  return wrt.map((node) => arrived.get(node));
}

const addTo = (before: Node | undefined, flow: Node): Node => (before ? add(before, flow) : flow);

/** The gradients of the first input with respect to the others, not yet written out. */
const gradient: VariadicOp = defineOp({
  name: "gradient",
  kind: "macro",
  inputs: ["lossAndWrt"],
  variadic: true,
  shape: () => [],
  expand: ([loss, ...wrt]) => gradients(loss!, wrt),
  cases: [],
  method: false,
});

/**
 * The gradients of the single number `loss` with respect to `wrt`, written out only when they are compiled: until then they cost one node each.
 * `createGraph` says whether their own gradients will be wanted; if not, they do not hold on to what the loss was made of once they are computed.
 */
export function gradientsLater(loss: Node, wrt: readonly Node[], { createGraph = false }: { createGraph?: boolean } = {}): Node[] {
  const macro = gradient([loss, ...wrt]);
  return wrt.map(({ shape, dtype }, index) => seen(new Node(part, [macro], { index, shape, dtype }, shape, dtype, createGraph)));
}

/**
 * How fast `output` changes when `wrt` move along `tangents`: the directional derivative.
 * @source a gradient is linear in what flows back, so its own gradient with respect to that is the forward derivative
 */
export function directional(output: Node, wrt: readonly Node[], tangents: readonly Node[]): Node {
  const dy = filled(0, output);
  const back = gradients(output, wrt, dy);
  return back.reduce<Node | undefined>((total, flow, i) => {
    const [along] = gradients(flow, [dy], tangents[i]!);
    return total ? add(total, along!) : along;
  }, undefined)!;
}
