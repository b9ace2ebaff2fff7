/** What users let happen to gradients on their way back through tensors. */
import { filled, pullBack } from "../autodiff/gradient.ts";
import { CambiumError } from "../base/error.ts";
import { same, show } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import { recording } from "../graph/op.ts";
import { add } from "../ops/arithmetic.ts";

/** Sees what flows back to a node, and may put something else in its place. */
export type FlowHook = (flow: Node) => Node | undefined;

/** By node; those of leaves by the handle that they are trained through, which goes on to other nodes. */
const hooks = new WeakMap<object, Set<FlowHook>>();
const sinks = new WeakMap<object, FlowHook>();
let any = false;

/** Lets `hook` see what flows back to `node`, or to the leaves of a handle, at each `backward()`. @returns what takes the hook off */
export function hookFlow(at: object, hook: FlowHook): () => void {
  const all = hooks.get(at) ?? new Set();
  hooks.set(at, all.add(hook));
  any = true;
  return () => void all.delete(hook);
}

/** Lets `sink` see what flows back to `node` after all hooks. */
export function keepFlow(node: Node, sink: (flow: Node) => void): void {
  sinks.set(node, (flow) => void sink(flow));
  any = true;
}

/** Hooked nodes, inputs before users, with their hooks. */
export type Hooked = ReadonlyMap<Node, readonly FlowHook[]>;

/** Which nodes of `order` are hooked; `ownerOf` says through which handle a leaf is trained. As long as nobody has hooked any, nobody looks. */
export function hookedAmong(order: () => readonly Node[], ownerOf: (leaf: Node) => object | undefined): Hooked {
  const found = new Map<Node, FlowHook[]>();
  if (!any) return found;
  for (const node of order()) {
    const owner = ownerOf(node);
    const all = [...(hooks.get(node) ?? []), ...((owner && hooks.get(owner)) ?? [])];
    const sink = sinks.get(node);
    if (sink) all.push(sink);
    if (all.length > 0) found.set(node, all);
  }
  return found;
}

/** What flows back to `wrt` from the single number `loss`, through all hooks. */
export function gradientsThroughHooks(loss: Node, wrt: readonly Node[], hooked: Hooked): (Node | undefined)[] {
  const before = recording.on;
  recording.on = false;
  try {
    const cuts = new Set(hooked.keys());
    const targets = [...new Set([...cuts, ...wrt])];
    const flows = new Map<Node, Node>();
    // From one hooked node to the next: what lies behind one waits until its hooks have seen all that flows to it.
    const back = (from: Node, flow: Node): void => {
      pullBack([from], [flow], targets, cuts).forEach((more, i) => {
        const target = targets[i]!;
        if (!more || target === from) return;
        const known = flows.get(target);
        flows.set(target, known ? add(known, more) : more);
      });
    };
    if (cuts.has(loss)) flows.set(loss, filled(1, loss));
    else back(loss, filled(1, loss));
    for (const node of [...cuts].reverse()) {
      const flow = flows.get(node);
      if (!flow) continue;
      const seen = hooked.get(node)!.reduce((g, hook) => kept(node, hook(g) ?? g), flow);
      flows.set(node, seen);
      if (node.op) back(node, seen);
    }
    return wrt.map((node) => flows.get(node));
  } finally {
    recording.on = before;
  }
}

function kept(node: Node, flow: Node): Node {
  if (!same(node.shape, flow.shape))
    throw new CambiumError(
      "shape",
      "registerHook",
      `the hook returned a gradient of shape ${show(flow.shape)}, the tensor is ${show(node.shape)}; shapes must be equal`,
    );
  return flow;
}
