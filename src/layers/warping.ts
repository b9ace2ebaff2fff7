/** Layers that move, turn and zoom images by chance, each image in its own way, in training only. */
import { CambiumError } from "../base/error.ts";
import { bare, unknownName } from "../base/text.ts";
import { arange, concat, fromArray, ones, stack, zeros } from "../tensor/create.ts";
import { gridSample, unbind } from "../tensor/functions.ts";
import { solve } from "../tensor/linalg.ts";
import { uniform } from "../tensor/random.ts";
import type { Tree } from "../tensor/scan.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Augmentation, besideImages, chosen, type Factor, isOptions, optionsFrom, perImage, span } from "./augmentation.ts";
import type { SpatialOptions } from "./spatial.ts";

/** What lies outside of an image: its mirror image, its other end, one number, or its nearest edge. */
export type FillMode = "reflect" | "wrap" | "constant" | "nearest";

export interface WarpOptions extends SpatialOptions {
  /** Default `"reflect"`. */
  fillMode?: FillMode;
  /** How numbers between pixels are made. Default `"bilinear"`. */
  interpolation?: "nearest" | "bilinear";
  /** What stands outside with `"constant"`. Default 0. */
  fillValue?: number;
}

const borders = { reflect: "reflect", wrap: "edge", constant: "zeros", nearest: "edge" } as const;

function reach(where: string, name: string, given: Factor): readonly [low: number, high: number] {
  const pair = typeof given === "number" ? [-given, given] : given;
  if (!Array.isArray(pair) || pair.length !== 2 || !pair.every((n) => Number.isFinite(n)) || pair[0]! > pair[1]!)
    throw new CambiumError("value", where, `${name} is ${JSON.stringify(given)}; it is a number from 0, or two: [low, high]`);
  return pair as [number, number];
}

/** How images are read at other places, from columns [1, 1, width] and rows [1, height, 1], in pixels. */
export interface Warp<D extends Tree> {
  draw(x: Tensor): D;
  place(x: Tensor, column: Tensor, row: Tensor, drawn: D): readonly [column: Tensor, row: Tensor];
  /** What is taken of the images read so and of those there were. */
  choose?(warped: Tensor, x: Tensor, drawn: D): Tensor;
}

/** A layer that reads images at other places. */
export function warping<D extends Tree>(className: string, options: WarpOptions, warp: Warp<D>): Augmentation {
  const where = options.name ?? className;
  const { fillMode = "reflect", interpolation = "bilinear", fillValue = 0 } = options;
  if (!Object.hasOwn(borders, fillMode)) throw unknownName(where, "fillMode", String(fillMode), Object.keys(borders));
  if (interpolation !== "nearest" && interpolation !== "bilinear") throw unknownName(where, "interpolation", String(interpolation), ["nearest", "bilinear"]);
  if (!Number.isFinite(fillValue)) throw new CambiumError("value", where, `fillValue is ${JSON.stringify(fillValue)}; it is a number`);
  const changed =
    (options: WarpOptions) =>
    (x: Tensor, drawn: D): Tensor => {
      const y = warped(x, options, (column, row) => warp.place(x, column, row, drawn));
      return warp.choose?.(y, x, drawn) ?? y;
    };
  return new Augmentation(className, options, { draw: warp.draw, images: changed(options), masks: changed({ ...options, interpolation: "nearest" }) });
}

