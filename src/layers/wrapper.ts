import { CambiumError } from "../base/error.ts";
import type { Shape } from "../base/shape.ts";
import { Layer, type LayerOptions } from "./layer.ts";

/** A layer around another: a base for wrappers of your own. @source Keras `Wrapper` */
export abstract class Wrapper extends Layer {
  readonly layer: Layer;

  constructor(className: string, options: LayerOptions & { layer: Layer }) {
    super(className, options);
    if (!(options.layer instanceof Layer))
      throw new CambiumError("value", this.name, `layer is ${typeof options.layer}, not a layer`, "give it one: layers.dense(4)");
    this.layer = options.layer;
  }

  override get takesIndices(): boolean {
    return this.layer.takesIndices;
  }

  protected override make(input: Shape): void {
    this.layer.build(input);
  }

  override getConfig(): Record<string, unknown> {
    return { ...super.getConfig(), layer: { className: this.layer.className, config: this.layer.getConfig() } };
  }
}
