/** Layers that put something of another image, or nothing of any, in each image's place. */
import { CambiumError } from "../base/error.ts";
import { type Shape, show } from "../base/shape.ts";
import { beside } from "../module/mask.ts";
import { arange, fromArray } from "../tensor/create.ts";
import { beta, normal, uniform } from "../tensor/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Augmentation, besideImages, chosen, type Factor, optionsFrom, perImage, type Range, span, valuesOf, within } from "./augmentation.ts";
import type { SpatialOptions } from "./spatial.ts";

/** The samples of a batch in an order by chance, `[batch]`. */
const shuffled = (batch: number): Tensor => uniform([batch]).argSort(0);

/** `mine` and `others`, the first by a share of one's own for each sample. */
const blended = (share: Tensor, mine: Tensor, others: Tensor): Tensor => others.lerp(mine, beside(share.reshape([-1]), mine.rank));

/** Labels as shares of classes, mixed as the images were. */
function mixedLabels(where: string, labels: Tensor, order: Tensor, share: Tensor): Tensor {
  if (labels.rank < 2)
    throw new CambiumError(
      "shape",
      where,
      `labels are ${show(labels.shape)}; what is mixed has a share of each class`,
      "one row an image: labels.oneHot(classes), or reshape([-1, 1]) where there is one number",
    );
  return blended(share, labels, labels.gather(order, 0));
}

export interface MixUpOptions extends SpatialOptions {
  /** Both parameters of the beta distribution that shares are drawn from: the smaller, the less is mixed. Default 0.2. */
  alpha?: number;
}

/**
 * In training, each image mixed with another of its batch. Applied to `{ images, labels }`, it mixes labels, one row an image, by the same shares.
 * @shape `[batch, height, width, channels]` → the same; labels `[batch, classes]` → the same
 * @throws a `shape` error for labels that are numbers of classes
 * @source Keras `MixUp`; Zhang et al., "mixup: Beyond empirical risk minimization" (2017)
 * @example
 * ```ts
 * const { images, labels } = layers.mixUp().forward({ images: uniform([4, 8, 8, 3]), labels: tensor([0, 1, 2, 1], { dtype: "int32" }).oneHot(3) });
 * ```
 */
export function mixUp(alpha: number | MixUpOptions = 0.2, options: SpatialOptions = {}): Augmentation {
  const all = optionsFrom<MixUpOptions>("alpha", alpha, options);
  const { alpha: a = 0.2, name: where = "MixUp" } = all;
  if (!(a > 0)) throw new CambiumError("value", where, `alpha is ${a}; it is a number above 0`);
  const mixed = (x: Tensor, { mixWeight, permutationOrder }: { mixWeight: Tensor; permutationOrder: Tensor }): Tensor =>
    blended(mixWeight, x, x.gather(permutationOrder, 0));
  return new Augmentation("MixUp", all, {
    draw: (x) => ({ mixWeight: beta([x.shape[0]!], a, a), permutationOrder: shuffled(x.shape[0]!) }),
    images: mixed,
    masks: mixed,
    labels: (y, { mixWeight, permutationOrder }) => mixedLabels(where, y, permutationOrder, mixWeight),
  });
}

/** Rectangles somewhere in images of shape `x`, as high and wide as the given shares `[batch]` of them. */
function boxes(x: Shape, down: Tensor, across: Tensor): { inside: Tensor; area: Tensor } {
  const [batch, height, width] = x as [number, number, number];
  const along = (share: Tensor, length: number, shape: Shape): { inside: Tensor; size: Tensor } => {
    const size = share.mul(length);
    const start = uniform([batch]).mul(size.neg().add(length));
    const place = arange(length).to("float32").reshape(shape);
    const [from, to] = [besideImages(start), besideImages(start.add(size))];
    return { inside: place.greaterEqual(from).logicalAnd(place.less(to)), size };
  };
  const [rows, columns] = [along(down, height, [1, height, 1, 1]), along(across, width, [1, 1, width, 1])];
  return { inside: rows.inside.logicalAnd(columns.inside), area: rows.size.mul(columns.size).div(height * width) };
}

