/** Whole numbers as rows that have a place for each of them. */
import { bare, unknownName } from "../base/text.ts";
import type { Tensor } from "../tensor/tensor.ts";

const modes = ["int", "oneHot", "multiHot", "count", "tfIdf"] as const;

/** The numbers themselves; a row with a one for each number; one row for the last axis, with ones for the numbers it has, or how often it has each, or that times how rare it is. */
export type OutputMode = (typeof modes)[number];

/** The mode meant, also where it is written in Python's way. @throws a `name` error for one that is not among `known` */
export function outputMode(where: string, given: string, known: readonly OutputMode[] = modes): OutputMode {
  const found = known.find((mode) => typeof given === "string" && bare(mode) === bare(given));
  if (!found) throw unknownName(where, "outputMode", String(given), known);
  return found;
}

/** Numbers below `depth` in that mode; those below 0 leave no trace. `weights`: what each occurrence counts. */
export function encoded(x: Tensor, mode: OutputMode, depth: number, weights?: Tensor): Tensor {
  if (mode === "int") return x;
  const single = mode === "oneHot" && x.rank > 1 && x.shape.at(-1) === 1;
  const rows = (single ? x.squeeze(-1) : x).to("int32").oneHot(depth);
  if (mode === "oneHot") return rows;
  if (mode === "multiHot") return rows.max(-2);
  return (weights ? rows.mul(weights.expandDims(-1)) : rows).sum(-2);
}
