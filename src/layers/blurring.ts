/** Layers that make images sharper, or less sharp. */
import { CambiumError } from "../base/error.ts";
import { convolve } from "../nn/convolution.ts";
import { arange, ones } from "../tensor/create.ts";
import { uniform } from "../tensor/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Augmentation, besideImages, chosen, type Factor, optionsFrom, perImage, span, type ToneOptions, valuesOf, within } from "./augmentation.ts";

/** Each channel of `x` by itself under a kernel `[rows, columns]`, with zeros around. */
const filtered = (x: Tensor, kernel: Tensor): Tensor => {
  const channels = x.shape[3]!;
  return convolve(x, kernel.reshape([...kernel.shape, 1, 1]).mul(ones([channels])), undefined, { padding: "same", groups: channels });
};

/** The weights of `size` places around the middle under a bell of width `sigma`; only those `within` so far count. */
export function bell(size: number, sigma: Tensor, within?: Tensor): Tensor {
  const at = arange(size)
    .to("float32")
    .sub((size - 1) / 2);
  const weights = at.div(sigma).square().mul(-0.5).exp();
  const counted = within ? at.abs().lessEqual(within).where(weights, 0) : weights;
  return counted.div(counted.sum());
}

/** `x` blurred along columns by the weights `across`, and along rows by `down`. */
export const blurred = (x: Tensor, across: Tensor, down: Tensor): Tensor => filtered(filtered(x, across.reshape([1, -1])), down.reshape([-1, 1]));

export interface RandomSharpnessOptions extends ToneOptions {
  /** How sharp: from 0 to this, or from `[low, high]`; 0 is blurred, 0.5 leaves what there is, 1 is sharpest. */
  factor: Factor;
}

/**
 * In training, each image sharpened or blurred.
 * @shape `[batch, height, width, channels]` → the same
 * @source Keras `RandomSharpness`
 */
export function randomSharpness(factor: Factor | RandomSharpnessOptions, options: Omit<RandomSharpnessOptions, "factor"> = {}): Augmentation {
  const all = optionsFrom<RandomSharpnessOptions>("factor", factor, options);
  const where = all.name ?? "RandomSharpness";
  const [reach, range] = [span(where, "factor", all.factor), valuesOf(where, all.valueRange)];
  const middle = arange(9)
    .equal(4)
    .reshape([3, 3])
    .where(5 / 13, 1 / 13);
  return new Augmentation("RandomSharpness", all, {
    draw: (x) => ({ factor: perImage(x, reach) }),
    images: (x, { factor }) => within(x.add(besideImages(factor).mul(-2).add(1).mul(filtered(x, middle).sub(x))), range),
  });
}

export interface RandomGaussianBlurOptions extends ToneOptions {
  /** The chance that an image is blurred: drawn from 0 to `factor`, or from `[low, high]`. Default 1. */
  factor?: Factor;
  /** How many places the blur reaches over, across and down; odd. Default 3. */
  kernelSize?: number | readonly [across: number, down: number];
  /** How wide the bell is: from 0 to this, or `[low, high]`, the same for a batch. Default 1. */
  sigma?: Factor;
}

/**
 * In training, images blurred by chance.
 * @shape `[batch, height, width, channels]` → the same
 * @source Keras `RandomGaussianBlur`
 */
export function randomGaussianBlur(factor: Factor | RandomGaussianBlurOptions = 1, options: Omit<RandomGaussianBlurOptions, "factor"> = {}): Augmentation {
  const all = optionsFrom<RandomGaussianBlurOptions>("factor", factor, options);
  const where = all.name ?? "RandomGaussianBlur";
  const [chance, range, width] = [span(where, "factor", all.factor ?? 1), valuesOf(where, all.valueRange), span(where, "sigma", all.sigma ?? 1)];
  const sizes = typeof all.kernelSize === "object" ? all.kernelSize : [all.kernelSize ?? 3, all.kernelSize ?? 3];
  if (sizes.length !== 2 || !sizes.every((n) => Number.isInteger(n) && n > 0 && n % 2 === 1))
    throw new CambiumError("value", where, `kernelSize is ${JSON.stringify(all.kernelSize)}; it is an odd number, or two: [across, down]`);
  return new Augmentation("RandomGaussianBlur", all, {
    draw: (x) => ({ shouldApplyBlur: chosen(x, chance), blurFactor: uniform([2], ...width).add(1e-6) }),
    images(x, { shouldApplyBlur, blurFactor }) {
      const [across, down] = sizes.map((size, i) => bell(size, blurFactor.slice([i], [i + 1]))) as [Tensor, Tensor];
      return within(besideImages(shouldApplyBlur).where(blurred(x, across, down), x), range);
    },
  });
}
