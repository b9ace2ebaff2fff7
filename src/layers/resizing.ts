/** Layers that bring images to one size. */
import { CambiumError } from "../base/error.ts";
import type { Shape } from "../base/shape.ts";
import { expectCount } from "../nn/input.ts";
import { arange, stack } from "../tensor/create.ts";
import { gridSample } from "../tensor/functions.ts";
import { randint } from "../tensor/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Interpolation, resampling } from "./resampling.ts";
import { Spatial, type SpatialOptions } from "./spatial.ts";

export interface CropSizeOptions extends SpatialOptions {
  height: number;
  width: number;
}

export interface ResizingOptions extends CropSizeOptions {
  /** Default `"bilinear"`. */
  interpolation?: Interpolation;
  /** Whether what does not fit the new shape is cut off instead of squeezed in. Default `false`. */
  cropToAspectRatio?: boolean;
  /** Whether room is added where the new shape is wider or taller. Default `false`. */
  padToAspectRatio?: boolean;
  /** What stands in that room. Default 0. */
  fillValue?: number;
}

/** The middle of `x`, `height` × `width`. */
function middle(x: Tensor, height: number, width: number): Tensor {
  const [top, left] = [Math.floor((x.shape[1]! - height) / 2), Math.floor((x.shape[2]! - width) / 2)];
  return x.slice([0, top, left], [undefined, top + height, left + width]);
}

/** The largest window in the middle of `x` that has the shape of `height` × `width`. */
function inShape(x: Tensor, height: number, width: number): Tensor {
  const [, tall, wide] = x.shape as [number, number, number, number];
  const least = (n: number, most: number): number => Math.max(1, Math.min(most, Math.floor(n)));
  return middle(x, least((wide * height) / width, tall), least((tall * width) / height, wide));
}

/** What layers to one size share. */
abstract class Sized<Options extends CropSizeOptions> extends Spatial<Options> {
  constructor(className: string, options: Options) {
    super(className, 2, options);
    expectCount(this.name, "height", options.height);
    expectCount(this.name, "width", options.width);
  }

  /** Cut and resized, without changing the picture's proportions. */
  protected fitted(x: Tensor): Tensor {
    const { height, width } = this.options;
    return inShape(x, height, width).resize([height, width], resampling(this.name, "bilinear"));
  }
}

/** Images in another size. */
export class Resizing extends Sized<ResizingOptions> {
  constructor(options: ResizingOptions) {
    super("Resizing", options);
    resampling(this.name, options.interpolation ?? "bilinear");
    if (options.cropToAspectRatio && options.padToAspectRatio)
      throw new CambiumError("value", this.name, "cropToAspectRatio and padToAspectRatio are both true; give one of them");
  }

  protected move(x: Tensor): Tensor {
    const { height, width, interpolation = "bilinear", cropToAspectRatio, padToAspectRatio } = this.options;
    const ready = cropToAspectRatio ? inShape(x, height, width) : padToAspectRatio ? this.#padded(x) : x;
    return ready.resize([height, width], resampling(this.name, interpolation));
  }

  #padded(x: Tensor): Tensor {
    const { height, width, fillValue = 0 } = this.options;
    const [, tall, wide] = x.shape as [number, number, number, number];
    const room = [Math.max(Math.floor((wide * height) / width), tall) - tall, Math.max(Math.floor((tall * width) / height), wide) - wide];
    // As much behind as in front, as Keras has it, so an odd place of room is left out.
    const side = [0, ...room.map((n) => Math.floor(n / 2)), 0];
    return x.pad(side, side, fillValue);
  }
}

/** The middle of images. */
export class CenterCrop extends Sized<CropSizeOptions> {
  constructor(options: CropSizeOptions) {
    super("CenterCrop", options);
  }

  protected move(x: Tensor): Tensor {
    const { height, width } = this.options;
    return fits(x.shape, height, width) ? middle(x, height, width) : this.fitted(x);
  }
}

const fits = ([, tall, wide]: Shape, height: number, width: number): boolean => tall! >= height && wide! >= width;

/** In training a window of each image at a place of its own; otherwise the largest window in the middle. */
export class RandomCrop extends Sized<CropSizeOptions> {
  constructor(options: CropSizeOptions) {
    super("RandomCrop", options);
  }

  protected move(x: Tensor): Tensor {
    const { height, width } = this.options;
    const [batch, tall, wide] = x.shape as [number, number, number, number];
    if (!this.training || !fits(x.shape, height, width)) return this.fitted(x);
    const shares = (length: number, part: number, shape: Shape): Tensor => {
      const at = randint([batch, 1, 1], 0, length - part + 1).add(arange(part).reshape(shape));
      return at.to("float32").mul(2).add(1).div(length).sub(1).broadcast([batch, height, width]);
    };
    return gridSample(x, stack([shares(wide, width, [1, 1, width]), shares(tall, height, [1, height, 1])], -1), { method: "nearest", border: "edge" });
  }
}

const sized =
  <Options extends CropSizeOptions, Made>(Kind: new (options: Options) => Made) =>
  (height: number | Options, width?: number, options: Omit<Options, "height" | "width"> = {} as Options): Made =>
    new Kind((typeof height === "object" ? height : { ...options, height, width }) as Options);

/** What makes a layer to one size: height, width and more, or all options in one object. */
export type MakeSized<Options extends CropSizeOptions, Made> = (height: number | Options, width?: number, options?: Omit<Options, "height" | "width">) => Made;

/** Images in another size @shape `[batch, height, width, channels]` → `[batch, new height, new width, channels]` @source Keras `Resizing`, without `antialias` */
export const resizing: MakeSized<ResizingOptions, Resizing> = sized(Resizing);
/** The middle of images; smaller ones are enlarged and cut @shape `[batch, height, width, channels]` → `[batch, new height, new width, channels]` @source Keras `CenterCrop` */
export const centerCrop: MakeSized<CropSizeOptions, CenterCrop> = sized(CenterCrop);
/**
 * In training a window of each image at a place of its own; in evaluation, and of smaller images, the largest window in the middle that has its shape, resized.
 * @shape `[batch, height, width, channels]` → `[batch, new height, new width, channels]`
 * @source Keras `RandomCrop`, whose windows are at one place for a whole batch
 */
export const randomCrop: MakeSized<CropSizeOptions, RandomCrop> = sized(RandomCrop);
