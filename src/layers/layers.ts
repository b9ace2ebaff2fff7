/** The layers by name. */
import { conv1d, conv2d } from "./convolution.ts";
import { dense } from "./dense.ts";
import { dropout } from "./dropout.ts";
import { embedding } from "./embedding.ts";
import { batchNormalization, layerNormalization } from "./normalization.ts";
import {
  averagePooling1d,
  averagePooling2d,
  globalAveragePooling1d,
  globalAveragePooling2d,
  globalMaxPooling1d,
  globalMaxPooling2d,
  maxPooling1d,
  maxPooling2d,
} from "./pooling.ts";
import { activation, flatten, input, inputLayer, reshape } from "./reshaping.ts";

interface Layers {
  activation: typeof activation;
  averagePooling1d: typeof averagePooling1d;
  averagePooling2d: typeof averagePooling2d;
  batchNormalization: typeof batchNormalization;
  conv1d: typeof conv1d;
  conv2d: typeof conv2d;
  dense: typeof dense;
  dropout: typeof dropout;
  embedding: typeof embedding;
  flatten: typeof flatten;
  globalAveragePooling1d: typeof globalAveragePooling1d;
  globalAveragePooling2d: typeof globalAveragePooling2d;
  globalMaxPooling1d: typeof globalMaxPooling1d;
  globalMaxPooling2d: typeof globalMaxPooling2d;
  input: typeof input;
  inputLayer: typeof inputLayer;
  layerNormalization: typeof layerNormalization;
  maxPooling1d: typeof maxPooling1d;
  maxPooling2d: typeof maxPooling2d;
  reshape: typeof reshape;
}

/** What models are made of, by Keras' names in camel case; channels come last. */
export const layers: Layers = {
  activation,
  averagePooling1d,
  averagePooling2d,
  batchNormalization,
  conv1d,
  conv2d,
  dense,
  dropout,
  embedding,
  flatten,
  globalAveragePooling1d,
  globalAveragePooling2d,
  globalMaxPooling1d,
  globalMaxPooling2d,
  input,
  inputLayer,
  layerNormalization,
  maxPooling1d,
  maxPooling2d,
  reshape,
};
