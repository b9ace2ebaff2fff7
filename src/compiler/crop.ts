/**
 * Forward passes that only a whole graph shows:
 * pooling before an activation that keeps order (a quarter of the work), and no work on borders that nothing reads.
 * Both run before gradients are written out, so that backward is spared the same work.
 */
import { same, type Shape } from "../base/shape.ts";
import { Node } from "../graph/node.ts";
import { inOrder } from "../graph/walk.ts";
import { slice } from "../ops/slice.ts";
import { isLeaf, rewrite, usersOf } from "./rewrite.ts";
import { mergeEqual } from "./merge.ts";

export function crop(roots: readonly Node[]): Node[] {
  const merged = mergeEqual(roots);
  if (!inOrder(merged, isLeaf).some((node) => node.op?.kind === "window" || node.op?.name === "maxPool")) return merged;
  return cropBorders(poolFirst(merged));
}

/** max(relu(x)) = relu(max(x)). */
function poolFirst(roots: readonly Node[]): Node[] {
  const order = inOrder(roots, isLeaf);
  const users = usersOf(order);
  const kept = new Set(roots);
  const macros = order.filter((node) => node.op?.kind === "macro" && node.op.name !== "part");
  for (const macro of macros) for (const wrt of macro.inputs.slice(1)) kept.add(wrt);
  const movable = new Set(
    order.filter((node) => !isLeaf(node) && node.op!.name === "relu" && !kept.has(node) && users.get(node)!.every((user) => user.op!.name === "maxPool")),
  );
  return rewrite(roots, (node, original) => {
    if (node.op!.name !== "maxPool" || !movable.has(original.inputs[0]!)) return node;
    const relu = node.inputs[0]!;
    const pooled = new Node(node.op, [relu.inputs[0]!], node.attrs, node.shape, node.dtype, node.requires);
    return new Node(relu.op, [pooled], relu.attrs, node.shape, node.dtype, node.requires);
  });
}

const spatialOps = new Set(["conv", "maxPool", "avgPool"]);

/** How much of each spatial axis of its input a window op reads. */
function reach(node: Node, output: Shape): number[] | undefined {
  const { window, stride, dilation, padding, inputDilation } = node.attrs as {
    window: number[];
    stride: number[];
    dilation: number[];
    padding: [number, number][];
    inputDilation?: number[];
  };
  if (inputDilation?.some((d) => d !== 1)) return undefined;
  return window.map((w, i) => (output[1 + i]! - 1) * stride[i]! + (w - 1) * dilation[i]! + 1 - padding[i]![0]);
}

/** How many numbers of each axis anybody reads, counted from the front; what lies behind is not computed. */
function cropBorders(roots: readonly Node[]): Node[] {
  const order = inOrder(roots, isLeaf);
  const users = usersOf(order);
  const fixed = new Set(roots);
  for (const node of order) if (node.op?.kind === "macro") for (const input of node.inputs) fixed.add(input);
  const needed = new Map<Node, Shape>();
  for (const node of [...order].reverse()) {
    if (isLeaf(node)) continue;
    // A transposed convolution is left whole: its padding does not say where its input ends.
    const shrinks = !fixed.has(node) && ((spatialOps.has(node.op!.name) && reach(node, node.shape) !== undefined) || node.op!.kind === "elementwise");
    if (!shrinks) {
      needed.set(node, node.shape);
      continue;
    }
    let need: number[] | undefined;
    for (const user of users.get(node)!) {
      const asked = askedOf(user, needed.get(user)!, node);
      need = need ? need.map((d, i) => Math.max(d, asked[i]!)) : [...asked];
    }
    needed.set(node, need ?? node.shape);
  }
  if ([...needed].every(([node, need]) => same(node.shape, need))) return [...roots];

  const to = new Map<Node, Node>();
  for (const node of order) {
    if (isLeaf(node)) {
      to.set(node, node);
      continue;
    }
    const shape = needed.get(node)!;
    const elementwise = node.op!.kind === "elementwise";
    const spatial = spatialOps.has(node.op!.name);
    const inputs = node.inputs.map((input) => {
      const next = to.get(input)!;
      if (elementwise) return trimmed(next, shape);
      // A window op takes what there is and crops the rest by its padding; anything else has all it asked for.
      return next;
    });
    if (!spatial) {
      to.set(node, inputs.every((x, i) => x === node.inputs[i]) ? node : new Node(node.op, inputs, node.attrs, shape, node.dtype, node.requires));
      continue;
    }
    const x = inputs[0]!;
    const reached = reach(node, shape);
    if (!reached || (x === node.inputs[0] && same(shape, node.shape))) {
      to.set(node, inputs.every((y, i) => y === node.inputs[i]) ? node : new Node(node.op, inputs, node.attrs, shape, node.dtype, node.requires));
      continue;
    }
    const padding = (node.attrs.padding as [number, number][]).map(([low], i): [number, number] => [low, reached[i]! - x.shape[1 + i]!]);
    to.set(node, new Node(node.op, inputs, { ...node.attrs, padding }, shape, node.dtype, node.requires));
  }
  return roots.map((root) => to.get(root)!);
}

/** How much of `input` is read by `user`, of which `need` is wanted. */
function askedOf(user: Node, need: Shape, input: Node): Shape {
  const { name, kind } = user.op!;
  if (kind === "elementwise") {
    const lead = need.length - input.shape.length;
    return input.shape.map((d, i) => (d === user.shape[lead + i] ? Math.min(d, need[lead + i]!) : d));
  }
  if (spatialOps.has(name) && user.inputs[0] === input && user.inputs[1] !== input) {
    const reached = reach(user, need);
    if (reached) return input.shape.map((d, i) => (i === 0 || i === input.shape.length - 1 ? d : Math.max(1, Math.min(d, reached[i - 1]!))));
  }
  return input.shape;
}

/** The front part of `x` that broadcasts to `shape`. */
function trimmed(x: Node, shape: Shape): Node {
  const lead = shape.length - x.shape.length;
  const want = x.shape.map((d, i) => (d === 1 ? 1 : Math.min(d, shape[lead + i]!)));
  return same(want, x.shape)
    ? x
    : slice(
        x,
        want.map(() => 0),
        want,
      );
}
