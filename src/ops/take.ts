/** Taking numbers by NumPy's rules, where places may count from the end. */
import { CambiumError } from "../base/error.ts";
import { resolveAxis, size } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import { defineOp, type Op } from "../graph/op.ts";
import { add, clamp } from "./arithmetic.ts";
import { castTo } from "./cast.ts";
import { less, where } from "./compare.ts";
import { checkIndex, gather, gatherAlong } from "./gather.ts";
import { reshape } from "./movement.ts";
import { mod } from "./rounding.ts";

/** What a place outside means: zeros, the nearest place inside, or the place a whole round away. */
export type Outside = "fill" | "clip" | "wrap";

function checkOutside(where: string, outside: string): void {
  if (outside !== "fill" && outside !== "clip" && outside !== "wrap") throw new CambiumError("name", where, `there is no mode "${outside}"; it is "fill", "clip" or "wrap"`);
}

/** Places on an axis of `length`, counted from the front. */
function inside(index: Node, length: number, outside: Outside): Node {
  const place = castTo(index, index.dtype === "int64" ? "int64" : "int32");
  if (outside === "clip") return clamp(place, 0, length - 1);
  if (outside === "wrap") return mod(place, length);
  // Beyond the front there is no place to count to.
  return where(less(place, 0), add(place, length), place);
}

/**
 * The slices of `x` along `axis` that `index` names, negative places counted from the end; without an axis, numbers of `x` as one line.
 * A place outside gives zeros, as no error can come out of a program that runs. @source NumPy's `take`
 */
export const take: Op<["x", "index"], [axis?: number, outside?: Outside]> = defineOp({
  name: "take",
  kind: "composite",
  inputs: ["x", "index"],
  attrs: ([x], axis?: number, outside: Outside = "fill") => {
    checkOutside("take", outside);
    return { axis: axis === undefined ? -1 : resolveAxis("take", axis, x!.length), outside };
  },
  shape: ([x, index], { axis }) => (axis < 0 ? index! : x!.toSpliced(axis, 1, ...index!)),
  dtype: ([x, index]) => {
    checkIndex("take", index!);
    return x!;
  },
  decompose: ({ x, index }, { axis, outside }) => {
    const line = axis < 0 ? reshape(x, [size(x.shape)]) : x;
    return gather(line, inside(index, line.shape[Math.max(axis, 0)]!, outside), Math.max(axis, 0));
  },
  cases: [
    { shapes: [[3, 2], [4]], args: [], dtypes: ["float32", "int32"], values: [undefined, [5, -1, -7, 6]] },
    { shapes: [[3, 2], [2, 2]], args: [1, "wrap"], dtypes: ["float32", "int32"], values: [undefined, [3, -1, 0, -4]] },
    { shapes: [[3, 2], [3]], args: [0, "clip"], dtypes: ["float32", "int32"], values: [undefined, [3, -1, 1]] },
  ],
});

/** From each line of `x` along `axis`, the numbers at the places `index` names there, negative ones counted from the end. @source NumPy's `take_along_axis` */
export const takeAlongAxis: Op<["x", "index"], [axis?: number, outside?: Outside]> = defineOp({
  name: "takeAlongAxis",
  kind: "composite",
  inputs: ["x", "index"],
  attrs: ([x], axis = -1, outside: Outside = "fill") => {
    checkOutside("takeAlongAxis", outside);
    return { axis: resolveAxis("takeAlongAxis", axis, x!.length), outside };
  },
  shape: (shapes, { axis }) => gatherAlong.shape(shapes, { axis }),
  dtype: (dtypes, attrs) => gatherAlong.dtype!(dtypes, attrs),
  decompose: ({ x, index }, { axis, outside }) => gatherAlong(x, inside(index, x.shape[axis]!, outside), axis),
  cases: [{ shapes: [[2, 4], [2, 2]], args: [], dtypes: ["float32", "int32"], values: [undefined, [3, -4, -1, 9]] }],
});
