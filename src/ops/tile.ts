/** The same numbers several times over. */
import { CambiumError } from "../base/error.ts";
import { resolveAxis } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import { expandDims, reshape } from "./movement.ts";
import { broadcast } from "./spread.ts";

function checkTimes(where: string, times: number): void {
  if (!Number.isInteger(times) || times < 0) throw new CambiumError("value", where, `numbers are repeated a whole number of times, got ${times}`);
}

/** `x` repeated whole, `times[i]` times along axis `i`; with more times than axes it gets new axes in front. */
export function tile(x: Node, times: readonly number[]): Node {
  const lead = times.length - x.shape.length;
  const all = lead < 0 ? [...new Array<number>(-lead).fill(1), ...times] : times;
  const shape = [...new Array<number>(Math.max(lead, 0)).fill(1), ...x.shape];
  for (const n of all) checkTimes("tile", n);
  // Each axis of size d is seen as one of 1 · d, the 1 is copied out, and the two are made one again.
  const copied = broadcast(reshape(x, shape.flatMap((d) => [1, d])), shape.flatMap((d, i) => [all[i]!, d]));
  return reshape(copied, shape.map((d, i) => d * all[i]!));
}

/** Each slice of `x` along `axis`, `times` times in a row. */
export function repeat(x: Node, times: number, axis = 0): Node {
  checkTimes("repeat", times);
  const along = resolveAxis("repeat", axis, x.shape.length);
  const copied = broadcast(expandDims(x, along + 1), x.shape.toSpliced(along + 1, 0, times));
  return reshape(copied, x.shape.with(along, x.shape[along]! * times));
}
