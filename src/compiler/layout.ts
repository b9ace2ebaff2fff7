/**
 * Axes put in another order as late as can be: between layers that work channels last inside and show channels first outside,
 * each permutation meets its inverse and both vanish.
 */
import { size } from "../base/shape.ts";
import { Node } from "../graph/node.ts";
import { inOrder } from "../graph/walk.ts";
import { permute, reshape } from "../ops/movement.ts";
import { isLeaf, rewrite } from "./rewrite.ts";

/** Folds, and ops that keep their input's shape, whose axes may just as well be named in another order. */
const folds = new Set(["sum", "mean", "max", "min", "prod", "variance", "std"]);
const alongAxes = new Set(["layerNorm"]);

export function sinkPermutes(roots: readonly Node[]): Node[] {
  const order = inOrder(roots, isLeaf);
  // Without convolutions or windows there is nothing to gain, and a gradient with respect to a permuted value must find it.
  const spatial = order.some((node) => node.op?.name === "conv" || node.op?.name === "maxPool" || node.op?.name === "avgPool");
  const between = order.some((node) => node.op?.kind === "macro" && node.op.name !== "part" && node.inputs.slice(1).some((wrt) => !isLeaf(wrt)));
  return spatial && !between ? rewrite(roots, sink) : [...roots];
}

const isPermute = (node: Node): boolean => !isLeaf(node) && node.op!.name === "permute";
const orderOf = (node: Node): readonly number[] => node.attrs.order as number[];
const inverse = (order: readonly number[]): number[] => order.map((_, i) => order.indexOf(i));
const equal = (a: readonly number[], b: readonly number[]): boolean => a.every((axis, i) => axis === b[i]);

/** `x` with its axes in `order`; permutations in a row are one, or none. */
function permuted(x: Node, order: readonly number[]): Node {
  const whole = isPermute(x) ? order.map((axis) => orderOf(x)[axis]!) : order;
  const from = isPermute(x) ? x.inputs[0]! : x;
  return whole.every((axis, i) => axis === i) ? from : permute(from, whole);
}

const shapeIn = (shape: readonly number[], order: readonly number[]): number[] => order.map((axis) => shape[axis]!);

function sink(node: Node): Node {
  const { name, kind } = node.op!;
  if (name === "permute") return permuted(node.inputs[0]!, orderOf(node));
  if (kind === "elementwise") return sinkThrough(node);
  const x = node.inputs[0];
  if (!x || !isPermute(x)) return node;
  const order = orderOf(x);
  if (!folds.has(name) && !alongAxes.has(name)) return node;
  const axes = (node.attrs.axes as number[]).map((axis) => order[axis]!).sort((a, b) => a - b);
  const inner = x.inputs[0]!;
  if (alongAxes.has(name)) return permuted(new Node(node.op, [inner], { ...node.attrs, axes }, inner.shape, node.dtype, node.requires), order);
  const kept = inner.shape.map((d, i) => (axes.includes(i) ? 1 : d));
  const folded = permuted(new Node(node.op, [inner], { ...node.attrs, axes, keep: true }, kept, node.dtype, node.requires), order);
  return node.attrs.keep ? folded : reshape(folded, node.shape);
}

/** An op number by number on permuted operands is the permuted result of the op on them as they lie. */
function sinkThrough(node: Node): Node {
  const rank = node.shape.length;
  const leading = node.inputs.find((input) => isPermute(input) && input.shape.length === rank && size(input.shape) === size(node.shape));
  if (rank < 3 || !leading) return node;
  const order = orderOf(leading);
  const inputs: Node[] = [];
  for (const input of node.inputs) {
    if (isPermute(input) && input.shape.length === rank && equal(orderOf(input), order)) inputs.push(input.inputs[0]!);
    else if (input.shape.length === 0) inputs.push(input);
    else if (size(input.shape) * 4 <= size(node.shape)) {
      const full = input.shape.length === rank ? input : reshape(input, [...new Array<number>(rank - input.shape.length).fill(1), ...input.shape]);
      inputs.push(permuted(full, inverse(order)));
    } else return node;
  }
  return permuted(new Node(node.op, inputs, node.attrs, shapeIn(node.shape, inverse(order)), node.dtype, node.requires), order);
}
