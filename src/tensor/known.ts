import { load, type TypedArray } from "../base/dtype.ts";
import type { Tensor } from "./tensor.ts";

/** The numbers of a tensor that was made from numbers, where they are at hand. */
export function atHand({ leaf, dtype }: Tensor): TypedArray | undefined {
  const host = leaf.op ? undefined : leaf.value?.host;
  return host && load(dtype, host);
}
