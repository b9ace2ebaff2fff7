import { CambiumError } from "../base/error.ts";
import { show } from "../base/shape.ts";
import { Module } from "../module/module.ts";
import { Sequential } from "../nn/containers.ts";
import { Conv2d } from "../nn/conv.ts";
import { ConvTranspose2d } from "../nn/convtranspose.ts";
import { expectCount } from "../nn/input.ts";
import { MaxPool2d } from "../nn/pool.ts";
import { concat } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { DoubleConv } from "./doubleconv.ts";
import { Enlarge } from "./enlarge.ts";

export interface UNetOptions {
  /** Default 1. */
  inChannels?: number;
  /** Scores for each pixel. Default 1. */
  numClasses?: number;
  /** Channels at full size; each halving doubles them. Default 64. */
  width?: number;
  /** How maps grow again: on straight lines between pixels, or by a convolution that is learnt. Default `"transposed"`. */
  upsampling?: "bilinear" | "transposed";
}

/** Half the size, then two convolutions. */
class Down extends Module {
  maxpoolConv: Sequential;

  constructor(inChannels: number, outChannels: number) {
    super();
    this.maxpoolConv = new Sequential(new MaxPool2d(2), new DoubleConv(inChannels, outChannels));
  }

  forward(x: Tensor): Tensor {
    return this.maxpoolConv.forward(x);
  }
}

/** Twice the size, joined with what had that size on the way down, then two convolutions. */
class Up extends Module {
  up: ConvTranspose2d | Enlarge;
  conv: DoubleConv;

  constructor(inChannels: number, outChannels: number, bilinear: boolean) {
    super();
    this.up = bilinear ? new Enlarge() : new ConvTranspose2d(inChannels, inChannels / 2, 2, { stride: 2 });
    this.conv = new DoubleConv(inChannels, outChannels, bilinear ? inChannels / 2 : outChannels);
  }

  forward(x: Tensor, skip: Tensor): Tensor {
    const y = this.up.forward(x);
    const missing = [2, 3].map((axis) => skip.shape[axis]! - y.shape[axis]!);
    const low = missing.map((d) => Math.floor(d / 2));
    const fits = missing.every((d) => d === 0) ? y : y.pad([0, 0, ...low], [0, 0, ...missing.map((d, i) => d - low[i]!)]);
    return this.conv.forward(concat([skip, fits], 1));
  }
}

/** A linear map of each pixel. */
class OutConv extends Module {
  conv: Conv2d;

  constructor(inChannels: number, outChannels: number) {
    super();
    this.conv = new Conv2d(inChannels, outChannels, 1);
  }

  forward(x: Tensor): Tensor {
    return this.conv.forward(x);
  }
}

/**
 * A network that gives each pixel scores: four halvings, four doublings, and at each size a bridge from one side to the other. With batch normalisation and padded convolutions, as is usual today.
 * @shape [batch, inChannels, height, width], 16 pixels or more → [batch, numClasses, height, width] scores
 * @source Ronneberger, Fischer and Brox, "U-Net: convolutional networks for biomedical image segmentation" (2015); paths of the PyTorch program that is used most, milesial's
 */
export class UNet extends Module {
  inc: DoubleConv;
  down1: Down;
  down2: Down;
  down3: Down;
  down4: Down;
  up1: Up;
  up2: Up;
  up3: Up;
  up4: Up;
  outc: OutConv;

  constructor({ inChannels = 1, numClasses = 1, width = 64, upsampling = "transposed" }: UNetOptions = {}) {
    super();
    for (const [name, count] of Object.entries({ inChannels, numClasses, width })) expectCount("UNet", name, count);
    if (upsampling !== "bilinear" && upsampling !== "transposed")
      throw new CambiumError("name", "UNet", `there is no upsampling "${String(upsampling)}"; it is "bilinear" or "transposed"`);
    const bilinear = upsampling === "bilinear";
    // Interpolation keeps the number of channels, so the convolutions before it have to halve them.
    const part = bilinear ? 2 : 1;
    this.inc = new DoubleConv(inChannels, width);
    this.down1 = new Down(width, 2 * width);
    this.down2 = new Down(2 * width, 4 * width);
    this.down3 = new Down(4 * width, 8 * width);
    this.down4 = new Down(8 * width, (16 * width) / part);
    this.up1 = new Up(16 * width, (8 * width) / part, bilinear);
    this.up2 = new Up(8 * width, (4 * width) / part, bilinear);
    this.up3 = new Up(4 * width, (2 * width) / part, bilinear);
    this.up4 = new Up(2 * width, width, bilinear);
    this.outc = new OutConv(width, numClasses);
  }

  forward(x: Tensor): Tensor {
    if (x.rank !== 4 || x.shape[2]! < 16 || x.shape[3]! < 16)
      throw new CambiumError("shape", "UNet", `expected [batch, channels, height, width] of 16 pixels or more, got ${show(x.shape)}`);
    const first = this.inc.forward(x);
    const halves = this.down1.forward(first);
    const quarters = this.down2.forward(halves);
    const eighths = this.down3.forward(quarters);
    const inner = this.up1.forward(this.down4.forward(eighths), eighths);
    return this.outc.forward(this.up4.forward(this.up3.forward(this.up2.forward(inner, quarters), halves), first));
  }
}

/** U-Net. */
export const unet = (options?: UNetOptions): UNet => new UNet(options);
