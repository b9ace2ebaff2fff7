import { CambiumError } from "../base/error.ts";
import { listen, type Port } from "../base/port.ts";
import { suggest, unknownName } from "../base/text.ts";
import { loadModel } from "../models/load.ts";
import type { Model } from "../models/model.ts";
import { fromArray } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Hooks, Rest } from "../train/callback.ts";
import { History } from "../train/history.ts";
import { currentPlace } from "../train/place.ts";
import { isBatches } from "../train/source.ts";
import { type Calls, isObject, type Numbers, type Outcome, pack, type Reply, type Request, type Requests, type Service, toProblem } from "./protocol.ts";

/** What a worker serves. */
export interface ServeOptions<M extends Model, D extends Readonly<Record<string, () => unknown>>, C extends Calls> {
  /** The model, compiled if it is to be fitted, or what makes it; without it, one has to be sent: `client.load(bytes)`. */
  model?: M | (() => M | Promise<M>);
  /** Data by name, made when it is first needed: what gives `[x, y]`, or batches. */
  data?: D;
  /** Callbacks of each `fit`: those that a page cannot send. */
  callbacks?: () => Hooks | readonly Hooks[];
  /** Functions of your own for the page, with the model first: `client.call("name", ...)`. */
  calls?: C & Calls<M>;
}

type Job = Extract<Request, { what: string }>;

/** A `fit` at hand. */
interface Run {
  readonly abort: AbortController;
  paused: boolean;
  /** Told when training stands still, or will not. */
  readonly held: ((still: boolean) => void)[];
  /** Told when it has ended. */
  readonly ended: (() => void)[];
  /** Ends a wait for something to happen. */
  wake: () => void;
}

/**
 * Serves a model from a worker: whoever holds the other end (`connect` in `cambium/worker`) can fit it, ask it, pause and stop it, while the page stays free.
 * @throws a `state` error where this is no worker and no port is given
 * @example
 * ```ts
 * const service = serve({ model: () => makeModel(), data: { digits: async () => (await datasets.digits())[0] } });
 * export type Digits = typeof service;
 * ```
 */
export function serve<
  M extends Model = Model,
  D extends Readonly<Record<string, () => unknown>> = Record<never, () => unknown>,
  C extends Calls = Record<never, never>,
>(options: ServeOptions<M, D, C> = {}, port: Port | undefined = currentPlace().parent): Service<keyof D & string, C> {
  if (!port)
    throw new CambiumError(
      "state",
      "serve",
      "this is no worker, so nobody can ask",
      'the page starts one: new Worker(new URL("./worker.ts", import.meta.url), { type: "module" })',
    );
  return new Server(options, port);
}

class Server implements Service<any, any> {
  readonly #options: ServeOptions<Model, Readonly<Record<string, () => unknown>>, Calls>;
  readonly #port: Port;
  readonly #deafen: () => void;
  readonly #jobs: Job[] = [];
  readonly #data: Map<string, unknown> = new Map();
  #model: Promise<Model> | undefined;
  #run: Run | undefined;
  #busy = false;

  constructor(options: ServeOptions<any, any, any>, port: Port) {
    this.#options = options;
    this.#port = port;
    this.#deafen = listen(port, "message", (request: Request) => this.#hear(request));
    this.#post({ cambium: "ready" });
  }

  close(): void {
    this.#run?.abort.abort();
    this.#deafen();
  }

