/** The door for metrics, by Keras' names in camel case. */
export * from "./keras.ts";
export type { Metric } from "./metric.ts";
