import { CambiumError } from "../base/error.ts";
import { decode, encode, type StoredTensor } from "../data/safetensors.ts";
import type { StateDict } from "../module/state.ts";
import { fromArray } from "../tensor/create.ts";
import { randomState } from "../tensor/random.ts";
import type { Training } from "../train/compile.ts";
import { openFiles } from "../data/files.ts";
import { bytesOf } from "../data/web.ts";

/** What can be saved. */
export interface Savable {
  readonly className: string;
  readonly built: boolean;
  readonly epochsTrained: number;
  getConfig(): object;
  stateDict(): StateDict;
  /** How the model learns, as plain data; undefined before `compile`. */
  compileConfig(): Training | undefined;
  /** What the optimizer remembers, by name. */
  optimizerState(): StateDict;
}

/** Where a training run stood when it was saved. */
export interface Standing {
  /** Epochs trained. */
  readonly epochs: number;
  readonly random: { readonly seed: number; readonly stream: number };
}

/** A model as plain data, apart from its numbers. */
export interface Description {
  readonly format: "cambium";
  readonly version: 1;
  readonly className: string;
  readonly config: object;
  readonly training?: Training & Standing;
  /** In a folder, the file with the numbers. */
  readonly weights?: string;
}

/** A model as it is kept: its description, and its numbers under `model.` and `optimizer.`. */
export interface Stored {
  readonly description: Description;
  readonly tensors: Record<string, StoredTensor>;
}

/** The name of the description in a folder. */
export const descriptionFile = "model.json";

/** The key of the description among the metadata of a single file. */
const metadataKey = "cambium";

/** The numbers of a state, under names that begin with `prefix`. */
async function numbersOf(state: StateDict, prefix: string): Promise<Record<string, StoredTensor>> {
  const tensors: Record<string, StoredTensor> = {};
  for (const [name, tensor] of Object.entries(state)) tensors[`${prefix}${name}`] = { dtype: tensor.dtype, shape: tensor.shape, data: await tensor.data() };
  return tensors;
}

async function store(model: Savable): Promise<Stored> {
  if (!model.built)
    throw new CambiumError("state", "save", "the model is not built: it has no weights to save", "give its first layer an inputShape, or fit it first");
  const training = model.compileConfig();
  const tensors = { ...(await numbersOf(model.stateDict(), "model.")), ...(await numbersOf(model.optimizerState(), "optimizer.")) };
  const description: Description = {
    format: "cambium",
    version: 1,
    className: model.className,
    config: model.getConfig(),
    ...(training && { training: { ...training, epochs: model.epochsTrained, random: randomState() } }),
  };
  return { description, tensors };
}

/** A model as one safetensors file, with its description among the metadata. */
export async function toBytes(model: Savable): Promise<Uint8Array<ArrayBuffer>> {
  const { description, tensors } = await store(model);
  return encode(tensors, { [metadataKey]: JSON.stringify(description) });
}

/**
 * Writes a model: to one file when `path` ends in `.safetensors`, or lies where there are no folders, else to a folder with `model.json` and the weights beside it.
 * Whoever reads `path`, even after a crash, finds the old model or the new one, never parts of both.
 */
export async function save(model: Savable, path: string): Promise<void> {
  if (typeof path !== "string" || path === "") throw new CambiumError("value", "save", "needs to know where to save to", 'await model.save("my-model")');
  const files = openFiles("save", path);
  if (!files.folders || path.endsWith(".safetensors")) return files.write(path, await toBytes(model));
  const { description, tensors } = await store(model);
  const old = await weightsFile(path);
  // The description names the weights it belongs to, so replacing it is the one moment at which the model changes.
  const weights = old === "weights.safetensors" ? "weights-2.safetensors" : "weights.safetensors";
  await files.write(`${path}/${weights}`, encode(tensors));
  await files.write(`${path}/${descriptionFile}`, new TextEncoder().encode(`${JSON.stringify({ ...description, weights }, undefined, 2)}\n`));
  if (old !== undefined && old !== weights) await files.remove(`${path}/${old}`);
}

/** The weights that the description in a folder names now, if there is one. */
async function weightsFile(folder: string): Promise<string | undefined> {
  const bytes = await openFiles("save", folder).read(`${folder}/${descriptionFile}`);
  if (!bytes) return undefined;
  try {
    const { weights } = JSON.parse(new TextDecoder().decode(bytes)) as Description;
    return weights === "weights.safetensors" || weights === "weights-2.safetensors" ? weights : undefined;
  } catch {
    return undefined;
  }
}

/**
 * What a saved model can be read from: a path or address, the bytes of one file, a file that the user chose, or the answer to a `fetch`.
 * On the web a folder is addressed by its `model.json`, or by its name.
 */
export type Saved = string | URL | Uint8Array | ArrayBuffer | Blob | Response;

/** What to call it in messages. */
export function whereIs(from: Saved): string {
  if (typeof from === "string" || from instanceof URL) return String(from);
  if (from instanceof Response) return from.url || "the response";
  return (from as Partial<File> | undefined)?.name ?? "loadModel";
}

