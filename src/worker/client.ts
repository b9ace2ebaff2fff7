import { CambiumError } from "../base/error.ts";
import { listen, type Port } from "../base/port.ts";
import { handOver } from "../data/handover.ts";
import type { Logs } from "../train/history.ts";
import type { EvaluateOptions, PredictOptions } from "../train/options.ts";
import {
  type Calls,
  type Given,
  type Numbers,
  type Outcome,
  pack,
  type Progress,
  type Reply,
  type Requests,
  type Sendable,
  type Sent,
  type SentFitOptions,
  type Service,
  toError,
} from "./protocol.ts";

export interface ClientFitOptions<D extends string = string> extends SentFitOptions<D> {
  /** Told how far training is, every `progressEvery` milliseconds. */
  onProgress?(progress: Progress): void;
  onEpochEnd?(epoch: number, logs: Logs): void;
  /** Ends training after the step at hand; `fit` then throws the signal's reason. */
  signal?: AbortSignal;
}

type DataOf<S> = S extends Service<infer D, any> ? D : string;
type CallsOf<S> = S extends Service<any, infer C> ? C : Calls;
type Rest<F> = F extends (model: any, ...args: infer A) => unknown ? { [K in keyof A]: Given<A[K]> } : never;
type Answer<F> = F extends (...args: any[]) => infer R ? Sent<Awaited<R>> : never;

interface Waiting {
  resolve(result: any): void;
  reject(error: unknown): void;
  readonly options?: ClientFitOptions;
}

/** A handle on a model in a worker. What it gives are promises; the page has nothing to compute. */
export class Client<S extends Service<any, any> = Service> {
  readonly #port: Port;
  readonly #waiting: Map<number, Waiting> = new Map();
  readonly #deafen: readonly (() => void)[];
  readonly #ready: Promise<void>;
  #open: () => void = () => undefined;
  #lost: CambiumError | undefined;
  #asked = 0;
  #state: "idle" | "training" | "paused" = "idle";

