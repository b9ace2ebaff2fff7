/** Max pooling whose windows lie at places drawn anew each time, so that sizes may shrink by any factor. */
import { CambiumError } from "../base/error.ts";
import { type Shape, show, size } from "../base/shape.ts";
import { Module } from "../module/module.ts";
import { range } from "../ops/gather.ts";
import { uniform } from "../tensor/random.ts";
import { Tensor } from "../tensor/tensor.ts";
import { batched, expectTensor, perAxis, shown, type Sizes } from "./input.ts";

export interface FractionalMaxPoolOptions {
  /** The sizes that come out; either these or `outputRatio`. */
  outputSize?: Sizes;
  /** The sizes that come out as a share of those that go in, above 0 and below 1. */
  outputRatio?: number | readonly number[];
  /** Also returns where each maximum was, an index counting through all spatial places. Default `false`. */
  returnIndices?: boolean;
  /** Where windows lie, in place of drawn numbers: [batch, channels, axes] of numbers from [0, 1). */
  randomSamples?: Tensor;
}

/** Where `output` windows of `kernel` places begin on an axis of `input`, for each number of `draw` [...]: [..., output]. */
function starts(draw: Tensor, input: number, output: number, kernel: number): Tensor {
  const last = input - kernel;
  if (output === 1) return draw.expandDims(-1).mul(0).add(last).to("int32");
  const step = last / (output - 1);
  const place = new Tensor(range([output], 0, draw.dtype));
  const each = draw.expandDims(-1);
  const begun = place.add(each).mul(step).floor().sub(each.mul(step).floor());
  return place
    .greaterEqual(output - 1)
    .where(last, begun)
    .to("int32");
}

/** What fractional max pooling of images and volumes shares. */
abstract class FractionalMaxPool extends Module {
  readonly kernelSize: readonly number[];
  readonly returnIndices: boolean;
  readonly outputSize: readonly number[] | undefined;
  readonly outputRatio: readonly number[] | undefined;
  readonly #samples: Tensor | undefined;

  constructor(rank: number, kernelSize: Sizes, { outputSize, outputRatio, returnIndices = false, randomSamples }: FractionalMaxPoolOptions) {
    super();
    const where = this.constructor.name;
    if ((outputSize === undefined) === (outputRatio === undefined))
      throw new CambiumError(
        "value",
        where,
        `${outputSize === undefined ? "neither outputSize nor" : "both outputSize and"} outputRatio given; give one of them`,
      );
    this.kernelSize = perAxis(where, "kernelSize", kernelSize, rank);
    this.outputSize = outputSize === undefined ? undefined : perAxis(where, "outputSize", outputSize, rank);
    this.outputRatio = outputRatio === undefined ? undefined : typeof outputRatio === "number" ? new Array<number>(rank).fill(outputRatio) : [...outputRatio];
    if (this.outputRatio && (this.outputRatio.length !== rank || !this.outputRatio.every((share) => share > 0 && share < 1)))
      throw new CambiumError("value", where, `outputRatio is ${JSON.stringify(outputRatio)}; it is a number above 0 and below 1, or ${rank} of them`);
    this.returnIndices = returnIndices;
    this.#samples = randomSamples;
  }

  /** The maxima; with `returnIndices`, `[maxima, indices]`. */
  forward(x: Tensor): any {
    const where = `${this.constructor.name}(${this.kernelSize.join("×")})`;
    expectTensor(where, x);
    let indices: Tensor | undefined;
    const rank = this.kernelSize.length;
    const maxima = batched(where, x, ["channels", ...["depth", "height", "width"].slice(-rank)], (x) => {
      const [best, places] = this.#pooled(where, x);
      indices = places;
      return best;
    });
    return this.returnIndices ? [maxima, indices!.reshape(maxima.shape)] : maxima;
  }

  #pooled(where: string, x: Tensor): [maxima: Tensor, indices: Tensor] {
    const [batch, channels, ...input] = x.shape as [number, number, ...number[]];
    const output = this.outputSize ?? input.map((d, i) => Math.floor(d * this.outputRatio![i]!));
    const wrong = output.findIndex((n, i) => n < 1 || n + this.kernelSize[i]! - 1 > input[i]!);
    if (wrong >= 0)
      throw new CambiumError(
        "shape",
        where,
        `${output[wrong]} windows of ${this.kernelSize[wrong]} do not fit on ${input[wrong]} places (spatial axis ${wrong} of ${show(x.shape)})`,
      );
    const drawn = this.#samples ?? uniform([batch, channels, input.length], 0, 1, x.dtype);
    // PyTorch counts the axes of images from the last one, those of volumes from the first.
    const axisOf = (i: number): number => (input.length === 2 ? input.length - 1 - i : i);
    let windows = x;
    let places = new Tensor(range([size(input)])).reshape([1, 1, ...input]).broadcast(x.shape);
    input.forEach((d, i) => {
      const axis = axisOf(i);
      const begin = starts(drawn.slice([0, 0, axis], [batch, channels, axis + 1]).squeeze(-1), d, output[i]!, this.kernelSize[i]!);
      const at = begin
        .expandDims(-1)
        .add(new Tensor(range([this.kernelSize[i]!])))
        .reshape([batch, channels, -1]);
      const shape = windows.shape.map((n, a) => (a < 2 ? n : a === i + 2 ? at.shape[2]! : 1));
      const index = at.reshape(shape).broadcast(windows.shape.with(i + 2, at.shape[2]!));
      windows = windows.gatherAlong(index, i + 2);
      if (this.returnIndices) places = places.gatherAlong(index, i + 2);
    });
    // [batch, channels, outputs and kernel places in turn] → the places of a window last.
    const apart: Shape = [batch, channels, ...output.flatMap((n, i) => [n, this.kernelSize[i]!])];
    const order = [0, 1, ...output.map((_, i) => 2 + 2 * i), ...output.map((_, i) => 3 + 2 * i)];
    const gathered = (t: Tensor): Tensor =>
      t
        .reshape(apart)
        .permute(order)
        .reshape([batch, channels, ...output, size(this.kernelSize)]);
    const best = gathered(windows);
    const maxima = best.max(-1);
    return [
      maxima,
      this.returnIndices
        ? gathered(places)
            .gatherAlong(best.argMax(-1, { keep: true }), -1)
            .squeeze(-1)
        : maxima,
    ];
  }

  protected override describe(): string {
    const { kernelSize, outputSize, outputRatio } = this;
    return shown({ kernelSize, ...(outputSize ? { outputSize } : { outputRatio }) });
  }
}

/**
 * The largest numbers of windows that lie at drawn places of an image.
 * @shape [batch, channels, height, width] → [batch, channels, ...outputSize], also without batch
 * @source PyTorch `nn.FractionalMaxPool2d`; Graham, "Fractional max-pooling" (2014)
 */
export class FractionalMaxPool2d extends FractionalMaxPool {
  constructor(kernelSize: Sizes, options: FractionalMaxPoolOptions = {}) {
    super(2, kernelSize, options);
  }
}

/**
 * The largest numbers of windows that lie at drawn places of a volume.
 * @shape [batch, channels, depth, height, width] → [batch, channels, ...outputSize], also without batch
 * @source PyTorch `nn.FractionalMaxPool3d`
 */
export class FractionalMaxPool3d extends FractionalMaxPool {
  constructor(kernelSize: Sizes, options: FractionalMaxPoolOptions = {}) {
    super(3, kernelSize, options);
  }
}
