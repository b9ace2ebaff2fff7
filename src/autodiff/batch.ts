/** A graph for one example rewritten into a graph for many: node by node, with the examples along a new first axis. */
import { CambiumError } from "../base/error.ts";
import type { Node } from "../graph/node.ts";
import { at, type Examples, type Kind, type OpSpec, used } from "../graph/op.ts";
import { shiftAxes } from "../ops/axes.ts";
import { alignRank } from "../ops/spread.ts";
import { arriving, withGradient } from "./custom.ts";
import { expansion } from "./part.ts";

export interface Batching {
  readonly count: number;
  /** Whether random numbers drawn from this stream, of an op's input `stream`, differ from example to example. @throws where they must not be drawn */
  readonly fresh: (stream: Node) => boolean;
}

/** What a node of the graph for one example has become, and whether it differs from example to example. */
export interface Batched {
  readonly node: Node;
  readonly varies: boolean;
}

type Rule = NonNullable<OpSpec<any, any, any>["batch"]>;

/** Number by number, examples stay apart as long as their axis stays in front of all others. */
const alignRanks: Rule = ({ inputs, varies }, attrs, node) =>
  used(
    node,
    inputs.map((x, i) => (varies[i] ? alignRank(x, node.shape.length) : x)),
    attrs,
  );

/** Kinds whose ops all have one rule. */
const byKind: Partial<Record<Kind, Rule>> = { elementwise: alignRanks, reduction: shiftAxes };

/**
 * The nodes that `roots`, a graph for one example, become when `varying` nodes of it are given for many examples at once.
 * What does not depend on them stays as it is. Ops without a rule are taken apart, macros written out. Needs no recursion.
 */
export function batch(roots: readonly Node[], varying: ReadonlyMap<Node, Node>, { count, fresh }: Batching): Batched[] {
  const done = new Map<Node, Batched>();
  for (const [node, examples] of varying) done.set(node, { node: examples, varies: true });
  /** What nodes that were taken apart are made of. */
  const written = new Map<Node, Node>();
  const stack = [...roots];
  while (stack.length > 0) {
    const node = stack[stack.length - 1]!;
    if (done.has(node)) {
      stack.pop();
      continue;
    }
    if (!node.op || node.value) {
      done.set(node, { node, varies: false });
      continue;
    }
    const parts = written.get(node);
    if (parts) {
      done.set(node, done.get(parts)!);
      continue;
    }
    const waiting = awaited(node, done, count).filter((input) => !done.has(input));
    if (waiting.length > 0) {
      stack.push(...waiting.reverse());
      continue;
    }
    const inputs = node.inputs.map((input) => done.get(input) ?? { node: input, varies: false });
    const stream = node.inputs[node.op.inputs.indexOf("stream")];
    const examples: Examples = {
      inputs: inputs.map((input) => input.node),
      varies: inputs.map((input) => input.varies),
      count,
      fresh: stream !== undefined && !done.get(stream)!.varies && fresh(stream),
    };
    if (!examples.fresh && !examples.varies.includes(true)) {
      done.set(node, { node, varies: false });
      continue;
    }
    const rule = node.op.batch ?? byKind[node.op.kind];
    const together = rule?.(examples, node.attrs, node);
    if (together || node.op.expand) {
      // A macro itself is no value: its parts are, and they look at what it stands for.
      done.set(node, { node: together ?? node, varies: true });
      continue;
    }
    const made =
      node.op.name === "part" && node.inputs[0]!.op!.expand
        ? expansion(node.inputs[0]!)[node.attrs.index as number]
        : node.op.decompose?.(at(node), node.attrs, node);
    if (!made) throw noRule(node);
    written.set(node, made);
    stack.push(made);
  }
  return roots.map((root) => done.get(root)!);
}

/** What has to be known before `node`. Where a gradient is given, a flow for each example arrives, but only if the value itself differs. */
function awaited(node: Node, done: Map<Node, Batched>, count: number): readonly Node[] {
  if (node.op !== withGradient) return node.inputs;
  const [value, flow, ...rest] = node.inputs as [Node, Node, ...Node[]];
  const made = [value, ...rest.slice(0, node.attrs.count as number)];
  if (made.every((input) => done.get(input)?.varies !== true)) return made;
  if (!done.has(flow)) done.set(flow, { node: arriving([count, ...flow.shape], flow.dtype), varies: true });
  return node.inputs;
}

const noRule = (node: Node): CambiumError =>
  new CambiumError(
    "value",
    "vmap",
    `${node.op!.name} cannot take many examples at once: it has neither a rule for that nor smaller ops to be made of`,
    `give its literal a batch rule: shiftAxes or leadAxis (src/ops/axes.ts), joinBatch or onEveryOne (src/ops/examples.ts), or one of its own`,
  );
