import { CambiumError } from "../base/error.ts";

/** Whether `bytes` are gzip. */
export const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;

/**
 * The content of gzip `bytes`.
 * @throws a `file` error when they are damaged, cut short, or not gzip
 */
export async function gunzip(bytes: Uint8Array<ArrayBuffer>, where = "gzip data"): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const content = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(content).arrayBuffer());
  } catch (error) {
    throw new CambiumError(
      "file",
      where,
      `cannot be unzipped: ${error instanceof Error ? error.message : error}`,
      "the file is damaged or cut short; copy or download it again",
    );
  }
}
