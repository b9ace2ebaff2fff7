/** How many threads compute. */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

/** Threads a step uses: the processor's cores, or `CAMBIUM_THREADS`. */
export function defaultThreads(): number {
  const wanted = Number(process.env.CAMBIUM_THREADS);
  if (Number.isInteger(wanted) && wanted >= 1 && wanted <= 256) return wanted;
  const logical = availableParallelism();
  return Math.min(256, Math.max(1, twoPerCore() ? logical >> 1 : logical));
}

/** Whether each core shows up as two processors: their second halves add nothing to dense arithmetic. */
function twoPerCore(): boolean {
  try {
    return readFileSync("/sys/devices/system/cpu/smt/active", "utf8").trim() === "1";
  } catch {
    return false;
  }
}
