/** A traced graph made a region: what differs from step to step goes inside, all else is computed once, outside. */
import { Node, placeholder } from "../graph/node.ts";
import { at } from "../graph/op.ts";
import { inOrder } from "../graph/walk.ts";
import { castTo } from "../ops/cast.ts";

export interface Closing {
  /** Nodes that differ from step to step, each with the placeholder for it. */
  readonly inside: ReadonlyMap<Node, Node>;
  /** Placeholders of another region, and what they stand for outside. */
  readonly outside?: ReadonlyMap<Node, Node>;
  readonly steps: number;
  /** Whether each step draws random numbers of its own from this stream. */
  readonly fresh?: (stream: Node) => boolean;
}

export interface Closed {
  readonly results: readonly Node[];
  /** Random numbers for all steps, drawn ahead along a new first axis, and the placeholders for a step's. */
  readonly drawn: readonly (readonly [stand: Node, stack: Node])[];
  /** What the region reads from outside, and the placeholders for it. */
  readonly captured: readonly (readonly [stand: Node, value: Node])[];
}

const given = (node: Node): boolean => !node.op || node.value !== undefined;

/** Whether a node is written into the program rather than computed: counting, and numbers everywhere. */
const isWritten = (node: Node): boolean =>
  !given(node) &&
  (node.op!.name === "constant" || node.op!.name === "range" || ((node.op!.name === "broadcast" || node.op!.name === "reshape") && isWritten(node.inputs[0]!)));

const remade = (node: Node, inputs: readonly Node[]): Node => new Node(node.op, inputs, node.attrs, node.shape, node.dtype, node.requires);

/** The graph of `results` on placeholders only. */
export function close(results: readonly Node[], { inside, outside, steps, fresh = () => false }: Closing): Closed {
  const stop = (node: Node): boolean => given(node) || inside.has(node);
  const roots = opened(results, stop, fresh);
  const varies = new Set<Node>();
  const inner = new Map<Node, Node>(inside);
  const outer = new Map<Node, Node>(outside);
  const drawn: [Node, Node][] = [];
  const captured = new Map<Node, Node>();
  const outerOf = (node: Node): Node => outer.get(node) ?? node;
  /** A node as the region sees it. */
  const innerOf = (node: Node): Node => {
    const known = inner.get(node);
    if (known) return known;
    const value = outerOf(node);
    let stand: Node | undefined;
    if (isWritten(value)) stand = remade(value, value.inputs.map(innerOf));
    else {
      stand = captured.get(value);
      if (!stand) captured.set(value, (stand = placeholder(value.shape, value.dtype, value.requires)));
    }
    inner.set(node, stand);
    return stand;
  };
  const order = inOrder(roots, stop);
  const flows = flowsOf(order, inside, fresh);
  for (const node of order) {
    if (inside.has(node)) varies.add(node);
    else if (given(node)) continue;
    else if (isFresh(node, fresh)) {
      const stack = node.op!.batch!({ inputs: node.inputs.map(outerOf), varies: node.inputs.map(() => false), count: steps, fresh: true }, node.attrs, node)!;
      const stand = placeholder(node.shape, node.dtype);
      drawn.push([stand, stack]);
      varies.add(node);
      inner.set(node, stand);
    } else if (flows.has(node) || node.inputs.some((input) => varies.has(input))) {
      varies.add(node);
      inner.set(node, remade(node, node.inputs.map(innerOf)));
    } else if (node.inputs.some((input) => outer.has(input))) outer.set(node, remade(node, node.inputs.map(outerOf)));
  }
  return { results: roots.map(innerOf), drawn, captured: [...captured].map(([value, stand]) => [stand, value]) };
}

/** What stands for the flows to values that differ from step to step and have a gradient of their own: those flows differ too. */
function flowsOf(order: readonly Node[], inside: ReadonlyMap<Node, Node>, fresh: (stream: Node) => boolean): Set<Node> {
  const varies = new Set<Node>();
  const flows = new Set<Node>();
  for (const node of order) {
    if (!inside.has(node) && (given(node) || !(isFresh(node, fresh) || node.inputs.some((input) => varies.has(input))))) continue;
    varies.add(node);
    if (node.op?.name === "withGradient") flows.add(node.inputs[1]!);
  }
  return flows;
}

const streamOf = (node: Node): Node | undefined => node.inputs[node.op!.inputs.indexOf("stream")];

const isFresh = (node: Node, fresh: (stream: Node) => boolean): boolean => {
  const stream = streamOf(node);
  return stream !== undefined && fresh(stream);
};

/** The graph with composites that draw fresh numbers said in smaller ops, so that the drawing stands alone. */
function opened(results: readonly Node[], stop: (node: Node) => boolean, fresh: (stream: Node) => boolean): readonly Node[] {
  let roots = results;
  for (let changed = true; changed; ) {
    changed = false;
    const to = new Map<Node, Node>();
    const moved = (node: Node): Node => to.get(node) ?? node;
    for (const node of inOrder(roots, stop)) {
      if (stop(node)) continue;
      const inputs = node.inputs.map(moved);
      const next = inputs.every((input, i) => input === node.inputs[i]) ? node : remade(node, inputs);
      if (isFresh(next, fresh) && next.op!.kind === "composite") {
        to.set(node, castTo(next.op!.decompose!(at(next), next.attrs, next), next.dtype));
        changed = true;
      } else if (next !== node) to.set(node, next);
    }
    roots = roots.map(moved);
  }
  return roots;
}
