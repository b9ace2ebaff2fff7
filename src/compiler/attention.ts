/** The kernel of an attention, forward and back. */
import { type Shape, strides as rowMajor } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import type { Attention, View } from "./program.ts";
import { accessOf, spreadOver } from "./view.ts";

export function attentionKernel(node: Node, out: number, valueOf: (node: Node) => number): Attention {
  const back = node.op!.name === "attentionGradient";
  const [query, key, value, mask] = node.inputs.slice(0, back ? -1 : undefined) as [Node, Node, Node, Node?];
  const lead = query.shape.slice(0, -3);
  const [queries, heads, features] = query.shape.slice(-3) as [number, number, number];
  const [keys, shared, depth] = value.shape.slice(-3) as [number, number, number];
  const view = (x: Node, space: Shape = x.shape): View => {
    const { base, offset, strides } = accessOf(x)!;
    return { value: valueOf(base), offset, strides: spreadOver(space, x.shape, strides) };
  };
  const { isCausal, scale, hidden } = node.attrs as { isCausal: boolean; scale: number; hidden?: number };
  return {
    kind: "attention",
    ...{ lead, heads, shared, queries, keys, features, depth, causal: isCausal, scale, hidden },
    ...{ query: view(query), key: view(key), value: view(value) },
    flow: back ? view(node.inputs.at(-1)!) : undefined,
    mask: mask && view(mask, [...lead, heads, queries, keys]),
    results: back ? flows(node.shape, [query, key, value], out) : [{ value: out, offset: 0, strides: rowMajor(node.shape) }],
    out,
  };
}

/** Where the flows back lie in a result of `shape`: as `attentionGradient` in src/ops says. */
function flows(shape: Shape, given: readonly Node[], out: number): View[] {
  const rows = rowMajor(shape);
  const together = given[0]!.shape.length - 1 === shape.length;
  let offset = 0;
  return given.map((x) => {
    const [positions, heads, features] = x.shape.slice(-3) as [number, number, number];
    const own = heads * features;
    const strides = [...(together ? rows.slice(0, -1) : [...rows.slice(0, -1), own]), features, 1];
    const made = { value: out, offset, strides };
    offset += together ? own : positions * own;
    return made;
  });
}
