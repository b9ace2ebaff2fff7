/** Values mixed by how well their keys match a query. */
import { type DType, isFloat } from "../base/dtype.ts";
import { CambiumError } from "../base/error.ts";
import { broadcastShapes, same, show, type Shape, size } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import { constant, defineOp, type VariadicOp } from "../graph/op.ts";
import { add, mul, sub } from "./arithmetic.ts";
import { leadAxis } from "./axes.ts";
import { lessEqual, where } from "./compare.ts";
import { onEveryOne } from "./examples.ts";
import { range } from "./gather.ts";
import { matmul } from "./matmul.ts";
import { expandDims, reshape, transpose } from "./movement.ts";
import { dropout } from "./random.ts";
import { concat, slice } from "./slice.ts";
import { safeSoftmax, softmax } from "./softmax.ts";
import { broadcast, sum, sumTo } from "./spread.ts";

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

/** How scores are made. */
type Scoring = Pick<Attending, "isCausal" | "scale" | "hidden">;

const swapped = (x: Node): Node => transpose(x, -3, -2);

/** `x` [..., heads, queries, any] with its heads in `shared` groups. */
const inGroups = (x: Node, shared: number): Node => {
  const [heads, ...rest] = x.shape.slice(-3) as [number, number, number];
  return reshape(x, [...x.shape.slice(0, -3), ...(heads === 1 ? [1, 1] : [shared, heads / shared]), ...rest]);
};

/** What an attention's operands are with heads before positions, and in groups where several heads share keys and values. */
function operands([query, key, value, mask]: readonly Node[], scoring: Scoring): { q: Node; k: Node; v: Node; mask: Node | undefined; shares: Node; many: boolean } {
  const [heads, shared] = [query!, key!].map((x) => x.shape.at(-2)!) as [number, number];
  const many = heads !== shared;
  const group = (x: Node): Node => (many ? inGroups(swapped(x), shared) : swapped(x));
  const alone = (x: Node): Node => (many ? expandDims(swapped(x), -3) : swapped(x));
  const [q, k, v, wide] = [group(query!), alone(key!), alone(value!), mask && many ? inGroups(mask, shared) : mask];
  return { q, k, v, mask: wide, shares: attentionWeights(q, k, { ...scoring, mask: wide }), many };
}

/** What flows back to the scores of an attention, before they are scaled. */
function scoreFlow(dy: Node, parts: ReturnType<typeof operands>, { hidden }: Scoring): Node {
  const { v, mask, shares, many } = parts;
  const back = matmul(many ? inGroups(swapped(dy), v.shape.at(-4)!) : swapped(dy), transpose(v));
  const flow = mul(shares, sub(back, sum(mul(shares, back), -1, { keep: true })));
  return hidden !== undefined && mask ? where(mask, flow, 0) : flow;
}

function attendShape([query, key, value]: readonly Shape[]): Shape {
  if (query!.at(-2)! % key!.at(-2)! !== 0)
    throw new CambiumError("shape", "attention", `there are ${query!.at(-2)} heads of queries and ${key!.at(-2)} of keys; the first must be a multiple of the second`);
  return [...query!.slice(0, -1), value!.at(-1)!];
}

function ofFloats([query, key, value]: readonly DType[]): DType {
  if (!isFloat(query!) || key !== query || value !== query)
    throw new CambiumError("dtype", "attention", `queries are ${query}, keys ${key}, values ${value}; all must be floats of one dtype`, 'cast them, e.g. query.cast("float32")');
  return query!;
}

const plain = { shapes: [[2, 3, 2, 4], [2, 3, 2, 4], [2, 3, 2, 4]] };

/**
 * Values mixed by how well their keys match, each head by itself, without the scores ever being written down: an engine goes through them piece by piece.
 * Takes query, key, value and perhaps a mask [..., heads, queries, keys] whose sizes may be 1; a query that may look at nothing gets zeros.
 * @shape query [..., queries, heads, features], key [..., keys, heads / n, features], value [..., keys, heads / n, depth] → [..., queries, heads, depth]
 * @source Dao et al., "FlashAttention" (2022)
 */
