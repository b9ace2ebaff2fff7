import { Module } from "../module/module.ts";
import { ReLU } from "../nn/activation.ts";
import { BatchNorm2d } from "../nn/batchnorm.ts";
import { Sequential } from "../nn/containers.ts";
import { Conv2d } from "../nn/conv.ts";
import type { Tensor } from "../tensor/tensor.ts";

/**
 * Two 3 × 3 convolutions, each normalised and rectified.
 * @shape [batch, inChannels, height, width] → [batch, outChannels, height, width]
 */
export class DoubleConv extends Module {
  doubleConv: Sequential;

  constructor(inChannels: number, outChannels: number, midChannels: number = outChannels) {
    super();
    this.doubleConv = new Sequential(
      new Conv2d(inChannels, midChannels, 3, { padding: 1, bias: false }),
      new BatchNorm2d(midChannels),
      new ReLU(),
      new Conv2d(midChannels, outChannels, 3, { padding: 1, bias: false }),
      new BatchNorm2d(outChannels),
      new ReLU(),
    );
  }

  forward(x: Tensor): Tensor {
    return this.doubleConv.forward(x);
  }
}
