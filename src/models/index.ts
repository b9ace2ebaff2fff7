/** The door for models: what can be compiled, fitted and saved. */
export type { Choosing } from "./choosing.ts";
export { GPT, type GPTOptions, type GenerateOptions, gpt } from "./gpt.ts";
export { loadModel, type LoadOptions } from "./load.ts";
export { Model } from "./model.ts";
export { Sequential, sequential, type SequentialOptions, type SummaryOptions } from "./sequential.ts";
