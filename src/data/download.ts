import { CambiumError } from "../base/error.ts";

/** How a download behaves; times are in milliseconds. */
export interface DownloadOptions {
  /** Rounds over all addresses before giving up; 3. */
  rounds?: number;
  /** The pause before the second round, doubled before each later one; 500. */
  pause?: number;
  /** The longest wait for the next bytes; 20,000. */
  patience?: number;
  /** Refuses the bytes by throwing, so that the next address is tried. */
  check?: (bytes: Uint8Array<ArrayBuffer>) => Promise<void>;
  /** Hears of every piece that arrives. */
  progress?: (done: number) => void;
}

/** A server's answer that asking again will not change. */
class Refusal extends Error {}

/**
 * The bytes at the first of `addresses` that gives what `check` accepts.
 * @throws a `data` error that says what each address answered
 */
export async function download(where: string, addresses: readonly string[], options: DownloadOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
  const { rounds = 3, pause = 500, patience = 20_000, check, progress } = options;
  const answers = new Map<string, string>();
  const refused = new Set<string>();
  for (let round = 0; round < rounds && refused.size < addresses.length; round++) {
    if (round > 0) await new Promise((resume) => setTimeout(resume, pause * 2 ** (round - 1)));
    for (const address of addresses) {
      if (refused.has(address)) continue;
      try {
        const bytes = await get(address, patience, progress);
        await check?.(bytes);
        return bytes;
      } catch (error) {
        answers.set(address, describe(error));
        if (error instanceof Refusal) refused.add(address);
      }
    }
  }
  throw new CambiumError("data", where, `cannot be downloaded; ${[...answers].map(([address, answer]) => `${address}: ${answer}`).join("; ")}`);
}

async function get(address: string, patience: number, progress?: (done: number) => void): Promise<Uint8Array<ArrayBuffer>> {
  const abort = new AbortController();
  const wait = (): ReturnType<typeof setTimeout> => setTimeout(() => abort.abort(new Error(`sent nothing for ${patience} ms`)), patience);
  let timer = wait();
  try {
    const response = await fetch(address, { signal: abort.signal });
    if (!response.ok || !response.body) {
      const answer = `status ${response.status}`;
      throw response.status >= 500 || response.status === 408 || response.status === 429 ? new Error(answer) : new Refusal(answer);
    }
    const pieces: Uint8Array[] = [];
    let length = 0;
    const reader = response.body.getReader();
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      clearTimeout(timer);
      timer = wait();
      pieces.push(piece.value);
      length += piece.value.length;
      progress?.(length);
    }
    const bytes = new Uint8Array(length);
    let at = 0;
    for (const piece of pieces) {
      bytes.set(piece, at);
      at += piece.length;
    }
    return bytes;
  } finally {
    clearTimeout(timer);
    abort.abort();
  }
}

/** fetch says only "fetch failed"; the reason is in its cause. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message} (${error.cause.message || (error.cause as { code?: string }).code})` : error.message;
}