/**
 * What was saved at an address, or is in bytes.
 * @throws a `file` error when it is missing, damaged or foreign
 */
export async function read(given: Saved): Promise<Stored> {
  const where = whereIs(given);
  const missing = (): CambiumError => new CambiumError("file", where, "there is no such file or folder");
  if (given instanceof Uint8Array) return fromBytes(where, given);
  if (given instanceof ArrayBuffer) return fromBytes(where, new Uint8Array(given));
  if (given instanceof Blob) return fromBytes(where, new Uint8Array(await given.arrayBuffer()));
  if (given instanceof Response) {
    const bytes = await bytesOf(where, given);
    if (!bytes) throw missing();
    return fromBytes(where, bytes);
  }
  if (typeof given !== "string" && !(given instanceof URL))
    throw new CambiumError("value", "loadModel", `got ${given === null ? "null" : typeof given}; it reads an address, bytes, a file or a response`);
  const from = where.replace(/\/model\.json$/, "");
  const files = openFiles("loadModel", from);
  if (!(await files.isFolder(from))) {
    const bytes = await files.read(from);
    if (!bytes) throw missing();
    return fromBytes(from, bytes);
  }
  const path = `${from}/${descriptionFile}`;
  const text = await files.read(path);
  if (!text) throw new CambiumError("file", from, `is not a saved model: it has no ${descriptionFile}`);
  const description = parse(path, new TextDecoder().decode(text));
  const weights = `${from}/${description.weights ?? "weights.safetensors"}`;
  const bytes = await files.read(weights);
  if (!bytes) throw new CambiumError("file", weights, `is missing; ${path} names it`);
  return { description, tensors: decode(bytes, weights).tensors };
}

/** Takes a saved model away, if there is one; of a folder, what `save` wrote into it. */
export async function removeModel(address: string): Promise<void> {
  const files = openFiles("removeModel", address);
  if (!(await files.isFolder(address))) return files.remove(address);
  const weights = await weightsFile(address);
  await files.remove(`${address}/${descriptionFile}`);
  if (weights !== undefined) await files.remove(`${address}/${weights}`);
}

/** The model in the file at `path`, or undefined where there is no such file. */
export async function readIfThere(path: string): Promise<Stored | undefined> {
  const bytes = await openFiles("restore", path).read(path);
  return bytes && fromBytes(path, bytes);
}

/** What was stored, as states of the model and its optimizer. */
export function statesOf({ tensors }: Stored): Record<"model" | "optimizer", StateDict> {
  const state: Record<"model" | "optimizer", StateDict> = { model: {}, optimizer: {} };
  for (const [name, { data, shape, dtype }] of Object.entries(tensors)) {
    const part = name.startsWith("model.") ? "model" : name.startsWith("optimizer.") ? "optimizer" : undefined;
    if (part) state[part][name.slice(part.length + 1)] = fromArray(data, shape, { dtype });
  }
  return state;
}

function fromBytes(where: string, bytes: Uint8Array): Stored {
  const { tensors, metadata } = decode(bytes, where);
  const text = metadata[metadataKey];
  if (text === undefined)
    throw new CambiumError("file", where, "holds tensors, but no description of a model", "load the tensors themselves and give them to model.loadStateDict()");
  return { description: parse(where, text), tensors };
}

function parse(where: string, text: string): Description {
  let found: Partial<Description>;
  try {
    found = JSON.parse(text) as Partial<Description>;
  } catch (error) {
    throw new CambiumError(
      "file",
      where,
      `is damaged: ${error instanceof Error ? error.message : String(error)}`,
      "copy it again, or go back to an older checkpoint",
    );
  }
  if (found?.format !== "cambium" || typeof found.className !== "string" || typeof found.config !== "object" || found.config === null)
    throw new CambiumError("file", where, "does not describe a cambium model");
  if (found.version !== 1) throw new CambiumError("file", where, `has version ${String(found.version)}; this cambium reads version 1`, "update cambium");
  if (found.weights !== undefined && (typeof found.weights !== "string" || /[\\/]/.test(found.weights)))
    throw new CambiumError("file", where, `names ${JSON.stringify(found.weights)} as its weights, which is no file beside it`);
  return found as Description;
}

/** Writes the weights of a model alone. */
export async function saveWeights(model: Pick<Savable, "stateDict">, path: string): Promise<void> {
  if (typeof path !== "string" || path === "")
    throw new CambiumError("value", "saveWeights", "needs to know where to save to", 'await model.saveWeights("weights.safetensors")');
  await openFiles("saveWeights", path).write(path, encode(await numbersOf(model.stateDict(), "")));
}

/** The weights in the file at `path`, by name. */
export async function readWeights(path: string): Promise<StateDict> {
  const bytes = await openFiles("loadWeights", path).read(path);
  if (!bytes) throw new CambiumError("file", path, "there is no such file");
  return Object.fromEntries(Object.entries(decode(bytes, path).tensors).map(([name, { data, shape, dtype }]) => [name, fromArray(data, shape, { dtype })]));
}
