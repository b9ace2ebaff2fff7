import type { Node } from "../graph/node.ts";
import { rewrite } from "./rewrite.ts";

/** The graph with equal nodes made one. */
export function mergeEqual(roots: readonly Node[]): Node[] {
  const ids = new Map<Node, number>();
  const seen = new Map<string, Node>();
  const idOf = (node: Node): number => {
    let id = ids.get(node);
    if (id === undefined) ids.set(node, (id = ids.size));
    return id;
  };
  return rewrite(roots, (node) => {
    const key = `${node.op!.id} ${settings(node.attrs)} ${node.inputs.map(idOf).join()}`;
    const twin = seen.get(key);
    if (twin) return twin;
    seen.set(key, node);
    return node;
  });
}

const settings = (attrs: unknown): string =>
  JSON.stringify(attrs, (_, v) => (typeof v === "number" && (!Number.isFinite(v) || Object.is(v, -0)) ? `#${Object.is(v, -0) ? "-0" : v}` : v));