  constructor(port: Port) {
    this.#port = port;
    this.#ready = new Promise((done) => (this.#open = done));
    this.#deafen = [
      listen(port, "message", (reply: Reply) => this.#hear(reply)),
      listen(port, "error", (event: { message?: string } | undefined) => this.#lose(`stopped: ${event?.message ?? "its program could not be loaded"}`)),
      listen(port, "messageerror", () => this.#lose("sent what cannot be received here")),
      listen(port, "exit", () => this.#lose("came to its end")),
    ];
    port.postMessage({ cambium: "hello" });
  }

  /** Whether the model is being fitted. */
  get state(): "idle" | "training" | "paused" {
    return this.#state;
  }

  /**
   * Trains the model: on data that the worker has, by name, or on data from here.
   * @throws what `fit` throws in the worker, and a `state` error while another `fit` goes on
   * @example
   * ```ts
   * const { history } = await model.fit("digits", { epochs: 5, onProgress: ({ logs }) => draw(logs.loss) });
   * ```
   */
  fit(data: DataOf<S>, options?: ClientFitOptions<DataOf<S>>): Promise<Outcome>;
  fit(x: Sendable, y: Sendable, options?: ClientFitOptions<DataOf<S>>): Promise<Outcome>;
  async fit(x: unknown, ...rest: unknown[]): Promise<Outcome> {
    const { data, options } = await source<ClientFitOptions>(x, rest);
    const { onProgress, onEpochEnd, signal, ...sent } = options;
    signal?.throwIfAborted();
    if (this.#state !== "idle") throw new CambiumError("state", "client.fit", "the model is being fitted", "await the fit, or client.stop()");
    this.#state = "training";
    const abort = (): void => void this.stop();
    signal?.addEventListener("abort", abort);
    try {
      if (Array.isArray(sent.validationData)) sent.validationData = (await pack(sent.validationData)) as never;
      const outcome = await this.#ask("fit", { data, options: sent }, { onProgress, onEpochEnd });
      signal?.throwIfAborted();
      return outcome as Outcome;
    } finally {
      signal?.removeEventListener("abort", abort);
      this.#state = "idle";
    }
  }

  /** Holds training after the batch at hand; the promise says that it stands still. Everything else goes on being answered. */
  async pause(): Promise<void> {
    if (this.#state === "training" && (await this.#ask("pause", {})) && this.#state === "training") this.#state = "paused";
  }

  /** Lets training go on. */
  async resume(): Promise<void> {
    if (this.#state === "paused") this.#state = "training";
    await this.#ask("resume", {});
  }

  /** Ends training after the batch at hand: `fit` gives what the epochs so far have come to. The promise says that it has ended. */
  async stop(): Promise<void> {
    if (this.#state !== "idle") await this.#ask("stop", {});
  }

  /** Loss and metrics by name, over data that the worker has or data from here. */
  evaluate(data: DataOf<S>, options?: EvaluateOptions): Promise<Logs>;
  evaluate(x: Sendable, y: Sendable, options?: EvaluateOptions): Promise<Logs>;
  async evaluate(x: unknown, ...rest: unknown[]): Promise<Logs> {
    return this.#ask("evaluate", await source<EvaluateOptions>(x, rest)) as Promise<Logs>;
  }

  /** What the model makes of samples, also while it is being fitted: then by the weights between two batches. */
  async predict<R = Numbers>(x: Sendable, options: PredictOptions = {}): Promise<R> {
    return this.#ask("predict", { x: (await pack(x)) as Sendable, options }) as Promise<R>;
  }

  /** What one of the worker's own functions (`calls`) makes of `args`. */
  async call<K extends keyof CallsOf<S> & string>(name: K, ...args: Rest<CallsOf<S>[K]>): Promise<Answer<CallsOf<S>[K]>> {
    return this.#ask("call", { name, args: (await pack(args as readonly unknown[])) as unknown[] }) as Promise<Answer<CallsOf<S>[K]>>;
  }

  /** Saves the model from within the worker, at `"indexeddb://…"` or `"opfs://…"`. */
  async save(path: string): Promise<void> {
    await this.#ask("save", { path });
  }

  /** The model as the bytes of one file: `loadModel(await client.toBytes())` has it here. */
  toBytes(): Promise<Uint8Array<ArrayBuffer>> {
    return this.#ask("bytes", {}) as Promise<Uint8Array<ArrayBuffer>>;
  }

  /** Gives the model to the user as a file. */
  async download(name = "model.safetensors"): Promise<void> {
    handOver(await this.toBytes(), name);
  }

  /** Puts a saved model in the place of the worker's: from an address, the bytes of one (`await model.toBytes()`), or a file the user picked. */
  async load(from: string | URL | Uint8Array | ArrayBuffer | Blob): Promise<void> {
    await this.#ask("load", { from: from instanceof URL ? String(from) : from });
  }

  /** Ends the worker, whatever it does. */
  close(): void {
    this.#lose("was closed");
    for (const deafen of this.#deafen) deafen();
    if (this.#port.terminate) void this.#port.terminate();
    else this.#port.close?.();
  }

  async #ask<K extends keyof Requests>(what: K, request: Requests[K], options?: ClientFitOptions): Promise<unknown> {
    await this.#ready;
    if (this.#lost) throw this.#lost;
    const cambium = this.#asked++;
    return new Promise((resolve, reject) => {
      try {
        this.#port.postMessage({ cambium, what, ...request });
      } catch (error) {
        const problem = error instanceof Error ? error.message : String(error);
        return reject(
          new CambiumError(
            "value",
            `client.${what}`,
            `got what cannot be sent to a worker: ${problem}`,
            "functions and callbacks belong into the worker: serve({ … })",
          ),
        );
      }
      this.#waiting.set(cambium, { resolve, reject, options });
    });
  }

  #hear(reply: Reply): void {
    // Others may use the same worker.
    if (typeof reply !== "object" || reply === null || reply.cambium === undefined) return;
    if (reply.cambium === "ready") return this.#open();
    const waiting = this.#waiting.get(reply.cambium as number);
    if (!waiting) return;
    if ("progress" in reply) return waiting.options?.onProgress?.(reply.progress);
    if ("epoch" in reply) return waiting.options?.onEpochEnd?.(reply.epoch, reply.logs);
    this.#waiting.delete(reply.cambium as number);
    if ("problem" in reply) waiting.reject(toError(reply.problem));
    else if ("result" in reply) waiting.resolve(reply.result);
  }

  #lose(what: string): void {
    this.#lost ??= new CambiumError(
      "state",
      "connect",
      `the worker ${what}`,
      what.startsWith("stopped") ? 'its own error is on the console; a worker that imports needs { type: "module" }' : undefined,
    );
    this.#open();
    for (const { reject } of this.#waiting.values()) reject(this.#lost);
    this.#waiting.clear();
  }
}

/**
 * A handle on the model that a worker serves.
 * @example
 * ```ts
 * const model = connect<typeof service>(new Worker(new URL("./worker.ts", import.meta.url), { type: "module" }));
 * ```
 */
export const connect = <S extends Service<any, any> = Service>(worker: Port): Client<S> => new Client<S>(worker);

/** Data by name, or `[x, y]`, and the options behind it. */
async function source<O>(x: unknown, rest: readonly unknown[]): Promise<{ data: string | Sendable[]; options: O }> {
  if (typeof x === "string") return { data: x, options: (rest[0] ?? {}) as O };
  return { data: (await pack([x, rest[0]])) as Sendable[], options: (rest[1] ?? {}) as O };
}
