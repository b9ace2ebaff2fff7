/** The door for metrics, by Keras' names in camel case. */
export {
  binaryIoU,
  cohenKappa,
  confusionMatrix,
  iou,
  type IoUOptions,
  matthewsCorrelation,
  meanIoU,
  oneHotIoU,
  oneHotMeanIoU,
  type TableOptions,
} from "./agreement.ts";
export { bleu, type BleuOptions, type BleuScore } from "./bleu.ts";
export * from "./counts.ts";
export { fairness, type FairnessOptions, type FairnessReport, type GroupReport } from "./fairness.ts";
export * from "./keras.ts";
export { meanMetricWrapper, type Metric, Running } from "./metric.ts";
export * from "./numbers.ts";
export { mean, Streaming, sum } from "./streaming.ts";