export const attention: VariadicOp<[scoring?: Scoring]> = defineOp({
  name: "attention",
  kind: "composite",
  inputs: ["operands"],
  variadic: true,
  attrs: ([query], { isCausal = false, scale = 1 / Math.sqrt(query!.at(-1)!), hidden }: Scoring = {}) => ({
    isCausal,
    scale,
    ...(hidden !== undefined && { hidden }),
  }),
  shape: attendShape,
  dtype: ofFloats,
  gradient: (dy, _, attrs, node) => {
    const [query, key, value, mask] = node.inputs as [Node, Node, Node, Node?];
    const flows = apart(attentionGradient([...node.inputs, dy], attrs), query, key, value);
    if (!mask || !isFloat(mask.dtype)) return { operands: flows };
    const parts = operands(node.inputs, attrs);
    const flow = scoreFlow(dy, parts, attrs);
    return { operands: [...flows, sumTo(reshape(flow, [...query.shape.slice(0, -3), query.shape.at(-2)!, query.shape.at(-3)!, key.shape.at(-3)!]), mask.shape)] };
  },
  decompose: (_, attrs, { inputs, shape }) => {
    const { v, shares } = operands(inputs, attrs);
    const [queries, heads, depth] = shape.slice(-3) as [number, number, number];
    return swapped(reshape(matmul(shares, v), [...shape.slice(0, -3), heads, queries, depth]));
  },
  batch: onEveryOne(leadAxis),
  cases: [
    { ...plain, args: [] },
    { shapes: [[4, 1, 3], [4, 1, 3], [4, 1, 2]], args: [{ isCausal: true }] },
    { shapes: [[2, 4, 3], [3, 2, 3], [3, 2, 2]], args: [{ scale: 0.7 }] },
    {
      shapes: [[2, 2, 2], [3, 2, 2], [3, 2, 2], [1, 2, 3]],
      args: [],
      dtypes: ["float32", "float32", "float32", "bool"],
      values: [undefined, undefined, undefined, [1, 0, 1, 0, 0, 0]],
    },
    {
      shapes: [[2, 2, 2], [3, 1, 2], [3, 1, 2], [1, 2, 3]],
      args: [{ hidden: -1 }],
      dtypes: ["float32", "float32", "float32", "bool"],
      values: [undefined, undefined, undefined, [1, 0, 1, 0, 0, 0]],
    },
    { shapes: [[3, 2, 2], [3, 2, 2], [3, 2, 2], [2, 3, 3]], args: [] },
  ],
  method: false,
});

/**
 * What flows back to query, key and value of an attention (then `dy` follows its operands), side by side in one result: where there are as many keys as queries
 * [..., positions, heads · features and heads / n · (features + depth)], so that what was cut from one product lies like that product, else one after another.
 */
