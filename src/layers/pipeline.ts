import { CambiumError } from "../base/error.ts";
import type { Shape } from "../base/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Augmentation, type Samples } from "./augmentation.ts";
import { Layer, type LayerOptions } from "./layer.ts";

export interface PipelineOptions extends LayerOptions {
  layers: readonly Layer[];
}

/** Layers one after another, as one. */
export class Pipeline extends Layer {
  readonly layers: readonly Layer[];

  constructor(options: PipelineOptions) {
    super("Pipeline", options);
    if (!Array.isArray(options.layers) || !options.layers.every((layer) => layer instanceof Layer))
      throw new CambiumError("value", this.name, "layers is no list of layers", "layers.pipeline([layers.autoContrast(), layers.randomZoom(0.2)])");
    this.layers = [...options.layers];
  }

  protected override make(input: Shape): void {
    this.layers.reduce((shape, layer) => layer.build(shape), input);
  }

  protected override call(x: Tensor): Tensor {
    return this.layers.reduce((y, layer) => layer.forward(y), x);
  }

  /** What the layers make of images; of a record with labels or masks, all of it, where every layer changes images. */
  override forward(...given: any[]): any {
    const [samples] = given;
    if (typeof samples !== "object" || samples === null || Object.getPrototypeOf(samples) !== Object.prototype) return super.forward(...(given as [Tensor]));
    const other = this.layers.find((layer) => !(layer instanceof Augmentation));
    if (other) throw new CambiumError("value", this.name, `${other.name} can do nothing with a record of images`, "give it the images alone");
    return this.layers.reduce((all, layer) => (layer as Augmentation).forward(all), samples as Samples);
  }

  override getConfig(): Record<string, unknown> {
    return { ...super.getConfig(), layers: this.layers.map((layer) => ({ className: layer.className, config: layer.getConfig() })) };
  }
}

/**
 * Layers one after another, as one: to make data ready before `fit`, or in a model.
 * @shape as the layers'
 * @source Keras `Pipeline`
 * @example
 * ```ts
 * const ready = layers.pipeline([layers.autoContrast(), layers.randomZoom(0.2), layers.randomRotation(0.2)]);
 * ```
 */
export const pipeline = (all: readonly Layer[] | PipelineOptions, options: LayerOptions = {}): Pipeline =>
  new Pipeline(Array.isArray(all) ? { ...options, layers: all as readonly Layer[] } : (all as PipelineOptions));
