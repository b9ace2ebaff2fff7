import { CambiumError } from "../base/error.ts";
import { unknownName } from "../base/text.ts";
import { GroupQueryAttention, MultiHeadAttention } from "./attention.ts";
import { Conv } from "./convolution.ts";
import { elu, leakyRelu, prelu, relu, softmax } from "./curves.ts";
import { Dense } from "./dense.ts";
import { Dropout } from "./dropout.ts";
import { Embedding } from "./embedding.ts";
import type { Layer } from "./layer.ts";
import { BatchNormalization, LayerNormalization } from "./normalization.ts";
import { Operation } from "./operation.ts";
import { GlobalPooling, Pooling } from "./pooling.ts";
import { Concatenate, Dot, Merge } from "./merging.ts";
import { AdditiveAttention, Attention } from "./scoring.ts";
import { Activation, Flatten, InputLayer, Reshape } from "./reshaping.ts";

/** A layer as plain data. */
export interface LayerConfig {
  readonly className: string;
  readonly config: Record<string, unknown>;
}

const makers: Record<string, (config: any) => Layer> = {
  Activation: (config) => new Activation(config),
  AdditiveAttention: (config) => new AdditiveAttention(config),
  Add: (config) => new Merge("Add", config),
  Attention: (config) => new Attention(config),
  Average: (config) => new Merge("Average", config),
  AveragePooling1D: (config) => new Pooling("Average", 1, config),
  AveragePooling2D: (config) => new Pooling("Average", 2, config),
  BatchNormalization: (config) => new BatchNormalization(config),
  Concatenate: (config) => new Concatenate(config),
  Conv1D: (config) => new Conv(1, config),
  Conv2D: (config) => new Conv(2, config),
  Dense: (config) => new Dense(config),
  Dot: (config) => new Dot(config),
  Dropout: (config) => new Dropout(config),
  ELU: elu,
  Embedding: (config) => new Embedding(config),
  Flatten: (config) => new Flatten(config),
  GlobalAveragePooling1D: (config) => new GlobalPooling("Average", 1, config),
  GlobalAveragePooling2D: (config) => new GlobalPooling("Average", 2, config),
  GlobalMaxPooling1D: (config) => new GlobalPooling("Max", 1, config),
  GlobalMaxPooling2D: (config) => new GlobalPooling("Max", 2, config),
  GroupedQueryAttention: (config) => new GroupQueryAttention(config),
  InputLayer: (config) => new InputLayer(config),
  LayerNormalization: (config) => new LayerNormalization(config),
  LeakyReLU: leakyRelu,
  MaxPooling1D: (config) => new Pooling("Max", 1, config),
  MaxPooling2D: (config) => new Pooling("Max", 2, config),
  Maximum: (config) => new Merge("Maximum", config),
  Minimum: (config) => new Merge("Minimum", config),
  MultiHeadAttention: (config) => new MultiHeadAttention(config),
  Multiply: (config) => new Merge("Multiply", config),
  Operation: (config) => new Operation(config),
  PReLU: prelu,
  ReLU: relu,
  Reshape: (config) => new Reshape(config),
  Softmax: softmax,
  Subtract: (config) => new Merge("Subtract", config),
};

/**
 * Makes a kind of layer of your own known, so that models with it can be loaded: `className` as the layer was made with, and what makes it of its `getConfig()`.
 * @throws a `name` error when there is such a kind already
 * @example
 * ```ts
 * class Scale extends Layer {
 *   constructor(options: LayerOptions & { by: number }) { super("Scale", options); this.by = options.by; }
 *   call(x: Tensor) { return x.mul(this.by); }
 * }
 * registerLayer("Scale", (config) => new Scale(config));
 * ```
 */
export function registerLayer(className: string, make: (config: any) => Layer): void {
  if (Object.hasOwn(makers, className))
    throw new CambiumError("name", "registerLayer", `there is a layer "${className}" already`, "give the class another name");
  makers[className] = make;
}

/**
 * The layer that plain data describes, not yet built.
 * @throws a `name` error for a kind of layer there is none of
 */
export function revive(where: string, { className, config }: LayerConfig): Layer {
  if (typeof className !== "string" || typeof config !== "object" || config === null)
    throw new CambiumError("file", where, `a layer is described by ${JSON.stringify({ className, config })}; that should be { className, config }`);
  if (!Object.hasOwn(makers, className)) throw unknownLayer(where, className);
  return makers[className]!(config);
}

function unknownLayer(where: string, className: string): CambiumError {
  const { code, message } = unknownName(where, "layer", className, Object.keys(makers));
  const [problem, hint] = message.slice(where.length + 2).split("\n  hint: ");
  return new CambiumError(code, where, problem!, `${hint}; for one of your own: registerLayer("${className}", (config) => new ${className}(config))`);
}