export const attentionGradient: VariadicOp<[scoring: Required<Pick<Scoring, "isCausal" | "scale">> & Scoring]> = defineOp({
  name: "attentionGradient",
  kind: "composite",
  inputs: ["operands"],
  variadic: true,
  attrs: (_, scoring) => scoring,
  shape: ([query, key, value]) => {
    const counts = [query!, key!, value!].map((x) => x.at(-1)! * x.at(-2)!);
    return query!.at(-3) === key!.at(-3)
      ? [...query!.slice(0, -2), counts.reduce((a, b) => a + b)]
      : [...query!.slice(0, -3), [query!, key!, value!].reduce((n, x, i) => n + x.at(-3)! * counts[i]!, 0)];
  },
  dtype: ofFloats,
  decompose: (_, attrs, node) => {
    const dy = node.inputs.at(-1)!;
    const parts = operands(node.inputs.slice(0, -1), attrs);
    const { q, k, shares, many } = parts;
    const scores = mul(scoreFlow(dy, parts, attrs), constant(attrs.scale, dy.dtype));
    const whole = (x: Node): Node => (many ? sum(x, -3) : x);
    const back = many ? inGroups(swapped(dy), k.shape.at(-4)!) : swapped(dy);
    const flows = [matmul(scores, k), whole(matmul(transpose(scores), q)), whole(matmul(transpose(shares), back))];
    const rank = node.shape.length;
    const together = node.inputs[0]!.shape.length - 1 === rank;
    const flat = flows.map((x, i) => {
      const { shape } = node.inputs[i]!;
      const laid = swapped(reshape(x, [...shape.slice(0, -3), shape.at(-2)!, shape.at(-3)!, shape.at(-1)!]));
      return reshape(laid, [...node.shape.slice(0, -1), size(shape.slice(together ? -2 : -3))]);
    });
    return concat(flat, rank - 1);
  },
  batch: onEveryOne(leadAxis),
  cases: [
    { shapes: [...plain.shapes, [2, 3, 2, 4]], args: [{ isCausal: false, scale: 0.5 }] },
    { shapes: [[2, 4, 3], [3, 2, 3], [3, 2, 2], [2, 4, 2]], args: [{ isCausal: false, scale: 0.7 }] },
    { shapes: [[3, 2, 2], [3, 1, 2], [3, 1, 2], [3, 2, 2]], args: [{ isCausal: true, scale: 1 }] },
  ],
  method: false,
});

/** The flows that `attentionGradient` gives, each shaped like what it belongs to. */
function apart(flows: Node, ...given: Node[]): Node[] {
  const axis = flows.shape.length - 1;
  const together = given[0]!.shape.length - 1 === flows.shape.length;
  let from = 0;
  return given.map(({ shape }) => {
    const begin = flows.shape.map(() => 0).with(axis, from);
    from += size(shape.slice(together ? -2 : -3));
    return reshape(slice(flows, begin, [...flows.shape].with(axis, from)), shape);
  });
}

export interface AttentionUse extends Attending {
  /** What puts shares to 0 with chance `rate`. */
  readonly dropout?: { readonly rate: number; readonly seed: Node; readonly stream: Node } | undefined;
}

/**
 * `softmax(query · keyᵀ · scale) · value`, with as many heads of queries for each head of keys and values as there are.
 * @shape query [..., heads, queries, features], key [..., heads / n, keys, features], value [..., heads / n, keys, depth] → [..., heads, queries, depth]
 */
export function attend(query: Node, key: Node, value: Node, { dropout: drop, mask, ...scoring }: AttentionUse = {}): Node {
  const [q, k, v] = [query, key, value].map((x) => (x.shape.length === 2 ? expandDims(x, 0) : x)) as [Node, Node, Node];
  const [a, b, c] = [q, k, v].map((x) => x.shape.at(-3)!) as [number, number, number];
  const shared = Math.max(b, c);
  const heads = a % shared === 0 ? a : shared;
  const lead = [q, k, v].map((x): Shape => x.shape.slice(0, -3)).reduce((x, y) => broadcastShapes("attention", x, y));
  const laid = (x: Node, count: number): Node => swapped(broadcast(x, [...lead, count, ...x.shape.slice(-2)]));
  const wide = mask && reshape(mask, [...new Array<number>(lead.length + 3 - mask.shape.length).fill(1), ...mask.shape]);
  const given = [laid(q, heads), laid(k, shared), laid(v, shared), ...(wide ? [wide] : [])];
  let out: Node;
  if (drop && drop.rate > 0) {
    const parts = operands(given, scoring);
    const mixed = matmul(dropout(parts.shares, drop.seed, drop.stream, drop.rate), parts.v);
    out = reshape(mixed, [...lead, heads, ...mixed.shape.slice(-2)]);
  } else out = swapped(attention(given, scoring));
  return query.shape.length === 2 && key.shape.length === 2 && value.shape.length === 2 ? reshape(out, out.shape.slice(1)) : out;
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
