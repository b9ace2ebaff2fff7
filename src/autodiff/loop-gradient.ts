/** The gradient of a loop: a loop that runs the other way, on what the first has kept for it. */
import { isFloat } from "../base/dtype.ts";
import { type Node, placeholder } from "../graph/node.ts";
import { constant } from "../graph/op.ts";
import { loopAttrs, Region } from "../graph/region.ts";
import { inOrder } from "../graph/walk.ts";
import { add } from "../ops/arithmetic.ts";
import { spreadTo } from "../ops/spread.ts";
import { afterwards, type Later } from "./contraction.ts";
import { stepsTo } from "./flow.ts";
import { pullBack } from "./gradient.ts";
import type { LoopParts } from "./loop-parts.ts";

type Flows = readonly (Node | undefined)[];

/** How loops are made; handed over because a loop knows its gradient. */
export interface Makers {
  readonly loop: (parts: LoopParts) => Node;
  readonly node: (like: Node, body: Region) => Node;
  readonly part: (loop: Node, index: number) => Node;
}

const zeros = ({ dtype, shape }: Node): Node => spreadTo(constant(0, dtype), shape);

/** What flows back to a loop's inputs. */
export function loopGradient(flows: Flows, wanted: readonly boolean[], node: Node, make: Makers): Flows {
  const { steps, reverse, carries, xs, body } = loopAttrs(node);
  const moving = carries + xs;
  const live = liveCarries(body, carries, wanted);
  const ends = live.map((i) => ({ i, y: body.results[i]!, stand: placeholder(body.results[i]!.shape, body.results[i]!.dtype) }));
  const ys = body.results.flatMap((y, i) => {
    const stack = i >= carries && isFloat(y.dtype) ? flows[i] : undefined;
    return stack ? [{ y, stack, stand: placeholder(y.shape, y.dtype) }] : [];
  });
  const others = wanted.flatMap((yes, i) => (yes && i >= carries && isFloat(body.inputs[i]!.dtype) ? [i] : []));
  const outputs = [...ends, ...ys];
  const pulled = pullBack(
    outputs.map(({ y }) => y),
    outputs.map(({ stand }) => stand),
    [...live, ...others].map((i) => body.inputs[i]!),
  );

  // What each step gives to a value that is the same at all steps is added up: all at once afterwards where it can be said so, else on the way.
  const stacked = new Set<Node>();
  const sums: { stand: Node; next: Node }[] = [];
  const shares: { to: number; later: readonly Later[]; sum: number }[] = [];
  const pieces: { to: number; y: Node }[] = [];
  others.forEach((to, k) => {
    const flow = pulled[live.length + k];
    if (!flow) return;
    if (to < moving) {
      stacked.add(flow);
      pieces.push({ to, y: flow });
      return;
    }
    const { later, left } = afterwards(flow, steps);
    for (const { needs } of later) for (const y of needs) stacked.add(y);
    const stand = left && placeholder(left.shape, left.dtype);
    shares.push({ to, later, sum: stand ? sums.push({ stand, next: add(stand, left) }) - 1 : -1 });
  });

  const next = [...live.map((i, k) => pulled[k] ?? zeros(body.inputs[i]!)), ...sums.map((s) => s.next)];
  const stands = new Set([...outputs, ...sums].map(({ stand }) => stand));
  const known = toKeep([...next, ...stacked], stacked, new Set(body.inputs.slice(0, moving)), stands);
  const forward = keeping(node, known, make);
  const made = [...stacked].filter((y) => !known.has(y));
  // What only the sums afterwards need does not enter the loop.
  const entering = inOrder([...next, ...made], (x) => known.has(x)).filter((x) => known.has(x));
  const pieceOf = new Map(entering.map((y) => [y, placeholder(y.shape, y.dtype)]));
  const back = make.loop({
    steps,
    reverse: !reverse,
    carries: [...ends.map(({ i, stand }) => [stand, flows[i] ?? zeros(stand)] as const), ...sums.map(({ stand }) => [stand, zeros(stand)] as const)],
    xs: [...ys.map(({ stand, stack }) => [stand, stack] as const), ...entering.map((y) => [pieceOf.get(y)!, forward(y)] as const)],
    next,
    ys: made,
    inside: pieceOf,
    outside: new Map(body.inputs.slice(moving).map((stand, k) => [stand, node.inputs[moving + k]!])),
  });
  const stackOf = (y: Node): Node => (known.has(y) ? forward(y) : make.part(back, next.length + made.indexOf(y)));

  const result = new Array<Node | undefined>(node.inputs.length).fill(undefined);
  live.forEach((i, k) => {
    if (wanted[i]) result[i] = make.part(back, k);
  });
  for (const { to, y } of pieces) result[to] = stackOf(y);
  for (const { to, later, sum } of shares) {
    const terms = later.map((term) => term.make(stackOf));
    if (sum >= 0) terms.push(make.part(back, live.length + sum));
    result[to] = terms.reduce((a, b) => add(a, b));
  }
  return result;
}

