import { dtypes } from "../base/dtype.ts";
import type { Node } from "../graph/node.ts";
import { Region } from "../graph/region.ts";
import { inOrder } from "../graph/walk.ts";

/**
 * What makes two graphs the same program: ops, settings, leaf shapes and dtypes, and how nodes hang together.
 * Numbers in leaves are no part of it, so a training loop finds the program of its first step again.
 */
export interface Key {
  readonly words: Float64Array;
  readonly hash: number;
}

const names = new Map<string, number>();
const nameId = (name: string): number => {
  let id = names.get(name);
  if (id === undefined) names.set(name, (id = names.size + 1));
  return id;
};

const dtypeIds = new Map(dtypes.map((d, i) => [d, i]));

let words = new Float64Array(4096);
let length = 0;

function push(word: number): void {
  if (length === words.length) {
    const larger = new Float64Array(words.length * 2);
    larger.set(words);
    words = larger;
  }
  words[length++] = word;
}

function pushSetting(value: unknown): void {
  if (typeof value === "number") push(value);
  else if (typeof value === "string") push(-nameId(value) - 0.5);
  else if (typeof value === "boolean") push(value ? 1.25 : 0.25);
  else if (Array.isArray(value)) {
    push(value.length + 0.125);
    for (const v of value) pushSetting(v);
  } else if (value instanceof Region) {
    for (const word of wordsOf(value)) push(word);
  } else if (value && typeof value === "object") {
    for (const k in value) {
      push(-nameId(k) - 0.5);
      pushSetting((value as Record<string, unknown>)[k]);
    }
    push(0.375);
  } else push(0.0625);
}

const regions = new WeakMap<Region, Float64Array>();

/** What makes two regions the same, found once for each. */
function wordsOf(region: Region): Float64Array {
  let own = regions.get(region);
  if (own) return own;
  const [outer, before] = [words, length];
  words = new Float64Array(1024);
  length = 0;
  const order = inOrder(region.results);
  // A placeholder that nothing reads has no place.
  const places = new Map(order.map((node, i) => [node, i]));
  pushGraph(order);
  push(-4);
  for (const node of region.inputs) push(places.get(node) ?? -1);
  push(-5);
  for (const node of region.results) push(places.get(node)!);
  own = words.slice(0, length);
  [words, length] = [outer, before];
  regions.set(region, own);
  return own;
}

/** The key of the graph that computes `roots`, given its nodes in `order` (whose `index` is their place in it). */
export function keyOf(order: readonly Node[], roots: readonly Node[]): Key {
  length = 0;
  pushGraph(order);
  push(-3);
  for (const root of roots) push(root.index);
  let hash = length;
  for (let i = 0; i < length; i++) hash = (Math.imul(hash, 31) + ((words[i]! * 16) | 0)) | 0;
  return { words: words.subarray(0, length), hash };
}

function pushGraph(order: readonly Node[]): void {
  for (const node of order) {
    if (node.op === undefined || node.value !== undefined) {
      push(node.number !== undefined && node.value === undefined ? -2 : -1);
      push(dtypeIds.get(node.dtype)!);
      push(node.shape.length);
      for (const d of node.shape) push(d);
    } else {
      push(node.op.id);
      push(node.inputs.length);
      for (const input of node.inputs) push(input.index);
      const { attrs } = node;
      for (const name in attrs) {
        push(-nameId(name) - 0.5);
        pushSetting(attrs[name]);
      }
    }
  }
}

/** Compiled things by key. The oldest are forgotten beyond `capacity`. */
export class Cache<T> {
  readonly capacity: number;
  private readonly entries = new Map<number, { words: Float64Array; item: T }[]>();
  private count = 0;

  constructor(capacity = 512) {
    this.capacity = capacity;
  }

  get(key: Key): T | undefined {
    const bucket = this.entries.get(key.hash);
    if (bucket) for (const entry of bucket) if (equal(entry.words, key.words)) return entry.item;
    return undefined;
  }

  set(key: Key, item: T): void {
    if (this.count >= this.capacity) {
      const [oldest, bucket] = this.entries.entries().next().value!;
      this.entries.delete(oldest);
      this.count -= bucket.length;
    }
    const entry = { words: key.words.slice(), item };
    const bucket = this.entries.get(key.hash);
    if (bucket) bucket.push(entry);
    else this.entries.set(key.hash, [entry]);
    this.count++;
  }
}

function equal(a: Float64Array, b: Float64Array): boolean {
  if (a.length !== b.length) return false;
  // Object.is-like, so that a NaN or −0 setting finds itself and nothing else.
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i] && !(Number.isNaN(a[i]!) && Number.isNaN(b[i]!))) return false;
  return true;
}
