/** Algebra: the same numbers from less work. */
import { isFloat, roundingOf } from "../base/dtype.ts";
import { broadcastShapes, same } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import { constant } from "../graph/op.ts";
import { square } from "../ops/arithmetic.ts";
import { range } from "../ops/gather.ts";
import { logSoftmax } from "../ops/softmax.ts";
import { broadcast } from "../ops/spread.ts";
import { permute, reshape } from "../ops/movement.ts";
import { concat, pad, slice } from "../ops/slice.ts";
import { isLeaf, onInputs, rewrite } from "./rewrite.ts";

/** Applies the rules until none does any more. */
export function simplify(roots: readonly Node[]): Node[] {
  let graph = [...roots];
  for (let round = 0; round < 16; round++) {
    const next = rewrite(graph, rule);
    if (next.every((node, i) => node === graph[i])) return next;
    graph = next;
  }
  return graph;
}

function rule(node: Node): Node {
  const { name, kind } = node.op!;
  if (kind === "elementwise") return arithmetic(withoutBroadcast(node));
  const [x] = node.inputs as [Node];
  switch (name) {
    case "reshape":
      if (same(x.shape, node.shape)) return x;
      return is(x, "reshape") ? reshape(x.inputs[0]!, node.shape) : node;
    case "broadcast":
      if (same(x.shape, node.shape)) return x;
      return is(x, "broadcast") ? broadcast(x.inputs[0]!, node.shape) : node;
    case "permute": {
      const order = node.attrs.order as number[];
      if (order.every((axis, i) => axis === i)) return x;
      if (!is(x, "permute")) return node;
      const inner = x.attrs.order as number[];
      return permute(
        x.inputs[0]!,
        order.map((axis) => inner[axis]!),
      );
    }
    case "slice":
      return same(x.shape, node.shape) ? x : node;
    case "pad":
      return same(x.shape, node.shape) && [...(node.attrs.low as number[]), ...(node.attrs.high as number[])].every((n) => n === 0) ? x : node;
    case "flip":
      return (node.attrs.axes as number[]).every((axis) => x.shape[axis] === 1) ? x : node;
    case "range": {
      // Counting along one axis of many is counting along one axis, copied.
      if (node.shape.length === 1) return node;
      const axis = node.attrs.axis as number;
      const line = range([node.shape[axis]!], 0, node.dtype);
      return broadcast(
        reshape(
          line,
          node.shape.map((d, i) => (i === axis ? d : 1)),
        ),
        node.shape,
      );
    }
    case "concat":
      return node.inputs.length === 1 ? x : backTogether(node);
    case "sum":
    case "max":
    case "min":
    case "prod":
      // A fold over single numbers only drops axes.
      return x.dtype === node.dtype && (node.attrs.axes as number[]).every((axis) => x.shape[axis] === 1)
        ? same(x.shape, node.shape)
          ? x
          : reshape(x, node.shape)
        : node;
    default:
      return node;
  }
}

const is = (node: Node, name: string): boolean => !isLeaf(node) && node.op!.name === name;

/** The number a node is everywhere, if it is a constant. */
function numberOf(node: Node): number | undefined {
  if (isLeaf(node)) return undefined;
  if (node.op!.name === "constant") return node.attrs.value as number;
  return node.op!.name === "broadcast" || node.op!.name === "reshape" ? numberOf(node.inputs[0]!) : undefined;
}

/** Operands are copied along axes by the op itself. */
function withoutBroadcast(node: Node): Node {
  let current = node;
  node.inputs.forEach((_, i) => {
    const input = current.inputs[i]!;
    if (!is(input, "broadcast")) return;
    const shapes = current.inputs.map((x, j) => (i === j ? input.inputs[0]!.shape : x.shape));
    const shape = shapes.reduce((a, b) => broadcastShapes("simplify", a, b));
    if (same(shape, node.shape)) current = onInputs(current, current.inputs.with(i, input.inputs[0]!));
  });
  return current;
}

