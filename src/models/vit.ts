import { CambiumError } from "../base/error.ts";
import { show } from "../base/shape.ts";
import { suggest } from "../base/text.ts";
import { Module } from "../module/module.ts";
import { parameter } from "../module/parameter.ts";
import { Conv2d } from "../nn/conv.ts";
import { Dropout } from "../nn/dropout.ts";
import { truncNormal, zeros as zero } from "../nn/init.ts";
import { expectCount, shown } from "../nn/input.ts";
import { Linear } from "../nn/linear.ts";
import { LayerNorm } from "../nn/norm.ts";
import { normal } from "../nn/start.ts";
import { TransformerEncoderLayer } from "../nn/transformer.ts";
import { concat, zeros } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";

export interface ViTOptions {
  /** Height and width of the images. Default 224. */
  imageSize?: number;
  /** Height and width of a patch. Default 16. */
  patchSize?: number;
  /** Default 3. */
  channels?: number;
  /** Default 1000. */
  classes?: number;
  /** Default 12. */
  layers?: number;
  /** Default 12. */
  heads?: number;
  /** Features of a patch. Default 768. */
  dModel?: number;
  /** Features between the two linear maps of a layer. Default 4 · dModel. */
  dimFeedforward?: number;
  /** Default 0. */
  dropout?: number;
}

/**
 * A classifier that cuts images into patches and reads them as a sequence, with one more place for the answer.
 * @shape [batch, channels, imageSize, imageSize] → [batch, classes]
 * @source Dosovitskiy et al., "An image is worth 16x16 words" (2020); as many parameters as torchvision's and timm's
 */
export class ViT extends Module {
  readonly imageSize: number;
  readonly channels: number;
  /** [1, 1, dModel] */
  classToken: Tensor;
  /** [1, patches + 1, dModel] */
  positions: Tensor;
  patches: Conv2d;
  dropout: Dropout;
  layers: TransformerEncoderLayer[];
  norm: LayerNorm;
  head: Linear;

  constructor(options: ViTOptions = {}) {
    super();
    const { imageSize = 224, patchSize = 16, channels = 3, classes = 1000, layers = 12, heads = 12, dModel = 768, dropout = 0 } = options;
    for (const [name, count] of Object.entries({ imageSize, patchSize, channels, classes, layers, heads, dModel })) expectCount("ViT", name, count);
    if (imageSize % patchSize !== 0) throw new CambiumError("value", "ViT", `images of ${imageSize} pixels do not divide into patches of ${patchSize}`);
    this.imageSize = imageSize;
    this.channels = channels;
    const count = (imageSize / patchSize) ** 2;
    this.classToken = parameter(zeros([1, 1, dModel]));
    this.positions = parameter(normal(0, 0.02)([1, count + 1, dModel], { in: 1, out: 1 }));
    this.patches = new Conv2d(channels, dModel, patchSize, { stride: patchSize });
    truncNormal(this.patches.weight, 0, 1 / Math.sqrt(channels * patchSize ** 2));
    if (this.patches.bias) zero(this.patches.bias);
    this.dropout = new Dropout(dropout);
    const layer = {
      dimFeedforward: options.dimFeedforward ?? 4 * dModel,
      dropout,
      activation: "gelu",
      layerNormEps: 1e-6,
      batchFirst: true,
      normFirst: true,
    } as const;
    this.layers = Array.from({ length: layers }, () => new TransformerEncoderLayer(dModel, heads, layer));
    this.norm = new LayerNorm(dModel, { eps: 1e-6 });
    this.head = new Linear(dModel, classes);
    zero(this.head.weight);
    if (this.head.bias) zero(this.head.bias);
  }

  forward(images: Tensor): Tensor {
    const { imageSize, channels } = this;
    if (images.rank !== 4 || images.shape[1] !== channels || images.shape[2] !== imageSize || images.shape[3] !== imageSize)
      throw new CambiumError(
        "shape",
        "ViT",
        `expected [batch, ${channels}, ${imageSize}, ${imageSize}], got ${show(images.shape)}`,
        images.rank === 4 && images.shape[3] === channels ? "channels come first: x.permute([0, 3, 1, 2])" : undefined,
      );
    const batch = images.shape[0]!;
    const cut = this.patches.forward(images);
    const size = cut.shape[1]!;
    const patches = cut.reshape([batch, size, -1]).permute([0, 2, 1]);
    const first = this.classToken.add(zeros([batch, 1, size]));
    const start = this.dropout.forward(concat([first, patches], 1).add(this.positions));
    const end = this.layers.reduce((x, layer) => layer.forward(x), start);
    return this.head.forward(this.norm.forward(end.slice([0, 0], [batch, 1]).reshape([batch, size])));
  }

  protected override describe(): string {
    return shown({ imageSize: this.imageSize, channels: this.channels });
  }
}

const sizes = {
  tiny: { dModel: 192, layers: 12, heads: 3 },
  small: { dModel: 384, layers: 12, heads: 6 },
  base: { dModel: 768, layers: 12, heads: 12 },
  large: { dModel: 1024, layers: 24, heads: 16 },
} as const;

/** A vision transformer of a known size (`"base"` when left out), or as the options say. */
export function vit(size: keyof typeof sizes | ViTOptions = "base", options: ViTOptions = {}): ViT {
  if (typeof size !== "string") return new ViT(size);
  if (!Object.hasOwn(sizes, size)) throw new CambiumError("name", "vit", `there is no size "${size}"`, suggest(size, Object.keys(sizes)));
  return new ViT({ ...sizes[size], ...options });
}
