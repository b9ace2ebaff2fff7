/** Layers that move, turn and zoom images by chance, each image in its own way, in training only. */
import { CambiumError } from "../base/error.ts";
import { unknownName } from "../base/text.ts";
import { arange, stack } from "../tensor/create.ts";
import { gridSample } from "../tensor/functions.ts";
import { normal, uniform } from "../tensor/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Augmentation } from "./augmentation.ts";
import type { LayerOptions } from "./layer.ts";

/** What lies outside of an image: its mirror image, its other end, one number, or its nearest edge. */
export type FillMode = "reflect" | "wrap" | "constant" | "nearest";

export interface WarpOptions extends LayerOptions {
  /** Default `"reflect"`. */
  fillMode?: FillMode;
  /** How numbers between pixels are made. Default `"bilinear"`. */
  interpolation?: "nearest" | "bilinear";
  /** What stands outside with `"constant"`. Default 0. */
  fillValue?: number;
}

/** How far: from `-factor` to `factor`, or `[low, high]`. */
export type Reach = number | readonly [low: number, high: number];

const borders = { reflect: "reflect", wrap: "edge", constant: "zeros", nearest: "edge" } as const;

function reach(where: string, name: string, given: Reach): readonly [low: number, high: number] {
  const pair = typeof given === "number" ? [-given, given] : given;
  if (!Array.isArray(pair) || pair.length !== 2 || !pair.every((n) => Number.isFinite(n)) || pair[0]! > pair[1]!)
    throw new CambiumError("value", where, `${name} is ${JSON.stringify(given)}; it is a number from 0, or two: [low, high]`);
  return pair as [number, number];
}

/** One number for each image, from [low, high). */
const perImage = (x: Tensor, [low, high]: readonly [number, number]): Tensor => uniform([x.shape[0]!, 1, 1], low, high);

/** The images read at other places: `place` tells where, from columns [1, 1, width] and rows [1, height, 1], in pixels. */
class Warp extends Augmentation {
  constructor(className: string, options: WarpOptions, place: (x: Tensor, column: Tensor, row: Tensor) => readonly [column: Tensor, row: Tensor]) {
    super(className, options, (x) => warped(x, options, place));
    const { fillMode = "reflect", interpolation = "bilinear", fillValue = 0 } = options;
    if (!Object.hasOwn(borders, fillMode)) throw unknownName(this.name, "fillMode", String(fillMode), Object.keys(borders));
    if (interpolation !== "nearest" && interpolation !== "bilinear")
      throw unknownName(this.name, "interpolation", String(interpolation), ["nearest", "bilinear"]);
    if (!Number.isFinite(fillValue)) throw new CambiumError("value", this.name, `fillValue is ${JSON.stringify(fillValue)}; it is a number`);
  }
}

function warped(x: Tensor, options: WarpOptions, place: (x: Tensor, column: Tensor, row: Tensor) => readonly Tensor[]): Tensor {
  const { fillMode = "reflect", interpolation = "bilinear", fillValue = 0 } = options;
  const [batch, height, width] = x.shape as [number, number, number, number];
  const found = place(x, arange(width).to("float32").reshape([1, 1, width]), arange(height).to("float32").reshape([1, height, 1]));
  const shares = found.map((at, i) => {
    const length = i === 0 ? width : height;
    return (fillMode === "wrap" ? wrapped(at, length) : at).mul(2).add(1).div(length).sub(1).broadcast([batch, height, width]);
  });
  // What is outside counts as 0, so the number meant for it is taken off before and put on after.
  const shift = fillMode === "constant" ? fillValue : 0;
  const method = interpolation === "bilinear" ? "linear" : "nearest";
  return gridSample(x.sub(shift), stack(shares, -1), { method, border: borders[fillMode] }).add(shift).to(x.dtype);
}

/** Places beyond an edge go on at the other. @source TensorFlow's `ImageProjectiveTransformV3` */
function wrapped(at: Tensor, length: number): Tensor {
  const last = Math.max(length - 1, 1);
  const below = at.add(at.neg().div(last).floor().add(1).mul(length));
  const above = at.sub(at.div(last).floor().mul(length));
  return at.less(0).where(below, at.greater(length - 1).where(above, at));
}

const isOptions = (given: unknown): boolean => typeof given === "object" && !Array.isArray(given);

export interface RandomRotationOptions extends WarpOptions {
  /** In full turns, counterclockwise. */
  factor: Reach;
}

/**
 * In training, each image turned around its middle.
 * @shape `[batch, height, width, channels]` → the same
 * @source Keras `RandomRotation`
 * @example
 * ```ts
 * layers.randomRotation(0.1, { fillMode: "constant" }); // up to 36 degrees either way
 * ```
 */
export function randomRotation(factor: Reach | RandomRotationOptions, options: WarpOptions = {}): Augmentation {
  const all = (isOptions(factor) ? factor : { ...options, factor }) as RandomRotationOptions;
  const turns = reach(all.name ?? "RandomRotation", "factor", all.factor);
  return new Warp("RandomRotation", all, (x, column, row) => {
    const angle = perImage(x, turns).mul(2 * Math.PI);
    const [cos, sin] = [angle.cos(), angle.sin()];
    const [middleX, middleY] = [(x.shape[2]! - 1) / 2, (x.shape[1]! - 1) / 2];
    const [right, down] = [column.sub(middleX), row.sub(middleY)];
    return [cos.mul(right).sub(sin.mul(down)).add(middleX), sin.mul(right).add(cos.mul(down)).add(middleY)];
  });
}

