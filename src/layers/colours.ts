/** Layers that change the colours of images: red, green and blue on the last axis. */
import { CambiumError } from "../base/error.ts";
import { show } from "../base/shape.ts";
import { fromArray, stack } from "../tensor/create.ts";
import { unbind } from "../tensor/functions.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Augmentation, type Factor, moved, optionsFrom, perImage, type Range, span, type ToneOptions, valuesOf, within } from "./augmentation.ts";
import type { SpatialOptions } from "./spatial.ts";
import { randomBrightness, randomContrast } from "./tones.ts";

export interface ColourOptions extends ToneOptions {
  /** How far: up to this, or from `[low, high]`; from 0 to 1. */
  factor: Factor;
}

function expectColours(where: string, x: Tensor): Tensor {
  if (x.shape[3] !== 3) throw new CambiumError("shape", where, `images have three channels, red, green and blue; got ${show(x.shape)}`);
  return x;
}

/** Hue and saturation from 0 to 1, and value, of red, green and blue. @source Smith, "Color gamut transform pairs" (1978) */
function toHsv(x: Tensor): [hue: Tensor, saturation: Tensor, value: Tensor] {
  const [r, g, b] = unbind(x, -1) as [Tensor, Tensor, Tensor];
  const value = r.maximum(g).maximum(b);
  const spread = value.sub(r.minimum(g).minimum(b));
  const grey = spread.lessEqual(0);
  const saturation = value.greater(0).where(spread.div(value.greater(0).where(value, 1)), 0);
  const step = grey.where(1, spread).mul(6).reciprocal();
  const hue = r.equal(value).where(
    g.sub(b).mul(step),
    g.equal(value).where(
      b
        .sub(r)
        .mul(step)
        .add(1 / 3),
      r
        .sub(g)
        .mul(step)
        .add(2 / 3),
    ),
  );
  const kept = grey.where(0, hue);
  return [kept.less(0).where(kept.add(1), kept), saturation, value];
}

function fromHsv(hue: Tensor, saturation: Tensor, value: Tensor): Tensor {
  const h = hue.mul(6);
  const unit = (x: Tensor): Tensor => within(x, [0, 1]);
  const shares = [unit(h.sub(3).abs().sub(1)), unit(h.sub(2).abs().neg().add(2)), unit(h.sub(4).abs().neg().add(2))];
  return stack(
    shares.map((share) => saturation.mul(share).sub(saturation).add(1).mul(value)),
    -1,
  );
}

/** How light a colour is to the eye, `[..., 1]`. @source ITU-R BT.601 */
function toGrey(where: string, x: Tensor): Tensor {
  if (x.shape[3] === 1) return x;
  return expectColours(where, x)
    .mul(fromArray(Float32Array.of(0.2989, 0.587, 0.114)))
    .sum(-1, { keep: true });
}

const drawn = (where: string, all: ColourOptions): { reach: Range; range: Range } => ({
  reach: span(where, "factor", all.factor),
  range: valuesOf(where, all.valueRange),
});

/**
 * In training, the hue of each image turned, either way, by up to half of the circle.
 * @shape `[batch, height, width, 3]` → the same
 * @source Keras `RandomHue`
 */
export function randomHue(factor: Factor | ColourOptions, options: Omit<ColourOptions, "factor"> = {}): Augmentation {
  const all = optionsFrom<ColourOptions>("factor", factor, options);
  const where = all.name ?? "RandomHue";
  const { reach, range } = drawn(where, all);
  return new Augmentation("RandomHue", all, {
    draw(x) {
      const half = perImage(x, reach).mul(0.5);
      return { factor: perImage(x, [0, 1]).greater(0.5).where(half.neg(), half) };
    },
    images(x, { factor }) {
      const [hue, saturation, value] = toHsv(moved(expectColours(where, x), range, [0, 1]));
      const turned = hue.add(factor.reshape([x.shape[0]!, 1, 1]));
      const over = turned.greater(1).where(turned.sub(1), turned);
      return moved(within(fromHsv(over.less(0).where(over.add(1), over), saturation, value), [0, 1]), [0, 1], range);
    },
  });
}

