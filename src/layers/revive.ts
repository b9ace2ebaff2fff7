import { CambiumError } from "../base/error.ts";
import { unknownName } from "../base/text.ts";
import { Conv } from "./convolution.ts";
import { elu, leakyRelu, prelu, relu, softmax } from "./curves.ts";
import { Dense } from "./dense.ts";
import { Dropout } from "./dropout.ts";
import { Embedding } from "./embedding.ts";
import type { Layer } from "./layer.ts";
import { BatchNormalization, LayerNormalization } from "./normalization.ts";
import { GlobalPooling, Pooling } from "./pooling.ts";
import { Activation, Flatten, InputLayer, Reshape } from "./reshaping.ts";

/** A layer as plain data. */
export interface LayerConfig {
  readonly className: string;
  readonly config: Record<string, unknown>;
}

const makers: Record<string, (config: any) => Layer> = {
  Activation: (config) => new Activation(config),
  AveragePooling1D: (config) => new Pooling("Average", 1, config),
  AveragePooling2D: (config) => new Pooling("Average", 2, config),
  BatchNormalization: (config) => new BatchNormalization(config),
  Conv1D: (config) => new Conv(1, config),
  Conv2D: (config) => new Conv(2, config),
  Dense: (config) => new Dense(config),
  Dropout: (config) => new Dropout(config),
  ELU: elu,
  Embedding: (config) => new Embedding(config),
  Flatten: (config) => new Flatten(config),
  GlobalAveragePooling1D: (config) => new GlobalPooling("Average", 1, config),
  GlobalAveragePooling2D: (config) => new GlobalPooling("Average", 2, config),
  GlobalMaxPooling1D: (config) => new GlobalPooling("Max", 1, config),
  GlobalMaxPooling2D: (config) => new GlobalPooling("Max", 2, config),
  InputLayer: (config) => new InputLayer(config),
  LayerNormalization: (config) => new LayerNormalization(config),
  LeakyReLU: leakyRelu,
  MaxPooling1D: (config) => new Pooling("Max", 1, config),
  MaxPooling2D: (config) => new Pooling("Max", 2, config),
  PReLU: prelu,
  ReLU: relu,
  Reshape: (config) => new Reshape(config),
  Softmax: softmax,
};

/**
 * The layer that plain data describes, not yet built.
 * @throws a `name` error for a kind of layer there is none of
 */
export function revive(where: string, { className, config }: LayerConfig): Layer {
  if (typeof className !== "string" || typeof config !== "object" || config === null)
    throw new CambiumError("file", where, `a layer is described by ${JSON.stringify({ className, config })}; that should be { className, config }`);
  if (!Object.hasOwn(makers, className)) throw unknownName(where, "layer", className, Object.keys(makers));
  return makers[className]!(config);
}
