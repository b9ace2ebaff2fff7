/** What a browser keeps of models, and how they leave it. */
import { CambiumError } from "../base/error.ts";
import { type Kept, listable, openFiles } from "../data/files.ts";
import { handOver } from "../data/handover.ts";
import type { Model } from "./model.ts";

/**
 * What `save` has written in this browser: at `"indexeddb://"`, at `"opfs://"`, or, without a place, at both.
 * @throws an `engine` error where the place does not exist, a `value` error for one that has folders
 */
export async function listModels(place?: string): Promise<readonly Kept[]> {
  if (place === undefined) return (await Promise.all(listable().map((files) => files.list!().catch(unlessAbsent)))).flat();
  const files = openFiles("listModels", place);
  if (!files.list) throw new CambiumError("value", "listModels", `${JSON.stringify(place)} has no list of models`, '"indexeddb://" and "opfs://" have');
  return files.list();
}

function unlessAbsent(error: unknown): readonly Kept[] {
  if (error instanceof CambiumError && error.code === "engine") return [];
  throw error;
}

/**
 * Gives a model to the user as a file, which the browser puts where downloads go. `loadModel` reads it again from the file the user picks.
 * @throws an `engine` error where there is no page: in Node, and in a worker
 */
export const download = async (model: Model, name: string = `${model.name}.safetensors`): Promise<void> => handOver(await model.toBytes(), name);
