/** Layers around other layers, and layers that say which steps count. */
import { CambiumError } from "../base/error.ts";
import type { Shape } from "../base/shape.ts";
import { concat } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Layer, type LayerOptions } from "./layer.ts";
import { maskOf } from "../module/mask.ts";
import type { RNN } from "./recurrent.ts";
import { Wrapper } from "./wrapper.ts";

export type MergeMode = "concat" | "sum" | "mul" | "ave" | null;

export interface BidirectionalOptions extends LayerOptions {
  layer: RNN;
  /** How the outputs of both directions become one; `null`: they stay apart. Default `"concat"`. */
  mergeMode?: MergeMode;
  /** The layer that goes backwards. Default: one like `layer`. */
  backwardLayer?: RNN;
}

const modes: readonly MergeMode[] = ["concat", "sum", "mul", "ave", null];

/** A recurrent layer and its mirror image. */
export class Bidirectional extends Layer {
  readonly forwardLayer: RNN;
  readonly backwardLayer: RNN;
  readonly mergeMode: MergeMode;

  constructor(options: BidirectionalOptions) {
    super("Bidirectional", { inputShape: options.layer.inputShape, ...options });
    const { layer, mergeMode = "concat", backwardLayer } = options;
    if (!modes.includes(mergeMode))
      throw new CambiumError("name", this.name, `there is no mergeMode "${String(mergeMode)}"; it is ${modes.map((mode) => JSON.stringify(mode)).join(", ")}`);
    this.mergeMode = mergeMode;
    this.forwardLayer = layer;
    this.backwardLayer = backwardLayer ?? layer.again({ name: `backward_${layer.name}`, goBackwards: !(layer.sequence.goBackwards ?? false) });
    for (const one of [this.forwardLayer, this.backwardLayer]) one.clears = true;
  }

  override get takesMany(): boolean {
    return true;
  }

  protected override make(input: Shape): void {
    this.forwardLayer.build(input);
    this.backwardLayer.build(input);
  }

  protected override call(x: Tensor, ...given: any[]): Tensor | readonly Tensor[] {
    const states = given.filter((one): one is Tensor => typeof one?.shape === "object");
    const half = states.length / 2;
    const mask = (given.find((one) => one && !states.includes(one)) as { mask?: Tensor } | undefined)?.mask ?? maskOf(x);
    const run = (layer: RNN, own: Tensor[]): Tensor[] => [layer.forward(x, ...own, ...(mask ? [{ mask }] : [])) as Tensor | Tensor[]].flat();
    const [ahead, ...aheadState] = run(this.forwardLayer, states.slice(0, half)) as [Tensor, ...Tensor[]];
    const [behind, ...behindState] = run(this.backwardLayer, states.slice(half)) as [Tensor, ...Tensor[]];
    const aligned = this.forwardLayer.sequence.returnSequences ? behind.flip(1) : behind;
    const merged = this.#merge(ahead, aligned);
    const state = [...aheadState, ...behindState];
    return Array.isArray(merged) ? [...merged, ...state] : state.length > 0 ? [merged as Tensor, ...state] : (merged as Tensor);
  }

  protected override maskFor(x: Tensor): Tensor | undefined {
    return this.forwardLayer.sequence.returnSequences ? maskOf(x) : undefined;
  }

  #merge(a: Tensor, b: Tensor): Tensor | Tensor[] {
    switch (this.mergeMode) {
      case "concat":
        return concat([a, b], -1);
      case "sum":
        return a.add(b);
      case "mul":
        return a.mul(b);
      case "ave":
        return a.add(b).div(2);
      default:
        return [a, b];
    }
  }

  override getConfig(): Record<string, unknown> {
    const described = (layer: RNN): object => ({ className: layer.className, config: layer.getConfig() });
    const { layer: _, backwardLayer: __, ...config } = super.getConfig();
    return { ...config, layer: described(this.forwardLayer), backwardLayer: described(this.backwardLayer) };
  }
}

/**
 * A recurrent layer through sequences from both ends.
 * @shape as the layer, with twice as many numbers where `mergeMode` is `"concat"`
 * @source Keras `Bidirectional`; Schuster and Paliwal, "Bidirectional recurrent neural networks" (1997)
 */
export const bidirectional = (layer: RNN, options: Omit<BidirectionalOptions, "layer"> = {}): Bidirectional => new Bidirectional({ ...options, layer });

export interface TimeDistributedOptions extends LayerOptions {
  layer: Layer;
}

/** A layer used on each step by itself. */
export class TimeDistributed extends Wrapper {
  constructor(options: TimeDistributedOptions) {
    super("TimeDistributed", options);
  }

  protected override make(input: Shape): void {
    this.layer.build(input.slice(1));
  }

  protected override call(x: Tensor): Tensor {
    const [batch, time, ...rest] = x.shape as [number, number, ...number[]];
    const y = this.layer.forward(x.reshape([batch * time, ...rest])) as Tensor;
    return y.reshape([batch, time, ...y.shape.slice(1)]);
  }
}

/**
 * A layer used on each step of a sequence by itself.
 * @shape `[batch, time, ...]` → `[batch, time, ...]`
 * @source Keras `TimeDistributed`
 */
export const timeDistributed = (layer: Layer, options: LayerOptions = {}): TimeDistributed => new TimeDistributed({ ...options, layer });

export interface MaskingOptions extends LayerOptions {
  /** Default 0. */
  maskValue?: number;
}

/** Steps that hold one number only are passed over by the layers behind. */
export class Masking extends Layer {
  readonly maskValue: number;

  constructor(options: MaskingOptions = {}) {
    super("Masking", options);
    this.maskValue = options.maskValue ?? 0;
  }

  #on(x: Tensor): Tensor {
    return x.notEqual(this.maskValue).to("float32").max(-1, { keep: true }).greater(0);
  }

  protected override call(x: Tensor): Tensor {
    return this.#on(x).where(x, 0);
  }

  protected override maskFor(x: Tensor): Tensor | undefined {
    return this.#on(x).squeeze(-1);
  }
}

/**
 * Steps whose numbers are all `maskValue` are put to 0, and recurrent layers behind pass them over.
 * @shape `[batch, time, inputs]` → the same
 * @source Keras `Masking`
 */
export const masking = (options: MaskingOptions = {}): Masking => new Masking(options);
