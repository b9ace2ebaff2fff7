import type { Node } from "../graph/node.ts";
import { at } from "../graph/op.ts";
import { isLoop, isLoopPart } from "../graph/region.ts";
import { castTo } from "../ops/cast.ts";
import { CambiumError } from "../base/error.ts";
import { instructions } from "./instruction.ts";
import { lineTasks, tasks } from "./program.ts";
import { isLeaf, rewrite } from "./rewrite.ts";
import type { Target } from "./target.ts";
import { inOrder } from "../graph/walk.ts";

/** Ops the compiler has kernels for, or sees through; everything else reaches it in parts. */
const kernels = new Set<string>([
  "constant",
  ...["reshape", "permute", "broadcast", "slice", "flip", "pad", "concat"],
  ...["sum", "max", "min", "prod", "argMax", "argMin"],
  ...["matmul", "conv", "convKernel"],
  ...["windowArgMax", "windowTake", "windowPut", "windowSum", "windowSpread"],
  ...["gather", "scatterAdd", "scatterMax", "range"],
  ...tasks,
  ...lineTasks,
]);

/** Composites of which a target may have a kernel: it calculates in float32. */
const whole = ({ op, dtype, inputs }: Node, target: Target): boolean =>
  target.composites?.has(op!.name) === true && dtype === "float32" && inputs.every((x) => x.dtype === "float32" || x.dtype === "bool");

/** The kernel for products knows matrices only; vectors reach it as matrices of one row or column. */
const known = ({ op, inputs }: Node): boolean =>
  op!.name === "matmul" ? inputs.every((x) => x.shape.length > 1) : kernels.has(op!.name) || instructions.has(op!.name);

/** Macros written out, e.g. the gradients that `backward()` only announced. */
export function expandMacros(roots: readonly Node[]): Node[] {
  let graph = [...roots];
  for (;;) {
    if (!inOrder(graph, isLeaf).some((node) => !isLeaf(node) && node.op!.expand)) return graph;
    const written = new Map<Node, readonly Node[]>();
    graph = rewrite(graph, (node) => {
      if (node.op!.name !== "part" || isLoopPart(node)) return node;
      const macro = node.inputs[0]!;
      let parts = written.get(macro);
      if (!parts) written.set(macro, (parts = macro.op!.expand!(macro.inputs, macro.attrs)));
      return parts[node.attrs.index as number]!;
    });
  }
}

/** Every op that has no kernel said in smaller ops. */
export function expandComposites(roots: readonly Node[], target: Target): Node[] {
  let graph = [...roots];
  for (let changed = true; changed; ) {
    changed = false;
    graph = rewrite(graph, (node) => {
      const op = node.op!;
      if (known(node) || whole(node, target) || isLoop(node) || isLoopPart(node)) return node;
      if (!op.decompose)
        throw new CambiumError("engine", op.name, "the compiler has no kernel for this op, and it has no parts", "add a kernel or a decomposition");
      changed = true;
      return castTo(op.decompose(at(node), node.attrs, node), node.dtype);
    });
  }
  return graph;
}
