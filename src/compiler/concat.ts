/** Parts set side by side: made in their place where that can be, else copied there. */
import { same, size, strides as rowMajor } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import { BodyBuilder, type Memories } from "./body.ts";
import type { Clustering } from "./cluster.ts";
import type { Kernel } from "./program.ts";
import { accessOf } from "./view.ts";

/** Where a part lies in the value that parts are set into. */
export interface Place {
  readonly whole: Node;
  readonly offset: number;
  readonly strides: readonly number[];
}

const isConcat = (node: Node): boolean => node.op?.name === "concat" && node.value === undefined;

/** Each part with the number at which it begins. */
function partsOf(whole: Node): { part: Node; offset: number }[] {
  const axis = whole.attrs.axis as number;
  const step = rowMajor(whole.shape)[axis]!;
  let offset = 0;
  return whole.inputs.map((part) => {
    const from = offset;
    offset += part.shape[axis]! * step;
    return { part, offset: from };
  });
}

/** The results of maps that nobody reads but a concatenation. Not along the first axis, by which threads share samples out. */
export function placesOf({ clusters, of, users }: Clustering, isRoot: (node: Node) => boolean, intoRoots: boolean): ReadonlyMap<Node, Place> {
  const places = new Map<Node, Place>();
  for (const { anchor: whole } of clusters) {
    if (!whole || !isConcat(whole) || whole.attrs.axis === 0 || (isRoot(whole) && !intoRoots)) continue;
    for (const { part, offset } of partsOf(whole)) {
      const home = of.get(part);
      const only = users.get(part)?.length === 1 && whole.inputs.filter((x) => x === part).length === 1;
      if (home?.kind !== "map" || home.rows || !only || isRoot(part) || part.dtype !== whole.dtype || !same(home.space, part.shape)) continue;
      places.set(part, { whole, offset, strides: rowMajor(whole.shape) });
    }
  }
  return places;
}

/** The kernels that copy the other parts to their places. */
export function gathered(whole: Node, isPlaced: (part: Node) => boolean, memories: Memories): Kernel[] {
  const wide = whole.dtype === "float64" || whole.dtype === "int32";
  return partsOf(whole).flatMap(({ part, offset }): Kernel[] => {
    if (isPlaced(part) || size(part.shape) === 0) return [];
    const builder = new BodyBuilder(part.shape, false, memories);
    const access = accessOf(part)!;
    const view = { value: memories.valueOf(whole), offset, strides: rowMajor(whole.shape) };
    builder.storeAt(builder.read(access.base, access.offset, access.strides), view);
    return [{ kind: "map", dims: part.shape, body: { ...builder.finish(), type: wide ? "float64" : "float32" } }];
  });
}
