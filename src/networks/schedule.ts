import { CambiumError } from "../base/error.ts";
import { unknownName } from "../base/text.ts";
import { expectCount } from "../nn/input.ts";

export interface NoiseScheduleOptions {
  /** From an example to noise. Default 1000. */
  steps?: number;
  /** How fast noise comes in. Default `"linear"`. */
  schedule?: "linear" | "cosine";
  /** First and last variance of the linear schedule. Default [1e-4, 0.02], for 1000 steps; with others they are scaled by 1000 / steps. */
  range?: readonly [first: number, last: number];
}

const schedules = ["linear", "cosine"];

/**
 * How much noise each step adds (`betas`), and how much of the example's variance is left after it (`alphasCumprod`).
 * @source Ho, Jain and Abbeel (2020) for linear; Nichol and Dhariwal, "Improved denoising diffusion probabilistic models" (2021), equation 17, for cosine
 */
export function noiseSchedule({ steps = 1000, schedule = "linear", range }: NoiseScheduleOptions = {}): { betas: Float64Array; alphasCumprod: Float64Array } {
  expectCount("noiseSchedule", "steps", steps);
  if (!schedules.includes(schedule)) throw unknownName("noiseSchedule", "schedule", schedule, schedules);
  const [first, last] = range ?? [0.1 / steps, 20 / steps];
  const left = (at: number): number => Math.cos(((at / steps + 0.008) / 1.008) * (Math.PI / 2)) ** 2;
  const beta = (i: number): number =>
    schedule === "cosine" ? Math.min(1 - left(i + 1) / left(i), 0.999) : Math.min(first + (last - first) * (steps === 1 ? 0 : i / (steps - 1)), 0.999);
  const betas = Float64Array.from({ length: steps }, (_, i) => beta(i));
  const wrong = betas.find((b) => !(b > 0 && b < 1));
  if (wrong !== undefined)
    throw new CambiumError("value", "noiseSchedule", `a step's variance lies between 0 and 1, got ${wrong}`, "range is [1e-4, 0.02] in the paper");
  let product = 1;
  return { betas, alphasCumprod: betas.map((b) => (product *= 1 - b)) };
}
