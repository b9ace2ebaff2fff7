/** Layers that change images by other layers, which of them chance decides. */
import { CambiumError } from "../base/error.ts";
import { expectCount } from "../nn/input.ts";
import { stack } from "../tensor/create.ts";
import { beta, gamma, randint } from "../tensor/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Augmentation, type Factor, type Range, span, type ToneOptions, valuesOf, within } from "./augmentation.ts";
import { randomSharpness } from "./blurring.ts";
import { randomColorDegeneration } from "./colours.ts";
import { equalization } from "./equalizing.ts";
import { autoContrast, randomBrightness, randomContrast, randomPosterization, solarization } from "./tones.ts";
import { randomRotation, randomShear, randomTranslation, type WarpOptions } from "./warping.ts";

/** What policies may be told. */
export interface PolicyOptions extends ToneOptions {
  /** How far each change may go: up to this, or from `[low, high]`; from 0 to 1. */
  factor?: Factor;
  /** How numbers between pixels are made. Default `"bilinear"`. */
  interpolation?: WarpOptions["interpolation"];
}

type Named = readonly (readonly [name: string, layer: Augmentation])[];

/** The changes that policies choose from, in Keras' order; those of colour come last. */
function changes(factor: Range, valueRange: Range, interpolation: WarpOptions["interpolation"] = "bilinear"): { shapes: Named; tones: Named; colours: Named } {
  const [warps, tones] = [{ interpolation }, { valueRange }];
  return {
    shapes: [
      ["randomShear", randomShear(factor, factor, warps)],
      ["randomTranslation", randomTranslation(factor, factor, warps)],
      ["randomRotation", randomRotation(factor, warps)],
    ],
    colours: [
      ["randomBrightness", randomBrightness(factor, tones)],
      ["randomColorDegeneration", randomColorDegeneration(factor, tones)],
      ["randomContrast", randomContrast(factor, tones)],
      ["randomSharpness", randomSharpness(factor, tones)],
    ],
    tones: [
      ["randomPosterization", randomPosterization([1, Math.max(1, Math.floor(8 * factor[1]))], tones)],
      ["solarization", solarization(factor, factor, tones)],
      ["autoContrast", autoContrast(tones)],
      ["equalization", equalization(tones)],
    ],
  };
}

/** What each of `layers` draws for images. */
const drawnBy = (layers: Named, x: Tensor): Record<string, any> => Object.fromEntries(layers.map(([name, layer]) => [name, layer.getRandomTransformation(x)]));

/** What that one of `layers` makes of images whose number is `which`; as they are, where it is none's. */
const chosenBy = (layers: Named, which: Tensor, x: Tensor, drawn: Readonly<Record<string, any>>): Tensor =>
  layers.reduce((y, [name, layer], i) => which.equal(i).where(layer.transformImages(x, drawn[name]), y), x);

export interface RandAugmentOptions extends PolicyOptions {
  /** How many changes, one after another. Default 2. */
  numOps?: number;
}

/**
 * In training, a few changes of shape, shade and colour, which ones chance decides for a batch and how far for each image.
 * @shape `[batch, height, width, channels]` → the same
 * @source Keras `RandAugment`: 2 changes, factor 0.5; Cubuk et al. (2019)
 */
export function randAugment(options: RandAugmentOptions = {}): Augmentation {
  const { numOps = 2, factor = 0.5, interpolation, name: where = "RandAugment" } = options;
  expectCount(where, "numOps", numOps);
  const { shapes, tones, colours } = changes(span(where, "factor", factor), valuesOf(where, options.valueRange), interpolation);
  const layers = [...shapes, ...colours, ...tones];
  return new Augmentation("RandAugment", options, {
    draw: (x) => ({ layerIdxes: randint([numOps], 0, layers.length), transforms: drawnBy(layers, x) }),
    images: (x, { layerIdxes, transforms }) =>
      layerIdxes.split(numOps, 0).reduce((y: Tensor, which: Tensor) => chosenBy(layers, which.reshape([]), y, transforms), x),
  });
}

export interface AugMixOptions extends PolicyOptions {
  /** How many changed images are mixed. Default 3. */
  numChains?: number;
  /** How many changes each of them goes through, at most. Default 3. */
  chainDepth?: number;
  /** The parameter of the distributions that shares are drawn from. Default 1. */
  alpha?: number;
  /** Whether colours change too. Default `true`. */
  allOps?: boolean;
}

/**
 * In training, each image mixed with images that chains of changes have made of it.
 * @shape `[batch, height, width, channels]` → the same
 * @source Keras `AugMix`: 3 chains of up to 3 changes, factor 0.3; Hendrycks et al. (2019)
 */
export function augMix(options: AugMixOptions = {}): Augmentation {
  const { numChains = 3, chainDepth = 3, factor = 0.3, alpha = 1, allOps = true, interpolation, name: where = "AugMix" } = options;
  expectCount(where, "numChains", numChains);
  expectCount(where, "chainDepth", chainDepth);
  if (!(alpha > 0)) throw new CambiumError("value", where, `alpha is ${alpha}; it is a number above 0`);
  const range = valuesOf(where, options.valueRange);
  const { shapes, tones, colours } = changes(span(where, "factor", factor), range, interpolation);
  const layers = [...shapes, ...tones, ...(allOps ? colours : [])];
  const times = <T>(n: number, f: () => T): T[] => Array.from({ length: n }, f);
  type Step = { which: Tensor; transforms: Record<string, any> };
  return new Augmentation("AugMix", options, {
    draw(x) {
      const parts = gamma([numChains], alpha);
      return {
        chainMixingWeights: parts.div(parts.sum()),
        weightSample: beta([], alpha, alpha),
        // One number more than there are layers: now and then a step changes nothing.
        chainTransforms: times(numChains, () => times(chainDepth, (): Step => ({ which: randint([], 0, layers.length + 1), transforms: drawnBy(layers, x) }))),
      };
    },
    images(x, { chainMixingWeights, weightSample, chainTransforms }) {
      const chains = (chainTransforms as Step[][]).map((steps) => steps.reduce((y, { which, transforms }) => chosenBy(layers, which, y, transforms), x));
      const mixed = stack(chains, -1).mul(chainMixingWeights).sum(-1);
      return within(mixed.lerp(x, weightSample), range);
    },
  });
}
