/** Layers that change images by chance in training, each sample in its own way, and let them pass in evaluation. The chance is part of the graph, so it is the same on every engine. */
import { CambiumError } from "../base/error.ts";
import { type Shape, show } from "../base/shape.ts";
import { channelsLast } from "../nn/input.ts";
import { asTensor, type TensorLike } from "../tensor/create.ts";
import { uniform } from "../tensor/random.ts";
import type { Tree } from "../tensor/scan.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Layer } from "./layer.ts";
import { checkRank, orderOf, type SpatialOptions } from "./spatial.ts";
import type { CallOptions, SymbolicTensor } from "./symbolic.ts";

/** Images with what belongs to them: labels, one row an image, and masks that name a class at each place. */
export interface Samples {
  readonly images: TensorLike;
  readonly labels?: TensorLike;
  readonly segmentationMasks?: TensorLike;
}

/** How images `[batch, height, width, channels]` are changed; `D` is what is drawn for a batch. */
export interface Change<D extends Tree> {
  draw(images: Tensor): D;
  images(x: Tensor, drawn: D): Tensor;
  /** What becomes of labels `[batch, ...]`. Without it they stay. */
  labels?(y: Tensor, drawn: D): Tensor;
  /** What becomes of classes at each place. Without it they stay. */
  masks?(y: Tensor, drawn: D): Tensor;
  /** Whether evaluation changes images as training does. */
  readonly always?: boolean;
}

/** A change of images by chance. */
export class Augmentation extends Layer {
  readonly #change: Change<any>;
  readonly #first: boolean;

  constructor(className: string, options: SpatialOptions, change: Change<any>) {
    super(className, options);
    this.#change = change;
    this.#first = orderOf(this.name, options.dataFormat) === "channelsFirst";
  }

  protected override check(input: Shape): void {
    checkRank(this.name, input, 2, this.#first);
  }

  protected override call(x: Tensor): Tensor {
    return this.#active ? this.transformImages(x, this.getRandomTransformation(x)) : x;
  }

  get #active(): boolean {
    return this.training || this.#change.always === true;
  }

  #ordered(x: Tensor, f: (x: Tensor) => Tensor): Tensor {
    return this.#first ? channelsLast(x, f) : f(x);
  }

  /** What chance decides for a batch of images. */
  getRandomTransformation(images: Tensor): any {
    return this.#change.draw(this.#first ? images.moveAxis(1, -1) : images);
  }

  /** Images as a transformation makes them. */
  transformImages(images: Tensor, transformation: any): Tensor {
    return this.#ordered(images, (x) => this.#change.images(x, transformation));
  }

  /** The labels of images that a transformation has changed. */
  transformLabels(labels: Tensor, transformation: any): Tensor {
    return this.#change.labels?.(labels, transformation) ?? labels;
  }

  /** The classes at the places of images that a transformation has changed. */
  transformSegmentationMasks(masks: Tensor, transformation: any): Tensor {
    return this.#ordered(masks, (x) => this.#change.masks?.(x, transformation) ?? x);
  }

  /**
   * Changed images; of images with labels or masks, all of it, changed alike. Only the latter changes labels, so layers that mix images belong before `fit`:
   * @example
   * ```ts
   * const mix = layers.mixUp();
   * function* batches() {
   *   for (let i = 0; i + 32 <= x.shape[0]!; i += 32) {
   *     const { images, labels } = mix.forward({ images: x.slice([i], [i + 32]), labels: y.slice([i], [i + 32]) });
   *     yield [images, labels];
   *   }
   * }
   * await model.fit(batches, { epochs: 2 });
   * ```
   */
  override forward<S extends Samples>(samples: S): { [K in keyof S]: Tensor };
  override forward(x: Tensor | readonly Tensor[], ...more: (Tensor | CallOptions)[]): Tensor;
  override forward(x: SymbolicTensor | readonly SymbolicTensor[], ...more: (SymbolicTensor | CallOptions)[]): SymbolicTensor;
  override forward(...given: unknown[]): any {
    const [samples] = given as [Samples];
    if (typeof samples !== "object" || samples === null || Object.getPrototypeOf(samples) !== Object.prototype) return super.forward(...(given as [Tensor]));
    return this.#together(samples);
  }

  #together(samples: Samples): Record<string, Tensor> {
    const stray = Object.keys(samples).find((name) => !["images", "labels", "segmentationMasks"].includes(name));
    if (stray !== undefined || samples.images === undefined)
      throw new CambiumError(
        stray === undefined ? "value" : "name",
        this.name,
        stray === undefined ? "got a record without images" : `can do nothing with "${stray}"`,
        "{ images, labels, segmentationMasks }, of which images must be there",
      );
    const given = Object.entries(samples).map(([name, data]) => [name, asTensor(data).to("float32")] as const);
    const images = given.find(([name]) => name === "images")![1];
    this.check(images.shape.slice(1));
    const apart = given.find(([, data]) => data.shape[0] !== images.shape[0]);
    if (apart) throw new CambiumError("shape", this.name, `there are ${images.shape[0]} images, and ${apart[0]} are ${show(apart[1].shape)}`);
    if (!this.#active) return Object.fromEntries(given);
    const drawn = this.getRandomTransformation(images);
    const changed = { images: this.transformImages, labels: this.transformLabels, segmentationMasks: this.transformSegmentationMasks } as const;
    return Object.fromEntries(given.map(([name, data]) => [name, changed[name as keyof typeof changed].call(this, data, drawn)]));
  }
}