  #post(reply: Reply, transfer: ArrayBuffer[] = []): void {
    this.#port.postMessage(reply, transfer);
  }

  #hear(request: Request): void {
    if (typeof request !== "object" || request === null || request.cambium === undefined) return;
    if (request.cambium === "hello") return this.#post({ cambium: "ready" });
    const job = request as Job;
    if (job.what === "pause" || job.what === "resume" || job.what === "stop") this.#steer(job);
    else {
      this.#jobs.push(job);
      if (!this.#busy) void this.#work();
    }
    this.#run?.wake();
  }

  /** Answers with whether there is something to steer. */
  #steer({ what, cambium }: Job): void {
    const run = this.#run;
    const answer = (result: boolean): void => this.#post({ cambium, result });
    if (!run) return answer(false);
    if (what === "stop") {
      run.abort.abort();
      run.ended.push(() => answer(true));
    } else if (what === "pause") {
      run.paused = true;
      run.held.push(answer);
    } else {
      run.paused = false;
      for (const held of run.held.splice(0)) held(false);
      answer(true);
    }
  }

  async #work(): Promise<void> {
    this.#busy = true;
    for (let job = this.#jobs.shift(); job; job = this.#jobs.shift()) await this.#do(job);
    this.#busy = false;
  }

  async #do(job: Job): Promise<void> {
    const { cambium } = job;
    try {
      const result = await this.#answer(job);
      this.#post({ cambium, result }, job.what === "bytes" ? [(result as Uint8Array<ArrayBuffer>).buffer] : []);
    } catch (error) {
      this.#post({ cambium, problem: toProblem(error) });
    }
  }

  async #answer(job: Job): Promise<unknown> {
    if (job.what === "load") {
      this.#expectFree("load");
      const loaded = await loadModel(job.from);
      this.#model = Promise.resolve(loaded);
      return;
    }
    const model = await this.#theModel();
    switch (job.what) {
      case "fit":
        return this.#fit(model, job);
      case "evaluate":
        return (model.evaluate as (...given: unknown[]) => Promise<unknown>)(...(await this.#find("evaluate", job.data)), { ...job.options, returnDict: true });
      case "predict":
        return pack(await model.predict(unpack(job.x) as Tensor, job.options));
      case "call": {
        const calls = this.#options.calls ?? {};
        const call = Object.hasOwn(calls, job.name) ? calls[job.name] : undefined;
        if (!call) throw unknownName("client.call", "function", job.name, Object.keys(calls));
        return pack(await call(model, ...job.args.map(unpack)));
      }
      case "save":
        return model.save(job.path);
      case "bytes":
        return model.toBytes();
    }
  }

  #expectFree(what: string): void {
    if (this.#run) throw new CambiumError("state", `client.${what}`, "the model is being fitted", "await the fit, or client.stop()");
  }

  #theModel(): Promise<Model> {
    const { model } = this.#options;
    if (!this.#model && model === undefined)
      throw new CambiumError("state", "serve", "the worker has no model yet", "serve({ model }), or send one: client.load(await model.toBytes())");
    return (this.#model ??= (async () => (typeof model === "function" ? model() : model!))().catch((error: unknown) => {
      this.#model = undefined;
      throw error;
    }));
  }

  /** `[x, y]`, or `[batches]`. */
  async #find(where: string, data: Requests["fit"]["data"]): Promise<unknown[]> {
    if (typeof data !== "string") return (unpack(data) as unknown[]).slice(0, 2);
    const made = await this.#named(where, data);
    return Array.isArray(made) && made.length >= 2 ? made.slice(0, 2) : [made];
  }

  async #named(where: string, name: string): Promise<unknown> {
    if (this.#data.has(name)) return this.#data.get(name);
    const known = this.#options.data ?? {};
    const make = Object.hasOwn(known, name) ? known[name]! : undefined;
    if (!make)
      throw new CambiumError(
        "name",
        `client.${where}`,
        `the worker has no data called "${name}"`,
        Object.keys(known).length > 0 ? suggest(name, Object.keys(known)) : undefined,
      );
    const made = await make();
    // A generator is used up by going through it: what makes one is what can be gone through again.
    const data = isBatches(made) && "next" in made ? make : made;
    this.#data.set(name, data);
    return data;
  }

  async #fit(model: Model, { cambium, data, options }: Job & { what: "fit" }): Promise<Outcome> {
    this.#expectFree("fit");
    const run: Run = { abort: new AbortController(), paused: false, held: [], ended: [], wake: () => undefined };
    this.#run = run;
    const { progressEvery = 100, validationData, ...rest } = options;
    const history = new History();
    const { epochs = 1 } = options;
    let told = Number.NEGATIVE_INFINITY;
    const tell: Hooks = {
      onEpochEnd: (epoch, logs) => this.#post({ cambium, epoch, logs: { ...logs } }),
      onRest: async (at) => {
        if (performance.now() - told >= progressEvery) {
          const { logs, ...stand } = at;
          this.#post({ cambium, progress: { ...stand, epochs, logs: await logs() } });
          told = performance.now();
        }
        await this.#rest(run, at);
      },
    };
    const own = this.#options.callbacks?.() ?? [];
    const given = {
      verbose: 0,
      ...(unpack(rest) as object),
      ...(validationData !== undefined && {
        validationData: typeof validationData === "string" ? await this.#named("fit", validationData) : unpack(validationData),
      }),
      signal: run.abort.signal,
      callbacks: [...(Array.isArray(own) ? own : [own]), tell, history],
    };
    try {
      await (model.fit as (...given: unknown[]) => Promise<unknown>)(...(await this.#find("fit", data)), given);
    } catch (error) {
      if (!run.abort.signal.aborted || error !== run.abort.signal.reason) throw error;
    } finally {
      this.#run = undefined;
      for (const held of run.held) held(false);
      for (const ended of run.ended) ended();
    }
    return { epoch: history.epoch, history: history.history };
  }

  /** Between two batches: everybody else's turn, and as long as training is held, nobody else's. */
  async #rest(run: Run, { examining }: Rest): Promise<void> {
    for (;;) {
      // An examination that runs keeps its sums where another would.
      for (let at = 0; at < this.#jobs.length; ) {
        if (examining && this.#jobs[at]!.what === "evaluate") at++;
        else await this.#do(this.#jobs.splice(at, 1)[0]!);
      }
      if (!run.paused || run.abort.signal.aborted) return;
      for (const held of run.held.splice(0)) held(true);
      await new Promise<void>((wake) => (run.wake = wake));
    }
  }
}

const isNumbers = (value: object): value is Numbers => "dtype" in value && "shape" in value && "data" in value && ArrayBuffer.isView(value.data);

/** `Numbers` as tensors, within lists and records too. */
function unpack(value: unknown): unknown {
  if (!isObject(value) || ArrayBuffer.isView(value)) return value;
  if (isNumbers(value)) return fromArray(value.data, [...value.shape], { dtype: value.dtype });
  if (Array.isArray(value)) return value.some(isObject) ? value.map(unpack) : value;
  return Object.getPrototypeOf(value) === Object.prototype ? Object.fromEntries(Object.entries(value).map(([name, one]) => [name, unpack(one)])) : value;
}
