import { normal, uniform } from "../tensor/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Augmentation, besideImages, chosen, type Factor, optionsFrom, span, type ToneOptions, valuesOf, within } from "./augmentation.ts";
import { bell, blurred } from "./blurring.ts";
import { type WarpOptions, warping } from "./warping.ts";

export interface RandomElasticOptions extends WarpOptions, ToneOptions {
  /** The chance that an image is bent: drawn from 0 to `factor`, or from `[low, high]`. Default 1. */
  factor?: Factor;
  /** How far places move, the same for a batch: from 0 to this, or `[low, high]`. Default 1. */
  scale?: Factor;
}

/** One number for each place of images, `[batch, height, width]`, much the same at places near each other: noise under a bell. */
function smooth(noise: Tensor, sigma: Tensor, most: number): Tensor {
  // Keras' bell reaches as far as three times the whole part of its width.
  const reach = sigma.floor().mul(3);
  const weights = bell(6 * Math.floor(most) + 1, sigma, reach);
  return blurred(noise.mul(sigma).expandDims(-1), weights, weights).squeeze(-1);
}

/**
 * In training, images bent by chance, as if drawn on rubber.
 * @shape `[batch, height, width, channels]` → the same
 * @source Keras `RandomElasticTransform`, whose places move along one diagonal only; Simard et al. (2003)
 */
export function randomElasticTransform(factor: Factor | RandomElasticOptions = 1, options: Omit<RandomElasticOptions, "factor"> = {}): Augmentation {
  const all = optionsFrom<RandomElasticOptions>("factor", factor, options);
  const where = all.name ?? "RandomElasticTransform";
  const [chance, reach, range] = [span(where, "factor", all.factor ?? 1), span(where, "scale", all.scale ?? 1), valuesOf(where, all.valueRange)];
  return warping("RandomElasticTransform", all, {
    draw(x) {
      const places = x.shape.slice(0, 3);
      return { applyTransform: chosen(x, chance), distortionFactor: uniform([], ...reach), across: normal(places), down: normal(places) };
    },
    place(x, column, row, { distortionFactor, across, down }) {
      const [, height, width] = x.shape as [number, number, number];
      const sigma = distortionFactor.mul(0.05 * Math.min(height, width));
      const far = distortionFactor.mul(0.1 * Math.max(height, width));
      // Without any distortion the bell has no width; what it makes of noise is then nothing anyway.
      const [right, below] = [across, down].map((noise) => {
        const moved = smooth(noise, sigma.maximum(1e-3), 0.05 * Math.min(height, width) * reach[1]);
        return sigma.greater(0).where(moved, 0).mul(far);
      }) as [Tensor, Tensor];
      return [column.add(right), row.add(below)];
    },
    choose: (warped, x, { applyTransform }) => within(besideImages(applyTransform).where(warped, x), range),
  });
}
