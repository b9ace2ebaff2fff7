/** The door for data: sets to train on, and the safetensors format. */
export { type ImageTensors, datasets, digits, fashionMnist, mnist } from "./datasets.ts";
export { decode, encode, type Safetensors, type StoredTensor } from "./safetensors.ts";
