import { type DType, dtypes } from "../base/dtype.ts";
import { CambiumError } from "../base/error.ts";
import type { Node } from "../graph/node.ts";
import { defineOp, type Op } from "../graph/op.ts";

/**
 * The numbers in another dtype: to whole numbers they lose what follows the point, uint8 counts on from 255 with 0, and to bool all but 0 becomes true.
 * @throws a `name` error when there is no such dtype
 */
export const cast: Op<["x"], [dtype: DType]> = defineOp({
  name: "cast",
  kind: "elementwise",
  inputs: ["x"],
  attrs: (_, dtype: DType) => {
    if (!dtypes.includes(dtype)) throw new CambiumError("name", "cast", `there is no dtype "${dtype}"; there are ${dtypes.join(", ")}`);
    return { dtype };
  },
  shape: ([x]) => x,
  dtype: (_, { dtype }) => dtype,
  gradient: (dy, { x }) => ({ x: castTo(dy, x.dtype) }),
  reference: (out, [x]) => out.data.set(x.data),
  cases: [
    { shapes: [[2, 3]], args: ["float64"] },
    { shapes: [[]], args: ["float32"] },
    { shapes: [[4]], args: ["int32"], values: [[1.9, -1.9, 0.5, 7]] },
    { shapes: [[4]], args: ["uint8"], values: [[1.9, 258, -1, 255]] },
    { shapes: [[4]], args: ["bool"], values: [[0, -0, 0.1, -3]] },
    { shapes: [[3]], args: ["float32"], dtypes: ["int32"] },
    { shapes: [[3]], args: ["float32"], dtypes: ["bool"] },
  ],
});

/** `x` as `dtype`, made anew only when it has another one. */
export const castTo = (x: Node, dtype: DType): Node => (x.dtype === dtype ? x : cast(x, dtype));