/** From `low` to `high`. */
export type Range = readonly [low: number, high: number];

/** How far a change may go: up to a number, or `[low, high]`. */
export type Factor = number | Range;

/** One number for each image of `x`, from [low, high). */
export const perImage = (x: Tensor, [low, high]: Range, more: Shape = []): Tensor => uniform([x.shape[0]!, ...more], low, high);

/** `x` with as many axes of size 1 behind as images have. */
export const besideImages = (x: Tensor): Tensor => x.reshape([x.shape[0]!, 1, 1, 1]);

export const isOptions = (given: unknown): boolean => typeof given === "object" && !Array.isArray(given);

/** All options of a layer whose first argument may stand alone. */
export const optionsFrom = <O>(name: string, first: unknown, options: object): O => (isOptions(first) ? first : { ...options, [name]: first }) as O;

/** What `given` spans: a number spans from `-given` where `most` allows that much below 0, else from `least`. */
export function span(where: string, name: string, given: Factor, least = 0, most = 1): Range {
  const pair = typeof given === "number" ? [least < 0 ? -given : least, given] : given;
  if (
    !Array.isArray(pair) ||
    pair.length !== 2 ||
    !pair.every((n) => n >= least && n <= most) ||
    pair[0]! > pair[1]! ||
    (typeof given === "number" && given < 0)
  )
    throw new CambiumError(
      "value",
      where,
      `${name} is ${JSON.stringify(given)}; it is a number from ${Math.max(least, 0)} to ${most}, or two from ${least} to ${most}: [low, high]`,
    );
  return pair as [number, number];
}

/** What layers that change colours may be told. */
export interface ToneOptions extends SpatialOptions {
  /** The least and the largest number of an image. Default `[0, 255]`. */
  valueRange?: Range;
}

/** The least and the largest number of images. */
export function valuesOf(where: string, range: Range = [0, 255]): Range {
  if (!Array.isArray(range) || range.length !== 2 || !(range[0]! < range[1]!))
    throw new CambiumError("value", where, `valueRange is ${JSON.stringify(range)}; it is two numbers: [low, high]`);
  return range as Range;
}

/** `x` cut off at the ends of a range. */
export const within = (x: Tensor, [low, high]: Range): Tensor => x.maximum(low).minimum(high);

/** Numbers of one range as numbers of another. */
export const moved = (x: Tensor, from: Range, to: Range): Tensor =>
  from[0] === to[0] && from[1] === to[1]
    ? x
    : x
        .sub(from[0])
        .div(from[1] - from[0])
        .mul(to[1] - to[0])
        .add(to[0]);

/** Runs `f` on images whose numbers go from 0 to 255. */
export const asBytes = (x: Tensor, range: Range, f: (x: Tensor) => Tensor): Tensor => moved(f(moved(x, range, [0, 255])), [0, 255], range);

/** Which images of `x` are chosen, `[batch]`: with a chance from `range` that each draws for itself. */
export const chosen = (x: Tensor, range: Range): Tensor => perImage(x, [0, 1]).less(perImage(x, range));
