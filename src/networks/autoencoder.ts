import { CambiumError } from "../base/error.ts";
import { Module } from "../module/module.ts";
import { ReLU, Sigmoid } from "../nn/activation.ts";
import { Sequential } from "../nn/containers.ts";
import { Conv2d } from "../nn/conv.ts";
import { ConvTranspose2d } from "../nn/convtranspose.ts";
import { expectCount } from "../nn/input.ts";
import type { Tensor } from "../tensor/tensor.ts";

export interface ConvAutoencoderOptions {
  /** Default 1. */
  inChannels?: number;
  /** Channels behind each halving of the image; the last are what is kept. Default `[16, 8]`. */
  channels?: readonly number[];
}

/**
 * Images made small by convolutions and large again by transposed ones.
 * @shape [batch, inChannels, height, width], multiples of 2 ** channels.length → the same, numbers from 0 to 1
 * @source Masci et al., "Stacked convolutional auto-encoders for hierarchical feature extraction" (2011)
 */
export class ConvAutoencoder extends Module {
  encoder: Sequential = new Sequential();
  decoder: Sequential = new Sequential();

  constructor({ inChannels = 1, channels = [16, 8] }: ConvAutoencoderOptions = {}) {
    super();
    if (channels.length === 0) throw new CambiumError("value", "ConvAutoencoder", "channels is empty: nothing would be made smaller");
    const counts = [inChannels, ...channels];
    for (const count of counts) expectCount("ConvAutoencoder", "a number of channels", count);
    for (const [i, wanted] of channels.entries()) this.encoder.append(new Conv2d(counts[i]!, wanted, 3, { stride: 2, padding: 1 })).append(new ReLU());
    for (let i = channels.length; i > 0; i--)
      this.decoder
        .append(new ConvTranspose2d(counts[i]!, counts[i - 1]!, 3, { stride: 2, padding: 1, outputPadding: 1 }))
        .append(i > 1 ? new ReLU() : new Sigmoid());
  }

  /** What is kept of images. */
  encode(x: Tensor): Tensor {
    return this.encoder.forward(x);
  }

  /** Images from what was kept. */
  decode(code: Tensor): Tensor {
    return this.decoder.forward(code);
  }

  forward(x: Tensor): Tensor {
    return this.decode(this.encode(x));
  }
}

/** A convolutional autoencoder. */
export const convAutoencoder = (options?: ConvAutoencoderOptions): ConvAutoencoder => new ConvAutoencoder(options);
