/** The codec lies with the other file formats in `data`, because saving a model needs it too. */
export { decode, encode, type Safetensors, type StoredTensor } from "../data/safetensors.ts";