export interface RandomMoveOptions extends WarpOptions {
  /** A share of the height. */
  heightFactor: Reach;
  /** A share of the width. */
  widthFactor: Reach;
}

/**
 * In training, each image moved down and to the right by shares of its sizes, or up and to the left.
 * @shape `[batch, height, width, channels]` → the same
 * @source Keras `RandomTranslation`
 */
export function randomTranslation(heightFactor: Reach | RandomMoveOptions, widthFactor: Reach = 0, options: WarpOptions = {}): Augmentation {
  const all = (isOptions(heightFactor) ? heightFactor : { ...options, heightFactor, widthFactor }) as RandomMoveOptions;
  const where = all.name ?? "RandomTranslation";
  const [down, right] = [reach(where, "heightFactor", all.heightFactor), reach(where, "widthFactor", all.widthFactor)];
  return new Warp("RandomTranslation", all, (x, column, row) => [column.sub(perImage(x, right).mul(x.shape[2]!)), row.sub(perImage(x, down).mul(x.shape[1]!))]);
}

export interface RandomZoomOptions extends WarpOptions {
  /** How much more is seen: 0.2 shrinks the image by a factor of 1.2, −0.2 enlarges it by 1 / 0.8. */
  heightFactor: Reach;
  /** Default: as the height of the same image. */
  widthFactor?: Reach;
}

/**
 * In training, each image made smaller or larger around its middle.
 * @shape `[batch, height, width, channels]` → the same
 * @source Keras `RandomZoom`
 */
export function randomZoom(heightFactor: Reach | RandomZoomOptions, widthFactor?: Reach, options: WarpOptions = {}): Augmentation {
  const all = (isOptions(heightFactor) ? heightFactor : { ...options, heightFactor, widthFactor }) as RandomZoomOptions;
  const where = all.name ?? "RandomZoom";
  const tall = reach(where, "heightFactor", all.heightFactor);
  const wide = all.widthFactor === undefined ? undefined : reach(where, "widthFactor", all.widthFactor);
  return new Warp("RandomZoom", all, (x, column, row) => {
    const height = perImage(x, tall).add(1);
    const width = wide ? perImage(x, wide).add(1) : height;
    const around = (at: Tensor, zoom: Tensor, length: number): Tensor =>
      at
        .sub((length - 1) / 2)
        .mul(zoom)
        .add((length - 1) / 2);
    return [around(column, width, x.shape[2]!), around(row, height, x.shape[1]!)];
  });
}

export interface RandomErasingOptions extends LayerOptions {
  /** The chance that an image loses a part, or the range this chance is drawn from. Default 1. */
  factor?: number | readonly [low: number, high: number];
  /** The range of the part's share of the image. Default `[0.02, 0.33]`. */
  scale?: readonly [low: number, high: number];
  /** What takes the part's place. Default: normal noise, cut to `valueRange`. */
  fillValue?: number;
  /** The least and the largest number of an image. Default `[0, 255]`. */
  valueRange?: readonly [low: number, high: number];
}

/**
 * In training, a rectangle of each image replaced by noise or a number.
 * @shape `[batch, height, width, channels]` → the same
 * @source Keras `RandomErasing`; Zhong et al. (2017)
 */
export function randomErasing(
  factor: RandomErasingOptions["factor"] | RandomErasingOptions = 1,
  options: Omit<RandomErasingOptions, "factor"> = {},
): Augmentation {
  const all = (isOptions(factor) ? factor : { ...options, factor }) as RandomErasingOptions;
  const where = all.name ?? "RandomErasing";
  const share = (name: string, given: readonly [number, number]): readonly [number, number] => {
    if (!Array.isArray(given) || given.length !== 2 || !(given[0]! >= 0 && given[0]! <= given[1]! && given[1]! <= 1))
      throw new CambiumError("value", where, `${name} is ${JSON.stringify(given)}; it is two numbers from 0 to 1: [low, high]`);
    return given as [number, number];
  };
  const { scale = [0.02, 0.33], fillValue, valueRange = [0, 255] } = all;
  const chance = share("factor", typeof all.factor === "object" ? all.factor : [all.factor ?? 1, all.factor ?? 1]);
  share("scale", scale);
  return new Augmentation("RandomErasing", all, (x) => {
    const along = (axis: 1 | 2): Tensor => {
      const length = x.shape[axis]!;
      const half = perImage(x, scale)
        .sqrt()
        .mul(length / 2);
      const middle = perImage(x, [0, length]);
      const place = arange(length)
        .to("float32")
        .reshape(axis === 1 ? [1, length, 1] : [1, 1, length]);
      return place.greaterEqual(middle.sub(half)).logicalAnd(place.less(middle.add(half)));
    };
    const chosen = uniform([x.shape[0]!, 1, 1]).less(perImage(x, chance));
    const fill = fillValue ?? normal(x.shape).maximum(valueRange[0]).minimum(valueRange[1]).to(x.dtype);
    return along(1).logicalAnd(along(2)).logicalAnd(chosen).expandDims(-1).where(fill, x);
  });
}