function arithmetic(node: Node): Node {
  const { name } = node.op!;
  const [a, b] = node.inputs as [Node, Node];
  const numbers = node.inputs.map(numberOf);
  if (node.inputs.length > 0 && node.op!.scalar && numbers.every((n) => n !== undefined) && name !== "cast")
    return everywhere(node.op!.scalar(...(numbers as number[])), node);
  const [p, q] = numbers;
  switch (name) {
    case "cast":
      if (a.dtype === node.dtype) return a;
      return p !== undefined && isFloat(node.dtype) && isFloat(a.dtype) ? everywhere(p, node) : node;
    case "add":
      if (q === 0) return as(a, node);
      return p === 0 ? as(b, node) : (sideBySide(node) ?? node);
    case "sub":
      return q === 0 ? as(a, node) : node;
    case "mul":
      if (a === b) return square(a);
      if (q === 1) return as(a, node);
      return p === 1 ? as(b, node) : node;
    case "div":
      return q === 1 ? as(a, node) : node;
    case "neg":
      return is(a, "neg") ? a.inputs[0]! : node;
    case "log":
      return is(a, "softmax") ? logSoftmax(a.inputs[0]!, (a.attrs.axes as number[] | undefined)?.[0] ?? (a.attrs.axis as number)) : node;
    default:
      return node;
  }
}

/** A sum of values that zeros surround, and that lie side by side along one axis, is those values one after another: what flows back to a value that was cut up. */
function sideBySide(node: Node): Node | undefined {
  const pieces: Node[] = [];
  const open = [...node.inputs];
  for (let x = open.pop(); x; x = open.pop()) {
    if (!same(x.shape, node.shape) || x.dtype !== node.dtype || pieces.length > 64) return undefined;
    if (is(x, "add")) open.push(...x.inputs);
    else if (is(x, "pad") && x.attrs.value === 0) pieces.push(x);
    else return undefined;
  }
  const axis = node.shape.findIndex((d, i) => d !== pieces[0]!.inputs[0]!.shape[i]);
  if (axis < 0) return undefined;
  const low = (x: Node): number => (x.attrs.low as number[])[axis]!;
  const sizeOf = (x: Node): number => x.inputs[0]!.shape[axis]!;
  pieces.sort((a, b) => low(a) - low(b));
  const only = (x: Node): boolean =>
    x.inputs[0]!.shape.every((d, i) => i === axis || d === node.shape[i]) && low(x) >= 0 && low(x) + sizeOf(x) <= node.shape[axis]!;
  if (!pieces.every(only) || pieces.some((x, i) => i > 0 && low(x) !== low(pieces[i - 1]!) + sizeOf(pieces[i - 1]!))) return undefined;
  const whole = concat(
    pieces.flatMap(({ inputs: [x] }) => (is(x!, "concat") && x!.attrs.axis === axis ? x!.inputs : [x!])),
    axis,
  );
  const around = (end: "low" | "high", piece: Node): number[] => node.shape.map((_, i) => (i === axis ? (piece.attrs[end] as number[])[axis]! : 0));
  return same(whole.shape, node.shape) ? whole : pad(whole, around("low", pieces[0]!), around("high", pieces.at(-1)!), 0);
}

/** Neighbouring slices put together again are one slice of what they were cut from, or all of it. */
function backTogether(node: Node): Node {
  const axis = node.attrs.axis as number;
  const place = (x: Node, end: "begin" | "end"): number[] => x.attrs[end] as number[];
  const follows = (a: Node, b: Node): boolean =>
    is(a, "slice") &&
    is(b, "slice") &&
    a.inputs[0] === b.inputs[0] &&
    [a, b].every((x) => (x.attrs.step as number[]).every((n) => n === 1)) &&
    place(a, "begin").every((n, i) => (i === axis ? place(a, "end")[i] === place(b, "begin")[i] : n === place(b, "begin")[i]));
  const joined: Node[] = [];
  for (const x of node.inputs) {
    const last = joined.at(-1);
    if (last && follows(last, x)) joined[joined.length - 1] = slice(x.inputs[0]!, place(last, "begin"), place(x, "end"));
    else joined.push(x);
  }
  return joined.length === node.inputs.length ? node : joined.length === 1 ? joined[0]! : concat(joined, axis);
}

/** `x` in place of `node`, when it is alike in all but how often its numbers are written. */
function as(x: Node, node: Node): Node {
  if (x.dtype !== node.dtype) return node;
  return same(x.shape, node.shape) ? x : broadcast(x, node.shape);
}

function everywhere(value: number, { shape, dtype }: Node): Node {
  const one = constant(roundingOf(dtype)(value), dtype);
  return shape.length === 0 ? one : broadcast(one, shape);
}
