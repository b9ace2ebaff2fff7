/** Layers that add to or take from the edges of samples, or repeat their places. */
import { CambiumError } from "../base/error.ts";
import { type Shape, show } from "../base/shape.ts";
import { perAxis, type Sizes } from "../nn/input.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Interpolation, resampling } from "./resampling.ts";
import { Spatial, type SpatialOptions } from "./spatial.ts";

/** One number for all sides, one an axis, or two an axis: in front and behind. For one axis also `[front, behind]`. */
export type Borders = number | readonly (number | readonly [front: number, behind: number])[];

function pairsOf(where: string, name: string, given: Borders, rank: number): [front: number, behind: number][] {
  const list: readonly (number | readonly number[])[] = typeof given === "number" ? new Array<number>(rank).fill(given) : given;
  const alone = rank === 1 && list.length === 2 && list.every((n) => typeof n === "number");
  const pairs = (alone ? [list as number[]] : list).map((n) => (typeof n === "number" ? [n, n] : [...n]));
  if (pairs.length !== rank || pairs.some((pair) => pair.length !== 2 || pair.some((n) => !Number.isInteger(n) || n < 0)))
    throw new CambiumError("value", where, `${name} is ${JSON.stringify(given)}; it is a whole number from 0, ${rank} of them, or ${rank} pairs`);
  return pairs as [number, number][];
}

export interface ZeroPaddingOptions extends SpatialOptions {
  /** Default 1. */
  padding?: Borders;
}

/** Zeros around samples. */
export class ZeroPadding extends Spatial<ZeroPaddingOptions> {
  readonly #pairs: [number, number][];

  constructor(rank: 1 | 2 | 3, options: ZeroPaddingOptions = {}) {
    super(`ZeroPadding${rank}D`, rank, options);
    this.#pairs = pairsOf(this.name, "padding", options.padding ?? 1, rank);
  }

  protected move(x: Tensor): Tensor {
    const side = (which: 0 | 1): number[] => [0, ...this.#pairs.map((pair) => pair[which]), 0];
    return x.pad(side(0), side(1));
  }
}

export interface CroppingOptions extends SpatialOptions {
  /** Default 1. */
  cropping?: Borders;
}

/** Samples without their edges. */
export class Cropping extends Spatial<CroppingOptions> {
  readonly #pairs: [number, number][];

  constructor(rank: 1 | 2 | 3, options: CroppingOptions = {}) {
    super(`Cropping${rank}D`, rank, options);
    this.#pairs = pairsOf(this.name, "cropping", options.cropping ?? 1, rank);
  }

  protected override check(input: Shape): void {
    super.check(input);
    const sizes = this.ordered(input);
    const gone = this.#pairs.findIndex(([front, behind], i) => front + behind >= sizes[i]!);
    if (gone >= 0)
      throw new CambiumError("shape", this.name, `cropping ${show(this.#pairs[gone]!)} leaves nothing of axis ${gone} of samples of ${show(input)}`);
  }

