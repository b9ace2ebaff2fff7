/** Layers that change how light and dark images are. */
import { CambiumError } from "../base/error.ts";
import { fromArray } from "../tensor/create.ts";
import { randint } from "../tensor/random.ts";
import { asBytes, Augmentation, besideImages, chosen, type Factor, optionsFrom, perImage, span, type ToneOptions, valuesOf, within } from "./augmentation.ts";

export interface RandomRangeOptions extends ToneOptions {
  /** How far: from `-factor` to `factor`, or `[low, high]`; for contrast `[lower, upper]`, from 1 − lower to 1 + upper. */
  factor: Factor;
}

/**
 * In training, each image made brighter or darker by a share of the range of its numbers.
 * @shape `[batch, height, width, channels]` → the same
 * @source Keras `RandomBrightness`
 */
export function randomBrightness(factor: Factor | RandomRangeOptions, options: Omit<RandomRangeOptions, "factor"> = {}): Augmentation {
  const all = optionsFrom<RandomRangeOptions>("factor", factor, options);
  const where = all.name ?? "RandomBrightness";
  const [reach, range] = [span(where, "factor", all.factor, -1), valuesOf(where, all.valueRange)];
  return new Augmentation("RandomBrightness", all, {
    draw: (x) => ({ rgbDelta: perImage(x, reach, [1, 1, 1]).mul(range[1] - range[0]) }),
    images: (x, { rgbDelta }) => within(x.add(rgbDelta), range),
  });
}

/**
 * In training, each channel of an image drawn away from its mean or towards it, by a factor around 1.
 * @shape `[batch, height, width, channels]` → the same
 * @source Keras `RandomContrast`, as documented: a single number goes both ways
 */
export function randomContrast(factor: Factor | RandomRangeOptions, options: Omit<RandomRangeOptions, "factor"> = {}): Augmentation {
  const all = optionsFrom<RandomRangeOptions>("factor", factor, options);
  const where = all.name ?? "RandomContrast";
  const { factor: f } = all;
  const [low, high] = typeof f === "number" ? span(where, "factor", f, -1) : [-f[0], f[1]];
  for (const one of [-low, high]) span(where, "factor", one);
  const range = valuesOf(where, all.valueRange);
  return new Augmentation("RandomContrast", all, {
    draw: (x) => ({ contrastFactor: perImage(x, [1 + low, 1 + high], [1, 1, 1]) }),
    images(x, { contrastFactor }) {
      const mean = x.mean([1, 2], { keep: true });
      return within(x.sub(mean).mul(contrastFactor).add(mean), range);
    },
  });
}

/**
 * Each channel of an image stretched so that its numbers fill the whole range, in training and in evaluation.
 * @shape `[batch, height, width, channels]` → the same
 * @source Keras `AutoContrast`
 */
export function autoContrast(options: ToneOptions = {}): Augmentation {
  const range = valuesOf(options.name ?? "AutoContrast", options.valueRange);
  return new Augmentation("AutoContrast", options, {
    always: true,
    draw: () => ({}),
    images: (x) =>
      asBytes(x, range, (x) => {
        const [low, high] = [x.min([1, 2], { keep: true }), x.max([1, 2], { keep: true })];
        // A channel of one number only has nothing to stretch.
        const scale = high.equal(low).where(1, high.sub(low)).reciprocal().mul(255);
        return high.equal(low).where(x, within(x.mul(scale).sub(low.mul(scale)), [0, 255]));
      }),
  });
}

export interface RandomInvertOptions extends ToneOptions {
  /** The chance that an image is inverted: drawn from 0 to `factor`, or from `[low, high]`. Default 1. */
  factor?: Factor;
}

/**
 * In training, images turned to their negatives by chance.
 * @shape `[batch, height, width, channels]` → the same
 * @source Keras `RandomInvert`
 */
export function randomInvert(factor: Factor | RandomInvertOptions = 1, options: Omit<RandomInvertOptions, "factor"> = {}): Augmentation {
  const all = optionsFrom<RandomInvertOptions>("factor", factor, options);
  const where = all.name ?? "RandomInvert";
  const [chance, range] = [span(where, "factor", all.factor ?? 1), valuesOf(where, all.valueRange)];
  return new Augmentation("RandomInvert", all, {
    draw: (x) => ({ applyInversion: chosen(x, chance) }),
    images: (x, { applyInversion }) => besideImages(applyInversion).where(x.neg().add(range[1]), x),
  });
}

export interface SolarizationOptions extends ToneOptions {
  /** How much is added before, as a share of the range: from 0 to this, or `[low, high]`. Default 0. */
  additionFactor?: Factor;
  /** From which share of the range on numbers are inverted: from 0 to this, or `[low, high]`. Default 0. */
  thresholdFactor?: Factor;
}

/**
 * In training, the numbers of an image from a threshold on turned to their negatives.
 * @shape `[batch, height, width, channels]` → the same
 * @source Keras `Solarization`, whose `[low, high]` has `low` as a byte, not as a share
 */
export function solarization(additionFactor: Factor | SolarizationOptions = 0, thresholdFactor: Factor = 0, options: ToneOptions = {}): Augmentation {
  const all = optionsFrom<SolarizationOptions>("additionFactor", additionFactor, { ...options, thresholdFactor });
  const where = all.name ?? "Solarization";
  const range = valuesOf(where, all.valueRange);
  const [addition, threshold] = [span(where, "additionFactor", all.additionFactor ?? 0), span(where, "thresholdFactor", all.thresholdFactor ?? 0)];
  return new Augmentation("Solarization", all, {
    draw: (x) => ({ additions: perImage(x, addition, [1, 1, 1]).mul(255), thresholds: perImage(x, threshold, [1, 1, 1]).mul(255) }),
    images: (x, { additions, thresholds }) =>
      asBytes(x, range, (x) => {
        const lit = within(x.add(additions), [0, 255]);
        return lit.less(thresholds).where(lit, lit.neg().add(255));
      }),
  });
}

export interface RandomPosterizationOptions extends ToneOptions {
  /** How many bits of each number are kept: a whole number below this, from 1, or from `low` to below `high`; always `low` where both are the same. */
  factor: Factor;
}

const powers = Float32Array.from({ length: 9 }, (_, i) => 2 ** i);

/**
 * In training, images with fewer shades: the lower bits of each byte are left out.
 * @shape `[batch, height, width, channels]` → the same
 * @source Keras `RandomPosterization`
 */
export function randomPosterization(factor: Factor | RandomPosterizationOptions, options: Omit<RandomPosterizationOptions, "factor"> = {}): Augmentation {
  const all = optionsFrom<RandomPosterizationOptions>("factor", factor, options);
  const where = all.name ?? "RandomPosterization";
  const range = valuesOf(where, all.valueRange);
  const [low, high] = span(where, "factor", all.factor, 1, 8);
  if (!Number.isInteger(low) || !Number.isInteger(high))
    throw new CambiumError("value", where, `factor is ${JSON.stringify(all.factor)}; bits are whole numbers from 1 to 8`);
  return new Augmentation("RandomPosterization", all, {
    draw: (x) => ({
      shiftFactor: randint([x.shape[0]!], low, Math.max(high, low + 1))
        .neg()
        .add(8),
    }),
    images: (x, { shiftFactor }) =>
      asBytes(x, range, (x) => {
        const step = besideImages(fromArray(powers).gather(shiftFactor.to("int32"), 0));
        return x.floor().div(step).floor().mul(step);
      }),
  });
}
