/** Tensors in lists and records, in any depth: what functions take and return. */
import { CambiumError } from "../base/error.ts";
import { Tensor } from "./tensor.ts";

/** `T` with each of its tensors become an `X`. */
export type Like<T, X> = T extends Tensor ? X : T extends object ? { -readonly [K in keyof T]: Like<T[K], X> } : T;

/** Where something lies within an argument or a result: `argument 0.weight`. */
const within = (place: string, key: string | number): string => (typeof key === "number" ? `${place}[${key}]` : `${place}.${key}`);

const isRecord = (x: unknown): x is Record<string, unknown> =>
  typeof x === "object" && x !== null && [Object.prototype, null].includes(Object.getPrototypeOf(x) as object | null);

/**
 * `tree` with each tensor put through `change`; `others` are trees of the same form whose parts at the same places are handed over too.
 * @throws a `value` error that says where something is neither a tensor nor a list or record of tensors
 */
export function mapTree<X>(
  where: string,
  place: string,
  tree: unknown,
  change: (tensor: Tensor, place: string, ...others: any[]) => X,
  ...others: unknown[]
): any {
  if (tree instanceof Tensor) return change(tree, place, ...others);
  const part = (key: string | number, child: unknown): unknown =>
    mapTree(where, within(place, key), child, change, ...others.map((other) => (other as Record<string | number, unknown> | undefined)?.[key]));
  if (Array.isArray(tree)) return tree.map((child, i) => part(i, child));
  if (isRecord(tree)) return Object.fromEntries(Object.entries(tree).map(([name, child]) => [name, part(name, child)]));
  throw new CambiumError("value", where, `${place} is ${described(tree)}; it must be a tensor, or a list or record of tensors`);
}

/** The tensors of a tree, in order. */
export function tensorsIn(where: string, place: string, tree: unknown): Tensor[] {
  const found: Tensor[] = [];
  mapTree(where, place, tree, (tensor) => found.push(tensor));
  return found;
}

const described = (x: unknown): string => (x === null ? "null" : typeof x === "object" ? `a ${x.constructor?.name ?? "object"}` : typeof x);