/**
 * In training, the colours of each image made paler or stronger: factor 0 leaves grey, 0.5 what there is, 1 the strongest colours.
 * @shape `[batch, height, width, 3]` → the same
 * @source Keras `RandomSaturation`, as documented: a single number goes up from 0; a saturation stays at most 1
 */
export function randomSaturation(factor: Factor | ColourOptions, options: Omit<ColourOptions, "factor"> = {}): Augmentation {
  const all = optionsFrom<ColourOptions>("factor", factor, options);
  const where = all.name ?? "RandomSaturation";
  const { reach } = drawn(where, all);
  return new Augmentation("RandomSaturation", all, {
    draw(x) {
      const share = perImage(x, reach);
      return { factor: share.div(share.neg().add(1 + 1e-7)) };
    },
    images(x, { factor }) {
      const [hue, saturation, value] = toHsv(expectColours(where, x));
      return fromHsv(hue, within(saturation.mul(factor.reshape([x.shape[0]!, 1, 1])), [0, 1]), value);
    },
  });
}

export interface RandomGrayscaleOptions extends SpatialOptions {
  /** The chance that an image loses its colours. Default 0.5. */
  factor?: number;
}

/**
 * In training, images made grey by chance; they keep their three channels.
 * @shape `[batch, height, width, 3]` → the same
 * @source Keras `RandomGrayscale`
 */
export function randomGrayscale(factor: number | RandomGrayscaleOptions = 0.5, options: Omit<RandomGrayscaleOptions, "factor"> = {}): Augmentation {
  const all = optionsFrom<RandomGrayscaleOptions>("factor", factor, options);
  const where = all.name ?? "RandomGrayscale";
  const [, chance] = span(where, "factor", all.factor ?? 0.5);
  return new Augmentation("RandomGrayscale", all, {
    draw: (x) => ({ shouldApply: perImage(x, [0, 1], [1, 1, 1]).less(chance) }),
    images: (x, { shouldApply }) => shouldApply.where(toGrey(where, x), x),
  });
}

/**
 * In training, the colours of each image drawn towards grey by a share.
 * @shape `[batch, height, width, 3]` → the same
 * @source Keras `RandomColorDegeneration`, as documented: a single number goes up from 0
 */
export function randomColorDegeneration(factor: Factor | ColourOptions, options: Omit<ColourOptions, "factor"> = {}): Augmentation {
  const all = optionsFrom<ColourOptions>("factor", factor, options);
  const where = all.name ?? "RandomColorDegeneration";
  const { reach, range } = drawn(where, all);
  return new Augmentation("RandomColorDegeneration", all, {
    draw: (x) => ({ factor: perImage(x, reach, [1, 1, 1]) }),
    images: (x, { factor }) => within(x.add(factor.mul(toGrey(where, x).sub(x))), range),
  });
}

export interface RandomColorJitterOptions extends ToneOptions {
  /** As the factor of `randomBrightness`. Default: brightness stays. */
  brightnessFactor?: Factor;
  /** As the factor of `randomContrast`. Default: contrast stays. */
  contrastFactor?: Factor;
  /** As the factor of `randomSaturation`. Default: saturation stays. */
  saturationFactor?: Factor;
  /** As the factor of `randomHue`. Default: the hue stays. */
  hueFactor?: Factor;
}

/**
 * In training, changes by chance of brightness, contrast, saturation and hue, one after another.
 * @shape `[batch, height, width, 3]` → the same
 * @source Keras `RandomColorJitter`
 */
export function randomColorJitter(options: RandomColorJitterOptions = {}): Augmentation {
  const { brightnessFactor, contrastFactor, saturationFactor, hueFactor, valueRange = [0, 255] } = options;
  const steps = (
    [
      ["brightness", randomBrightness, brightnessFactor],
      ["contrast", randomContrast, contrastFactor],
      ["saturation", randomSaturation, saturationFactor],
      ["hue", randomHue, hueFactor],
    ] as const
  ).flatMap(([name, make, factor]) => (factor === undefined ? [] : [[name, make(factor, { valueRange, name })] as const]));
  return new Augmentation("RandomColorJitter", options, {
    draw: (x) => Object.fromEntries(steps.map(([name, layer]) => [name, layer.getRandomTransformation(x)])),
    images: (x, drawn) => steps.reduce((y, [name, layer]) => layer.transformImages(y, drawn[name]), x),
  });
}
