import { CambiumError } from "../base/error.ts";
import { readIfThere, writeAtomically } from "../data/node.ts";
import { decode, encode, type Safetensors } from "../data/safetensors.ts";

export { writeAtomically };

/**
 * The tensors and metadata of a safetensors file.
 * @throws a `file` error when it is missing, damaged or foreign
 */
export async function readSafetensors(path: string): Promise<Safetensors> {
  const bytes = await readIfThere(path);
  if (!bytes) throw new CambiumError("file", path, "there is no such file");
  return decode(bytes, path);
}

/**
 * Writes tensors as a safetensors file; a crash leaves the file as it was.
 * @throws a `file` error when the folder cannot be written, else as `encode`
 */
export async function writeSafetensors(path: string, tensors: Safetensors["tensors"], metadata?: Record<string, string>): Promise<void> {
  await writeAtomically(path, encode(tensors, metadata));
}
