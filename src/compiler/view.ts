/** How a movement op is read straight from the memory of the value it moves, so that nothing has to be moved. */
import { type Shape, size, strides as rowMajor } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import { isLeaf } from "./rewrite.ts";

/** Position `index` of a node is number `offset + Σ index · strides` of `base`. */
export interface Access {
  readonly base: Node;
  readonly offset: number;
  readonly strides: readonly number[];
}

const moves = new Set(["reshape", "permute", "broadcast", "slice", "flip"]);

/** Whether `node` only names numbers of its input anew. */
export const isView = (node: Node): boolean => !isLeaf(node) && moves.has(node.op!.name);

/** How `node` is read; undefined where a reshape would have to join axes that do not lie together. */
export function accessOf(node: Node): Access | undefined {
  if (!isView(node)) return { base: node, offset: 0, strides: rowMajor(node.shape) };
  const input = node.inputs[0]!;
  const from = accessOf(input);
  return from && move(node, input.shape, from);
}

function move(node: Node, shape: Shape, { base, offset, strides }: Access): Access | undefined {
  const { attrs } = node;
  switch (node.op!.name) {
    case "reshape": {
      const next = regroup(shape, strides, node.shape);
      return next && { base, offset, strides: next };
    }
    case "permute":
      return { base, offset, strides: (attrs.order as number[]).map((axis) => strides[axis]!) };
    case "broadcast": {
      const lead = node.shape.length - shape.length;
      return { base, offset, strides: node.shape.map((d, i) => (i < lead || (shape[i - lead] === 1 && d !== 1) ? 0 : strides[i - lead]!)) };
    }
    case "slice": {
      const begin = attrs.begin as number[];
      const step = attrs.step as number[];
      return { base, offset: begin.reduce((at, b, i) => at + b * strides[i]!, offset), strides: strides.map((s, i) => s * step[i]!) };
    }
    default: {
      // flip
      const axes = attrs.axes as number[];
      return {
        base,
        offset: axes.reduce((at, axis) => at + Math.max(0, shape[axis]! - 1) * strides[axis]!, offset),
        strides: strides.map((s, i) => (axes.includes(i) ? -s : s)),
      };
    }
  }
}

/** Strides over `to` that read what `strides` read over `from`; undefined when there are none. */
export function regroup(from: Shape, strides: readonly number[], to: Shape): number[] | undefined {
  if (from.includes(0)) return rowMajor(to);
  const big = from.flatMap((d, i) => (d === 1 ? [] : [{ size: d, stride: strides[i]! }]));
  const out = new Array<number>(to.length).fill(0);
  let axis = to.length - 1;
  let i = big.length - 1;
  while (axis >= 0) {
    if (to[axis] === 1) {
      axis--;
      continue;
    }
    if (i < 0) return undefined;
    // A group: source axes that lie together and hold as much as target axes do.
    let { size, stride } = big[i]!;
    const inner = stride;
    let need = 1;
    const first = axis;
    let last = axis;
    need *= to[axis]!;
    while (size !== need) {
      if (size < need) {
        const outer = big[--i];
        if (!outer || outer.stride !== stride * bigSize(big[i + 1]!)) return undefined;
        stride = outer.stride;
        size *= outer.size;
      } else {
        axis--;
        while (axis >= 0 && to[axis] === 1) axis--;
        if (axis < 0) return undefined;
        need *= to[axis]!;
        last = axis;
      }
    }
    for (let a = first, step = inner; a >= last; a--) {
      if (to[a] === 1) continue;
      out[a] = step;
      step *= to[a]!;
    }
    i--;
    axis--;
  }
  return i < 0 ? out : undefined;
}

const bigSize = (axis: { size: number }): number => axis.size;

/** Strides with those of axes of size 1 set to 0, so that equal readings look equal. */
export const canonical = (shape: Shape, strides: readonly number[]): number[] => strides.map((s, i) => (shape[i] === 1 ? 0 : s));

/** Whether `access` reads the whole of its base in order. */
export function isWhole(shape: Shape, { base, offset, strides }: Access): boolean {
  if (offset !== 0) return false;
  const plain = rowMajor(shape);
  let n = 1;
  let m = 1;
  for (const d of shape) n *= d;
  for (const d of base.shape) m *= d;
  return n === m && shape.every((d, i) => d === 1 || strides[i] === plain[i]);
}

/** Whether a reading jumps from line to line of memory where its neighbours along another axis lie side by side: large, it is best turned once. */
export function isTurned(shape: Shape, { base, strides }: Access): boolean {
  if (base.dtype !== "float32" || size(shape) < turnedFrom || size(shape) !== size(base.shape)) return false;
  const last = shape.findLastIndex((d) => d !== 1);
  return Math.abs(strides[last]!) > 1 && shape.some((d, i) => d !== 1 && Math.abs(strides[i]!) === 1);
}

/** Fewer numbers than this fit the fastest cache, however they are read. */
const turnedFrom = 4096;

/** The same reading over `space`, to which `shape` broadcasts. */
export function spreadOver(space: Shape, shape: Shape, strides: readonly number[]): number[] {
  const lead = space.length - shape.length;
  return space.map((d, i) => (i < lead || (shape[i - lead] === 1 && d !== 1) || d === 1 ? 0 : strides[i - lead]!));
}