  protected move(x: Tensor): Tensor {
    return x.slice([0, ...this.#pairs.map(([front]) => front)], [undefined, ...this.#pairs.map(([, behind], i) => x.shape[i + 1]! - behind)]);
  }
}

export interface UpSamplingOptions extends SpatialOptions {
  /** How many times each place is repeated. Default 2. */
  size?: Sizes;
  /** What stands between the old places; other than `"nearest"` of images only. Default `"nearest"`. */
  interpolation?: Interpolation;
}

/** Every place repeated, or new ones between them. */
export class UpSampling extends Spatial<UpSamplingOptions> {
  readonly #times: readonly number[];

  constructor(rank: 1 | 2 | 3, options: UpSamplingOptions = {}) {
    super(`UpSampling${rank}D`, rank, options);
    this.#times = perAxis(this.name, "size", options.size ?? 2, rank);
    const { interpolation = "nearest" } = options;
    resampling(this.name, interpolation);
    if (rank !== 2 && interpolation !== "nearest")
      throw new CambiumError("value", this.name, `interpolation is "${interpolation}"; sequences and volumes have "nearest" only`);
  }

  protected move(x: Tensor): Tensor {
    const [n, ...rest] = x.shape;
    const { interpolation = "nearest" } = this.options;
    if (interpolation !== "nearest")
      return x.resize(
        this.#times.map((times, i) => times * rest[i]!),
        resampling(this.name, interpolation),
      );
    const [sizes, channels] = [rest.slice(0, -1), rest.at(-1)!];
    const apart = x.reshape([n!, ...sizes.flatMap((d) => [d, 1]), channels]);
    const spread = apart.broadcast([n!, ...sizes.flatMap((d, i) => [d, this.#times[i]!]), channels]);
    return spread.reshape([n!, ...sizes.map((d, i) => d * this.#times[i]!), channels]);
  }
}

const isOptions = <O extends object>(given: unknown): given is O => typeof given === "object" && given !== null && !Array.isArray(given);

/** What makes a padding layer: how much and more, or all options in one object. */
export type MakeZeroPadding = (padding?: Borders | ZeroPaddingOptions, options?: Omit<ZeroPaddingOptions, "padding">) => ZeroPadding;
/** What makes a cropping layer: how much and more, or all options in one object. */
export type MakeCropping = (cropping?: Borders | CroppingOptions, options?: Omit<CroppingOptions, "cropping">) => Cropping;
/** What makes an enlarging layer: how often and more, or all options in one object. */
export type MakeUpSampling = (size?: Sizes | UpSamplingOptions, options?: Omit<UpSamplingOptions, "size">) => UpSampling;

const zeroPadding =
  (rank: 1 | 2 | 3): MakeZeroPadding =>
  (padding = 1, options = {}) =>
    new ZeroPadding(rank, isOptions<ZeroPaddingOptions>(padding) ? padding : { ...options, padding });
const cropping =
  (rank: 1 | 2 | 3): MakeCropping =>
  (cropping = 1, options = {}) =>
    new Cropping(rank, isOptions<CroppingOptions>(cropping) ? cropping : { ...options, cropping });
const upSampling =
  (rank: 1 | 2 | 3): MakeUpSampling =>
  (size = 2, options = {}) =>
    new UpSampling(rank, isOptions<UpSamplingOptions>(size) ? size : { ...options, size });

/** Zeros around sequences @shape `[batch, steps, channels]` → `[batch, front + steps + behind, channels]` @source Keras `ZeroPadding1D` */
export const zeroPadding1d: MakeZeroPadding = zeroPadding(1);
/** Zeros around images @shape `[batch, height, width, channels]` → the same, larger @source Keras `ZeroPadding2D` */
export const zeroPadding2d: MakeZeroPadding = zeroPadding(2);
/** Zeros around volumes @shape `[batch, depth, height, width, channels]` → the same, larger @source Keras `ZeroPadding3D` */
export const zeroPadding3d: MakeZeroPadding = zeroPadding(3);
/** Sequences without their ends @shape `[batch, steps, channels]` → the same, shorter @source Keras `Cropping1D` */
export const cropping1d: MakeCropping = cropping(1);
/** Images without their edges @shape `[batch, height, width, channels]` → the same, smaller @source Keras `Cropping2D` */
export const cropping2d: MakeCropping = cropping(2);
/** Volumes without their faces @shape `[batch, depth, height, width, channels]` → the same, smaller @source Keras `Cropping3D` */
export const cropping3d: MakeCropping = cropping(3);
/** Every step repeated @shape `[batch, steps, channels]` → `[batch, steps · size, channels]` @source Keras `UpSampling1D` */
export const upSampling1d: MakeUpSampling = upSampling(1);
/** Every pixel repeated @shape `[batch, height, width, channels]` → the same, larger @source Keras `UpSampling2D` */
export const upSampling2d: MakeUpSampling = upSampling(2);
/** Every voxel repeated @shape `[batch, depth, height, width, channels]` → the same, larger @source Keras `UpSampling3D` */
export const upSampling3d: MakeUpSampling = upSampling(3);
