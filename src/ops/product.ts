/** Products of whole matrices, and of vectors in space. */
import { CambiumError } from "../base/error.ts";
import { broadcastShapes, show } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import { defineOp, type Op } from "../graph/op.ts";
import { mul, sub } from "./arithmetic.ts";
import { reshape } from "./movement.ts";
import { concat, slice } from "./slice.ts";
import { spreadTo } from "./spread.ts";

/** Each number of `a` replaced by its product with all of `b`: Kronecker's product. @source NumPy's `kron` */
export const kron: Op<["a", "b"]> = defineOp({
  name: "kron",
  kind: "composite",
  inputs: ["a", "b"],
  shape: ([a, b]) => {
    const rank = Math.max(a!.length, b!.length);
    return Array.from({ length: rank }, (_, i) => (a![i - rank + a!.length] ?? 1) * (b![i - rank + b!.length] ?? 1));
  },
  decompose: ({ a, b, out }) => {
    const rank = out.shape.length;
    const spread = (x: Node, behind: boolean): Node =>
      reshape(x, out.shape.flatMap((_, i) => (behind ? [1, x.shape[i - rank + x.shape.length] ?? 1] : [x.shape[i - rank + x.shape.length] ?? 1, 1])));
    return reshape(mul(spread(a, false), spread(b, true)), out.shape);
  },
  cases: [{ shapes: [[2, 2], [2, 3]], args: [] }, { shapes: [[2], [2, 2]], args: [] }],
});

/** The vector that stands on both, of vectors of three numbers along the last axis. @source NumPy's `cross` */
export const cross: Op<["a", "b"]> = defineOp({
  name: "cross",
  kind: "composite",
  inputs: ["a", "b"],
  shape: ([a, b]) => {
    if (a!.at(-1) !== 3 || b!.at(-1) !== 3) throw new CambiumError("shape", "cross", `a is ${show(a!)}, b is ${show(b!)}; the last axis of both has three numbers`);
    return broadcastShapes("cross", a!, b!);
  },
  decompose: ({ a, b, out }) => {
    const part = (x: Node, i: number): Node => slice(spreadTo(x, out.shape), [...out.shape.slice(0, -1).map(() => 0), i], [...out.shape.slice(0, -1), i + 1]);
    return concat([[1, 2], [2, 0], [0, 1]].map(([i, j]) => sub(mul(part(a, i!), part(b, j!)), mul(part(a, j!), part(b, i!)))), -1);
  },
  cases: [{ shapes: [[2, 3], [2, 3]], args: [] }, { shapes: [[3], [2, 3]], args: [] }],
});