/** The carries through which something flows back to a wanted input: those that depend on one, at the first step or later. */
function liveCarries(body: Region, carries: number, wanted: readonly boolean[]): number[] {
  const from = new Set(body.inputs.filter((_, i) => wanted[i]));
  const steps = stepsTo(body.results.slice(0, carries));
  for (let before = -1; before !== from.size; ) {
    before = from.size;
    const reached = new Set(from);
    for (const step of steps) if (step.from.some((x) => reached.has(x))) reached.add(step.node);
    for (let i = 0; i < carries; i++) if (reached.has(body.results[i]!)) from.add(body.inputs[i]!);
  }
  return body.inputs.flatMap((x, i) => (i < carries && from.has(x) && isFloat(x.dtype) ? [i] : []));
}

/** Ops so cheap that doing them again costs less than fetching what they gave. */
const cheap = new Set([
  ...["add", "sub", "mul", "neg", "square", "abs", "sign", "minimum", "maximum", "clamp", "lerp", "mulAdd", "relu", "reluGrad", "cast", "where"],
  ...["less", "lessEqual", "greater", "greaterEqual", "equal", "notEqual", "logicalAnd", "logicalOr", "logicalXor", "logicalNot", "stopGradient"],
]);

/**
 * What the way back reads of the way forward: pieces of stacks that are there, and what a step is to keep because making it again would cost more.
 * Cheap ops are done again from what they are made of.
 */
function toKeep(roots: readonly Node[], stacked: ReadonlySet<Node>, pieces: ReadonlySet<Node>, stands: ReadonlySet<Node>): Set<Node> {
  const order = inOrder(roots, (x) => x.value !== undefined || !x.op);
  const back = new Set<Node>();
  const timed = new Set<Node>();
  for (const x of order) {
    if (stands.has(x) || x.inputs.some((input) => back.has(input))) back.add(x);
    else if (pieces.has(x) || x.inputs.some((input) => timed.has(input))) timed.add(x);
  }
  const known = new Set<Node>();
  const seen = new Set<Node>();
  const open = [...roots];
  for (let x = open.pop(); x; x = open.pop()) {
    if (seen.has(x)) continue;
    seen.add(x);
    const kept = timed.has(x) && (!x.op || stacked.has(x) || !(cheap.has(x.op.name) || x.op.kind === "movement"));
    if (kept) known.add(x);
    else if (back.has(x) || timed.has(x)) open.push(...x.inputs);
  }
  return known;
}

/** The loop with more stacks, one for each node its way back reads; what is cut from a stack is one already. */
function keeping(node: Node, known: ReadonlySet<Node>, make: Makers): (y: Node) => Node {
  const { carries, body } = loopAttrs(node);
  const results = [...body.results];
  const place = new Map<Node, number>();
  for (const y of known) {
    if (body.inputs.indexOf(y) >= carries) continue;
    const at = results.indexOf(y, carries);
    place.set(y, at >= 0 ? at : results.push(y) - 1);
  }
  const loop = results.length > body.results.length ? make.node(node, new Region(body.inputs, results)) : node;
  return (y) => (place.has(y) ? make.part(loop, place.get(y)!) : node.inputs[body.inputs.indexOf(y)]!);
}