export interface CutMixOptions extends SpatialOptions {
  /** Both parameters of the beta distribution that areas are drawn from: up to this, or from `[low, high]`; from 0 to 1. Default 1. */
  factor?: Factor;
}

/**
 * In training, a rectangle of each image replaced by that of another of its batch. Applied to `{ images, labels }`, it mixes labels, one row an image, by the areas.
 * @shape `[batch, height, width, channels]` → the same; labels `[batch, classes]` → the same
 * @throws a `shape` error for labels that are numbers of classes
 * @source Keras `CutMix`; Yun et al. (2019)
 */
export function cutMix(factor: Factor | CutMixOptions = 1, options: SpatialOptions = {}): Augmentation {
  const all = optionsFrom<CutMixOptions>("factor", factor, options);
  const where = all.name ?? "CutMix";
  const reach = span(where, "factor", all.factor ?? 1);
  type Drawn = { permutationOrder: Tensor; batchMasks: Tensor; mixWeight: Tensor };
  const cut = (x: Tensor, { permutationOrder, batchMasks }: Drawn): Tensor => batchMasks.where(x.gather(permutationOrder, 0), x);
  return new Augmentation("CutMix", all, {
    draw(x): Drawn {
      const [batch] = x.shape as [number];
      const alpha = uniform([], ...reach).add(1e-6);
      const side = beta([batch], alpha, alpha).neg().add(1).sqrt();
      const { inside, area } = boxes(x.shape, side, side);
      return { permutationOrder: shuffled(batch), batchMasks: inside, mixWeight: area.neg().add(1) };
    },
    images: cut,
    masks: cut,
    labels: (y, { permutationOrder, mixWeight }) => mixedLabels(where, y, permutationOrder, mixWeight),
  });
}

export interface RandomErasingOptions extends SpatialOptions {
  /** The chance that an image loses a part: drawn from 0 to `factor`, or from `[low, high]`. Default 1. */
  factor?: Factor;
  /** The range of the squares of the part's height and width, as shares of the image's. Default `[0.02, 0.33]`. */
  scale?: Range;
  /** What takes the part's place: a number, or one for each channel. Default: normal noise, as wide as the largest number, cut to `valueRange`. */
  fillValue?: number | readonly number[];
  /** The least and the largest number of an image. Default `[0, 255]`. */
  valueRange?: Range;
}

/**
 * In training, a rectangle of each image replaced by noise or a number.
 * @shape `[batch, height, width, channels]` → the same
 * @source Keras `RandomErasing`; Zhong et al. (2017)
 */
export function randomErasing(factor: Factor | RandomErasingOptions = 1, options: Omit<RandomErasingOptions, "factor"> = {}): Augmentation {
  const all = optionsFrom<RandomErasingOptions>("factor", factor, options);
  const where = all.name ?? "RandomErasing";
  const { fillValue, scale = [0.02, 0.33] } = all;
  const [chance, reach, range] = [span(where, "factor", all.factor ?? 1), span(where, "scale", scale), valuesOf(where, all.valueRange)];
  return new Augmentation("RandomErasing", all, {
    draw(x) {
      const side = (): Tensor => perImage(x, reach).sqrt();
      const fill =
        fillValue === undefined
          ? normal(x.shape, 0, range[1])
          : typeof fillValue === "number"
            ? fromArray(Float32Array.of(fillValue))
            : fromArray(Float32Array.from(fillValue));
      return { applyErasing: chosen(x, chance), batchMasks: boxes(x.shape, side(), side()).inside, fillValue: within(fill, range) };
    },
    images: (x, { applyErasing, batchMasks, fillValue }) => batchMasks.logicalAnd(besideImages(applyErasing)).where(fillValue, x),
  });
}
