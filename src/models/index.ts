/** The door for models: what can be compiled, fitted and saved. */
export { BERT, type BERTInputs, type BERTOptions, bert } from "./bert.ts";
export type { Choosing } from "./choosing.ts";
export { GPT, type GPTOptions, type GenerateOptions, gpt } from "./gpt.ts";
export { input } from "../layers/reshaping.ts";
export { cloneModel } from "./clone.ts";
export { Functional, type FunctionalOptions, model } from "./functional.ts";
export { download, listModels } from "./keeping.ts";
export { loadModel, type LoadOptions } from "./load.ts";
export { Model } from "./model.ts";
export { removeModel, type Saved } from "./save.ts";
export { Sequential, sequential, type SequentialOptions } from "./sequential.ts";
export type { SummaryOptions } from "./summary.ts";
export { Translator, translator, type TranslateOptions, type TranslatorOptions } from "./translator.ts";
export { ViT, type ViTOptions, vit } from "./vit.ts";