function warped(x: Tensor, options: WarpOptions, place: (column: Tensor, row: Tensor) => readonly Tensor[]): Tensor {
  const { fillMode = "reflect", interpolation = "bilinear", fillValue = 0 } = options;
  const [batch, height, width] = x.shape as [number, number, number, number];
  const found = place(arange(width).to("float32").reshape([1, 1, width]), arange(height).to("float32").reshape([1, height, 1]));
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

export interface RandomFlipOptions extends SpatialOptions {
  /** Default `"horizontalAndVertical"`. */
  mode?: "horizontal" | "vertical" | "horizontalAndVertical";
}

const flips: Record<string, readonly number[]> = { horizontal: [2], vertical: [1], horizontalandvertical: [2, 1] };

/**
 * In training, each image mirrored with chance 1/2: left to right, top to bottom, or each of both.
 * @shape `[batch, height, width, channels]` → the same
 * @source Keras `RandomFlip`
 */
export function randomFlip(mode: NonNullable<RandomFlipOptions["mode"]> | RandomFlipOptions = {}, options: SpatialOptions = {}): Augmentation {
  const all: RandomFlipOptions = typeof mode === "string" ? { ...options, mode } : mode;
  const axes = flips[bare(String(all.mode ?? "horizontalAndVertical"))];
  if (!axes) throw unknownName(all.name ?? "RandomFlip", "mode", String(all.mode), ["horizontal", "vertical", "horizontalAndVertical"]);
  const images = (x: Tensor, { flips }: { flips: Tensor[] }): Tensor => axes.reduce((y, axis, i) => besideImages(flips[i]!).where(y.flip(axis), y), x);
  return new Augmentation("RandomFlip", all, { draw: (x) => ({ flips: axes.map(() => perImage(x, [0, 1]).less(0.5)) }), images, masks: images });
}

export interface RandomRotationOptions extends WarpOptions {
  /** In full turns, counterclockwise. */
  factor: Factor;
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
export function randomRotation(factor: Factor | RandomRotationOptions, options: WarpOptions = {}): Augmentation {
  const all = (isOptions(factor) ? factor : { ...options, factor }) as RandomRotationOptions;
  const turns = reach(all.name ?? "RandomRotation", "factor", all.factor);
  return warping("RandomRotation", all, {
    draw: (x) => ({ angle: perImage(x, turns, [1, 1]).mul(2 * Math.PI) }),
    place(x, column, row, { angle }) {
      const [cos, sin] = [angle.cos(), angle.sin()];
      const [middleX, middleY] = [(x.shape[2]! - 1) / 2, (x.shape[1]! - 1) / 2];
      const [right, down] = [column.sub(middleX), row.sub(middleY)];
      return [cos.mul(right).sub(sin.mul(down)).add(middleX), sin.mul(right).add(cos.mul(down)).add(middleY)];
    },
  });
}

export interface RandomMoveOptions extends WarpOptions {
  /** A share of the height. */
  heightFactor: Factor;
  /** A share of the width. */
  widthFactor: Factor;
}

/**
 * In training, each image moved down and to the right by shares of its sizes, or up and to the left.
 * @shape `[batch, height, width, channels]` → the same
 * @source Keras `RandomTranslation`
 */
export function randomTranslation(heightFactor: Factor | RandomMoveOptions, widthFactor: Factor = 0, options: WarpOptions = {}): Augmentation {
  const all = (isOptions(heightFactor) ? heightFactor : { ...options, heightFactor, widthFactor }) as RandomMoveOptions;
  const where = all.name ?? "RandomTranslation";
  const [down, right] = [reach(where, "heightFactor", all.heightFactor), reach(where, "widthFactor", all.widthFactor)];
  return warping("RandomTranslation", all, {
    draw: (x) => ({ right: perImage(x, right, [1, 1]), down: perImage(x, down, [1, 1]) }),
    place: (x, column, row, { right, down }) => [column.sub(right.mul(x.shape[2]!)), row.sub(down.mul(x.shape[1]!))],
  });
}

export interface RandomZoomOptions extends WarpOptions {
  /** How much more is seen: 0.2 shrinks the image by a factor of 1.2, −0.2 enlarges it by 1 / 0.8. */
  heightFactor: Factor;
  /** Default: as the height of the same image. */
  widthFactor?: Factor;
}

/**
 * In training, each image made smaller or larger around its middle.
 * @shape `[batch, height, width, channels]` → the same
 * @source Keras `RandomZoom`
 */
export function randomZoom(heightFactor: Factor | RandomZoomOptions, widthFactor?: Factor, options: WarpOptions = {}): Augmentation {
  const all = (isOptions(heightFactor) ? heightFactor : { ...options, heightFactor, widthFactor }) as RandomZoomOptions;
  const where = all.name ?? "RandomZoom";
  const tall = reach(where, "heightFactor", all.heightFactor);
  const wide = all.widthFactor === undefined ? undefined : reach(where, "widthFactor", all.widthFactor);
  return warping("RandomZoom", all, {
    draw(x) {
      const height = perImage(x, tall, [1, 1]).add(1);
      return { height, width: wide ? perImage(x, wide, [1, 1]).add(1) : height };
    },
    place(x, column, row, { height, width }) {
      const around = (at: Tensor, zoom: Tensor, length: number): Tensor =>
        at
          .sub((length - 1) / 2)
          .mul(zoom)
          .add((length - 1) / 2);
      return [around(column, width, x.shape[2]!), around(row, height, x.shape[1]!)];
    },
  });
}

export interface RandomShearOptions extends WarpOptions {
  /** How far rows are pushed, as a share of their distance from the top: up to this either way, or from `[low, high]`, all within 0 to 1. Default 0. */
  xFactor?: Factor;
  /** The same for columns. Default 0. */
  yFactor?: Factor;
}

/**
 * In training, each image slanted, either way.
 * @shape `[batch, height, width, channels]` → the same
 * @source Keras `RandomShear`
 */
export function randomShear(xFactor: Factor | RandomShearOptions = 0, yFactor: Factor = 0, options: WarpOptions = {}): Augmentation {
  const all = optionsFrom<RandomShearOptions>("xFactor", xFactor, { ...options, yFactor });
  const where = all.name ?? "RandomShear";
  const [across, down] = (
    [
      ["xFactor", all.xFactor ?? 0],
      ["yFactor", all.yFactor ?? 0],
    ] as const
  ).map(([name, factor]) => {
    const [low, high] = span(where, name, factor);
    return typeof factor === "number" ? ([-high, high] as const) : ([low, high] as const);
  }) as [readonly [number, number], readonly [number, number]];
  return warping("RandomShear", all, {
    draw(x) {
      const sign = perImage(x, [0, 1], [1]).greater(0.5).where(-1, 1);
      return { shearFactor: concat([perImage(x, across, [1]), perImage(x, down, [1])], 1).mul(sign) };
    },
    place(x, column, row, { shearFactor }) {
      const [right, below] = shearFactor.split(2, 1).map((share) => share.reshape([x.shape[0]!, 1, 1])) as [Tensor, Tensor];
      return [column.add(right.mul(row)), row.add(below.mul(column))];
    },
  });
}

export interface RandomPerspectiveOptions extends Omit<WarpOptions, "fillMode"> {
  /** The chance that an image is seen from elsewhere: drawn from 0 to `factor`, or from `[low, high]`. Default 1. */
  factor?: Factor;
  /** How far corners move, at most half of this times their place; from 0 to 1. Default 1. */
  scale?: number;
}

/** The eight numbers that take each of four `end` points `[batch, 4, 2]` to the start point of its place. @source Hartley and Zisserman, "Multiple View Geometry" (2004) */
function homography(start: Tensor, end: Tensor): Tensor[] {
  const [batch] = start.shape as [number];
  const [u, v] = unbind(start, -1) as [Tensor, Tensor];
  const [x, y] = unbind(end, -1) as [Tensor, Tensor];
  const [one, none] = [ones([batch, 4]), zeros([batch, 4])];
  const rows = [
    [x, y, one, none, none, none, u.mul(x).neg(), u.mul(y).neg()],
    [none, none, none, x, y, one, v.mul(x).neg(), v.mul(y).neg()],
  ].map((row) => stack(row, -1));
  const found = solve(concat(rows, 1), concat([u, v], 1).expandDims(-1));
  return found.split(8, 1).map((part) => part.reshape([batch, 1, 1]));
}

/**
 * In training, images seen from elsewhere by chance: their corners move.
 * @shape `[batch, height, width, channels]` → the same
 * @source Keras `RandomPerspective`
 */
export function randomPerspective(factor: Factor | RandomPerspectiveOptions = 1, options: Omit<RandomPerspectiveOptions, "factor"> = {}): Augmentation {
  const all = optionsFrom<RandomPerspectiveOptions>("factor", factor, options);
  const where = all.name ?? "RandomPerspective";
  const { scale = 1 } = all;
  const chance = span(where, "factor", all.factor ?? 1);
  span(where, "scale", scale);
  return warping(
    "RandomPerspective",
    { ...all, fillMode: "constant" },
    {
      draw(x) {
        const [batch, height, width] = x.shape as [number, number, number];
        const corners = fromArray(Float32Array.of(0, 0, width - 1, 0, 0, height - 1, width - 1, height - 1), [1, 4, 2]).broadcast([batch, 4, 2]);
        const far = uniform([batch, 4, 2], -scale / 2, scale / 2);
        return { applyPerspective: chosen(x, chance), startPoints: corners, endPoints: corners.add(corners.mul(far)) };
      },
      place(_, column, row, { startPoints, endPoints }) {
        const [a0, a1, a2, b0, b1, b2, c0, c1] = homography(startPoints, endPoints) as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor];
        const far = c0.mul(column).add(c1.mul(row)).add(1);
        return [a0.mul(column).add(a1.mul(row)).add(a2).div(far), b0.mul(column).add(b1.mul(row)).add(b2).div(far)];
      },
      choose: (warped, x, { applyPerspective }) => besideImages(applyPerspective).where(warped, x),
    },
  );
}
