/** Layers that change images by chance in training, each sample in its own way, and let them pass in evaluation. The chance is part of the graph, so it is the same on every engine. */
import { CambiumError } from "../base/error.ts";
import type { Shape } from "../base/shape.ts";
import { unknownName } from "../base/text.ts";
import { uniform } from "../tensor/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Layer, type LayerOptions } from "./layer.ts";
import { checkRank } from "./spatial.ts";

/** A change by chance; `change` gets images [batch, height, width, channels]. */
export class Augmentation extends Layer {
  readonly #change: (x: Tensor) => Tensor;

  constructor(className: string, options: LayerOptions, change: (x: Tensor) => Tensor) {
    super(className, options);
    this.#change = change;
  }

  protected override check(input: Shape): void {
    checkRank(this.name, input, 2);
  }

  protected override call(x: Tensor): Tensor {
    return this.training ? this.#change(x) : x;
  }
}

/** One number for each image of `x`, from [low, high). */
const perImage = (x: Tensor, low: number, high: number): Tensor => uniform([x.shape[0]!, 1, 1, 1], low, high, x.dtype);

export interface RandomFlipOptions extends LayerOptions {
  /** Default `"horizontalAndVertical"`. */
  mode?: "horizontal" | "vertical" | "horizontalAndVertical";
}

const flips: Record<string, readonly number[]> = { horizontal: [2], vertical: [1], horizontalAndVertical: [2, 1] };

/**
 * In training, each image mirrored with chance 1/2: left to right, top to bottom, or each of both.
 * @shape `[batch, height, width, channels]` → the same
 * @source Keras `RandomFlip`
 */
export function randomFlip(mode: NonNullable<RandomFlipOptions["mode"]> | RandomFlipOptions = {}, options: LayerOptions = {}): Augmentation {
  const all: RandomFlipOptions = typeof mode === "string" ? { ...options, mode } : mode;
  const axes = flips[all.mode ?? "horizontalAndVertical"];
  if (!axes) throw unknownName(all.name ?? "RandomFlip", "mode", String(all.mode), Object.keys(flips));
  return new Augmentation("RandomFlip", all, (x) => axes.reduce((y, axis) => perImage(x, 0, 1).less(0.5).where(y.flip(axis), y), x));
}

export interface RandomRangeOptions extends LayerOptions {
  /** How far: from `-factor` to `factor`, or `[low, high]`; for contrast `[lower, upper]`, from 1 − lower to 1 + upper. */
  factor: number | readonly [low: number, high: number];
  /** The least and the largest number of an image. Default `[0, 255]`. */
  valueRange?: readonly [low: number, high: number];
}

function limits(where: string, factor: RandomRangeOptions["factor"]): readonly [low: number, high: number] {
  const pair = typeof factor === "number" ? ([-factor, factor] as const) : factor;
  if (!Array.isArray(pair) || pair.length !== 2 || !(pair[0] <= pair[1]) || pair.some((n) => !(n >= -1 && n <= 1)))
    throw new CambiumError("value", where, `factor is ${JSON.stringify(factor)}; it is a number from 0 to 1, or two from -1 to 1`);
  return pair as [number, number];
}

const optionsOf = (factor: RandomRangeOptions["factor"] | RandomRangeOptions, options: Omit<RandomRangeOptions, "factor">): RandomRangeOptions =>
  typeof factor === "object" && !Array.isArray(factor) ? (factor as RandomRangeOptions) : { ...options, factor: factor as number };

const within = (x: Tensor, [low, high]: readonly [number, number]): Tensor => x.maximum(low).minimum(high);

/**
 * In training, each image made brighter or darker by a share of the range of its numbers.
 * @shape `[batch, height, width, channels]` → the same
 * @source Keras `RandomBrightness`
 */
export function randomBrightness(factor: RandomRangeOptions["factor"] | RandomRangeOptions, options: Omit<RandomRangeOptions, "factor"> = {}): Augmentation {
  const all = optionsOf(factor, options);
  const [low, high] = limits(all.name ?? "RandomBrightness", all.factor);
  const range = all.valueRange ?? [0, 255];
  return new Augmentation("RandomBrightness", all, (x) => within(x.add(perImage(x, low, high).mul(range[1] - range[0])), range));
}

/**
 * In training, each channel of an image drawn away from its mean or towards it, by a factor around 1.
 * @shape `[batch, height, width, channels]` → the same
 * @source Keras `RandomContrast`
 */
export function randomContrast(factor: RandomRangeOptions["factor"] | RandomRangeOptions, options: Omit<RandomRangeOptions, "factor"> = {}): Augmentation {
  const all = optionsOf(factor, options);
  const { factor: f } = all;
  const [low, high] = limits(all.name ?? "RandomContrast", Array.isArray(f) ? [-f[0]!, f[1]!] : f);
  return new Augmentation("RandomContrast", all, (x) => {
    const mean = x.mean([1, 2], { keep: true });
    return within(
      x
        .sub(mean)
        .mul(perImage(x, 1 + low, 1 + high))
        .add(mean),
      all.valueRange ?? [0, 255],
    );
  });
}
