/** Values mixed by how well their keys match a query. */
import { isFloat } from "../base/dtype.ts";
import { CambiumError } from "../base/error.ts";
import { broadcastShapes, same, show, type Shape } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import { constant } from "../graph/op.ts";
import { add, mul } from "./arithmetic.ts";
import { lessEqual, where } from "./compare.ts";
import { range } from "./gather.ts";
import { matmul } from "./matmul.ts";
import { expandDims, reshape, transpose } from "./movement.ts";
import { dropout } from "./random.ts";
import { safeSoftmax, softmax } from "./softmax.ts";

export interface Attending {
  /** Bool: true where a query may look. A number: added to the score. Broadcasts to [..., queries, keys]. */
  readonly mask?: Node | undefined;
  /** Query i looks at keys 0 to i. */
  readonly isCausal?: boolean | undefined;
  /** What scores are multiplied by; 1/√features when left out. */
  readonly scale?: number | undefined;
  /** The score of what a bool mask hides; −∞ when left out. With a number, a query that may look at nothing looks everywhere alike. */
  readonly hidden?: number | undefined;
}

/** How much of each value a query takes: shares that add up to 1, or zeros where it may look at nothing. */
export function attentionWeights(query: Node, key: Node, { mask, isCausal = false, scale, hidden }: Attending = {}): Node {
  const factor = scale ?? 1 / Math.sqrt(query.shape[query.shape.length - 1]!);
  const scores = mul(matmul(query, transpose(key)), constant(factor, query.dtype));
  const { shape } = scores;
  const [queries, keys] = [shape[shape.length - 2]!, shape[shape.length - 1]!];
  if (isCausal) {
    // Every query sees the first key, so no line is empty. Positions are counted in the scores' own dtype, which costs no conversion.
    const ahead = lessEqual(range([keys], 0, query.dtype), expandDims(range([queries], 0, query.dtype), 1));
    return softmax(where(ahead, scores, Number.NEGATIVE_INFINITY));
  }
  if (!mask) return softmax(scores);
  if (hidden !== undefined) return softmax(where(mask, scores, constant(hidden, query.dtype)));
  return safeSoftmax(mask.dtype === "bool" ? where(mask, scores, Number.NEGATIVE_INFINITY) : add(scores, mask));
}

export interface AttentionUse extends Attending {
  /** What puts shares to 0 with chance `rate`. */
  readonly dropout?: { readonly rate: number; readonly seed: Node; readonly stream: Node } | undefined;
}

/**
 * `softmax(query · keyᵀ · scale) · value`, with as many heads of queries for each head of keys and values as there are.
 * @shape query [..., heads, queries, features], key [..., heads / n, keys, features], value [..., heads / n, keys, depth] → [..., heads, queries, depth]
 */
export function attend(query: Node, key: Node, value: Node, { dropout: drop, ...rest }: AttentionUse = {}): Node {
  const weights = attentionWeights(query, key, rest);
  return matmul(drop && drop.rate > 0 ? dropout(weights, drop.seed, drop.stream, drop.rate) : weights, value);
}

/** Checks what is put together in attention; the shape of the scores. */
export function scoreShape(where: string, query: Node, key: Node, value: Node, mask: Node | undefined, isCausal: boolean): Shape {
  const shapes = `query is ${show(query.shape)}, key is ${show(key.shape)}, value is ${show(value.shape)}`;
  for (const [name, x] of Object.entries({ query, key, value }))
    if (x.shape.length < 2) throw new CambiumError("shape", where, `${name} is ${show(x.shape)}; it needs the axes [..., positions, features]`);
  const [q, k, v] = [query, key, value].map((x) => x.shape.slice(-2)) as [number[], number[], number[]];
  if (q[1] !== k[1])
    throw new CambiumError("shape", where, `${shapes}; query and key must have as many features (${q[1]} ≠ ${k[1]})`, q[1] === k[0] ? "key looks transposed" : undefined);
  if (k[0] !== v[0]) throw new CambiumError("shape", where, `${shapes}; key and value must have as many positions (${k[0]} ≠ ${v[0]})`);
  const shape = [...broadcastShapes(where, query.shape.slice(0, -2), key.shape.slice(0, -2)), q[0]!, k[0]!];
  if (!mask) return shape;
  if (isCausal)
    throw new CambiumError("value", where, "got a mask and isCausal", "put both into one mask, or leave one out");
  if (mask.dtype !== "bool" && !isFloat(mask.dtype))
    throw new CambiumError("dtype", where, `the mask is ${mask.dtype}; it is bool (true: may look) or numbers to add to the scores`, 'mask.to("bool")');
  const fits = mask.shape.length <= shape.length && same(broadcastShapes(where, shape, mask.shape), shape);
  if (!fits) throw new CambiumError("shape", where, `the mask is ${show(mask.shape)}, the scores are ${show(shape)}; the mask must broadcast to the scores`);
  return shape;
}

/** Queries with their heads in groups, and keys and values with one head for each group, so that heads broadcast instead of being copied. */
export function grouped(query: Node, key: Node, value: Node): [query: Node, key: Node, value: Node] {
  const [heads, shared] = [query, key].map((x) => x.shape[x.shape.length - 3]!) as [number, number];
  const lead = query.shape.slice(0, -3);
  return [reshape(query, [...lead, shared, heads / shared, ...query.shape.slice(-2)]), expandDims(key, -3), expandDims(value, -3)];
}
