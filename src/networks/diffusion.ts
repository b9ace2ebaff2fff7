import { CambiumError } from "../base/error.ts";
import { type Shape, show } from "../base/shape.ts";
import { mseLoss } from "../losses/distance.ts";
import { compile } from "../tensor/compile.ts";
import { fromArray, full } from "../tensor/create.ts";
import { noGrad } from "../tensor/functional.ts";
import { normal, randint } from "../tensor/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type NoiseScheduleOptions, noiseSchedule } from "./schedule.ts";

/** What says which noise is in `x`, of which batch element i has gone `t[i]` steps. @shape x [batch, ...], t [batch] int32 → [batch, ...] */
export type NoisePredictor = (x: Tensor, t: Tensor) => Tensor;

export interface SampleOptions {
  /** Keeps what is foreseen of the example within ±1. Default `true`. */
  clip?: boolean;
  /** Where to begin. Default: noise. */
  start?: Tensor;
}

export interface DDIMOptions extends SampleOptions {
  /** How many of the schedule's steps are taken. Default 50, or all where there are fewer. */
  steps?: number;
  /** How much new noise comes in: 0 for none, 1 for as much as in `sample`. Default 0. */
  eta?: number;
}

/**
 * Denoising diffusion: examples become noise step by step, and a network learns the way back.
 * @source Ho, Jain and Abbeel, "Denoising diffusion probabilistic models" (2020)
 * @example
 * ```ts
 * const diffusion = new Diffusion({ steps: 200, schedule: "cosine" });
 * const loss = diffusion.loss((x, t) => model.forward(x, t), images);
 * ```
 */
export class Diffusion {
  readonly steps: number;
  readonly betas: Float64Array;
  /** How much of an example's variance is left after each step. */
  readonly alphasCumprod: Float64Array;
  readonly #kept: Tensor;
  readonly #added: Tensor;

  constructor(options: NoiseScheduleOptions = {}) {
    const { betas, alphasCumprod } = noiseSchedule(options);
    this.steps = betas.length;
    this.betas = betas;
    this.alphasCumprod = alphasCumprod;
    this.#kept = fromArray(Float32Array.from(alphasCumprod, Math.sqrt));
    this.#added = fromArray(Float32Array.from(alphasCumprod, (a) => Math.sqrt(1 - a)));
  }

  /** Examples after `t` + 1 steps towards noise. @shape x [batch, ...], t [batch] int32, noise as x → [batch, ...] */
  qSample(x: Tensor, t: Tensor, noise: Tensor = normal(x.shape)): Tensor {
    if (t.rank !== 1 || t.shape[0] !== x.shape[0])
      throw new CambiumError("shape", "Diffusion.qSample", `expected a step for each of ${x.shape[0]} examples, got ${show(t.shape)}`);
    const beside = [x.shape[0]!, ...x.shape.slice(1).map(() => 1)];
    return x.mul(this.#kept.gather(t).reshape(beside)).add(noise.mul(this.#added.gather(t).reshape(beside)));
  }

  /** How far the noise that is foreseen lies from what was put in, at steps drawn by chance: what training makes small. */
  loss(predict: NoisePredictor, x: Tensor): Tensor {
    const t = randint([x.shape[0]!], 0, this.steps);
    const noise = normal(x.shape);
    return mseLoss(predict(this.qSample(x, t, noise), t), noise);
  }

  /** New examples by the way back, step by step. @source Ho et al. (2020), algorithm 2, with the variance of the posterior */
  sample(predict: NoisePredictor, shape: Shape, options: SampleOptions = {}): Tensor {
    const path = Array.from({ length: this.steps }, (_, i) => this.steps - 1 - i);
    return this.#back(predict, shape, path, 1, options);
  }

  /** New examples by fewer steps, the same for the same start unless `eta` is above 0. @source Song, Meng and Ermon, "Denoising diffusion implicit models" (2020) */
  ddim(predict: NoisePredictor, shape: Shape, { steps = Math.min(50, this.steps), eta = 0, ...options }: DDIMOptions = {}): Tensor {
    if (!Number.isInteger(steps) || steps < 1 || steps > this.steps)
      throw new CambiumError("value", "Diffusion.ddim", `steps is a whole number from 1 to ${this.steps}, got ${steps}`);
    if (!(eta >= 0 && eta <= 1)) throw new CambiumError("value", "Diffusion.ddim", `eta is a number from 0 to 1, got ${eta}`);
    const path = Array.from({ length: steps }, (_, i) => Math.round(((steps - i) * this.steps) / steps) - 1);
    return this.#back(predict, shape, path, eta, options);
  }

  /** Both ways back are one: with `eta` 1 and every step, Song's formula is Ho's. */
  #back(predict: NoisePredictor, shape: Shape, path: readonly number[], eta: number, { clip = true, start }: SampleOptions): Tensor {
    const step = compile((x: Tensor, t: Tensor, w: Tensor): Tensor => {
      const weight = (i: number): Tensor => w.slice([i], [i + 1]);
      const noise = predict(x, t);
      const foreseen = x.mul(weight(0)).sub(noise.mul(weight(1)));
      const kept = clip ? foreseen.clamp(-1, 1) : foreseen;
      // What was clipped is no longer foreseen: the noise is what is left.
      const rest = clip ? x.sub(kept.mul(weight(2))).mul(weight(3)) : noise;
      return kept
        .mul(weight(4))
        .add(rest.mul(weight(5)))
        .add(normal(shape).mul(weight(6)));
    });
    return noGrad(() => {
      let x = start ?? normal(shape);
      for (const [i, t] of path.entries()) {
        const now = this.alphasCumprod[t]!;
        const next = i + 1 < path.length ? this.alphasCumprod[path[i + 1]!]! : 1;
        const fresh = eta * Math.sqrt(((1 - next) / (1 - now)) * (1 - now / next));
        const weights = [
          1 / Math.sqrt(now),
          Math.sqrt(1 / now - 1),
          Math.sqrt(now),
          1 / Math.sqrt(1 - now),
          Math.sqrt(next),
          Math.sqrt(Math.max(0, 1 - next - fresh ** 2)),
          fresh,
        ];
        x = step(x, full([shape[0]!], t, { dtype: "int32" }), fromArray(Float32Array.from(weights)));
      }
      return x;
    });
  }
}
