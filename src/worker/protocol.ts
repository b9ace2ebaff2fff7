/** What a page and a worker that serves a model say to each other. */
import { CambiumError, type ErrorCode } from "../base/error.ts";
import type { DType, TypedArray } from "../base/dtype.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Rest } from "../train/callback.ts";
import type { Data } from "../train/feed.ts";
import type { History, Logs } from "../train/history.ts";
import type { FitOptions } from "../train/options.ts";
import type { Several } from "../train/structure.ts";

/** A tensor as it goes from one thread to another: `tensor(data).reshape(shape)` makes one of it. */
export interface Numbers {
  readonly data: TypedArray;
  readonly shape: readonly number[];
  readonly dtype: DType;
}

/** Data that can be sent: what `fit` takes, and `Numbers`. */
export type Sendable = Several<Data | Numbers>;

/** What becomes of a value on its way: tensors turn into `Numbers`, also within lists and records. */
export type Sent<T> = T extends Tensor
  ? Numbers
  : T extends ArrayBufferView | ArrayBuffer | string | number | boolean | null | undefined
    ? T
    : T extends readonly unknown[]
      ? { readonly [K in keyof T]: Sent<T[K]> }
      : T extends object
        ? { readonly [K in keyof T]: Sent<T[K]> }
        : T;

/** What may be given where a function in the worker takes `T`. */
export type Given<T> = T extends Tensor ? Tensor | Numbers : T;

/** Functions of one's own that run in the worker, with the model first. */
export type Calls<M = any> = Readonly<Record<string, (model: M, ...args: any[]) => unknown>>;

/** What a worker serves, for the types of who asks: `connect<typeof service>(worker)`. */
export interface Service<D extends string = string, C extends Calls = Calls> {
  /** Ends the service. */
  close(): void;
  /** Only for the compiler. */
  readonly types?: { readonly data: D; readonly calls: C };
}

/** How far a run is. */
export interface Progress extends Omit<Rest, "logs"> {
  readonly epochs: number;
  /** The means of the epoch so far. */
  readonly logs: Logs;
}

/** What `fit` has come to. */
export type Outcome = Pick<History, "epoch" | "history">;

/** The options of `fit` that can be sent. */
export interface SentFitOptions<D extends string = string> extends Omit<FitOptions, "callbacks" | "signal" | "validationData"> {
  /** Data the worker has, by name, or data itself. */
  validationData?: D | readonly [x: Sendable, y: Sendable, sampleWeight?: Sendable];
  /** How often progress is told, in milliseconds. Default 100. */
  progressEvery?: number;
}

/** What is asked of a worker. `pause`, `resume` and `stop` are answered at once, the rest one after the other, between two batches if a model is being fitted. */
export interface Requests {
  fit: { data: string | readonly Sendable[]; options: SentFitOptions };
  evaluate: { data: string | readonly Sendable[]; options: object };
  predict: { x: Sendable; options: object };
  call: { name: string; args: readonly unknown[] };
  save: { path: string };
  bytes: Record<string, never>;
  load: { from: string | Uint8Array | ArrayBuffer | Blob };
  pause: Record<string, never>;
  resume: Record<string, never>;
  stop: Record<string, never>;
}

/** To the worker. */
export type Request = { [K in keyof Requests]: { readonly cambium: number; readonly what: K } & Requests[K] }[keyof Requests] | Greeting;

/** Either side says so when it begins to listen, and answers the other once. */
export interface Greeting {
  readonly cambium: "hello" | "ready";
}

/** To the page. */
export type Reply =
  | Greeting
  | { readonly cambium: number; readonly result: unknown }
  | { readonly cambium: number; readonly problem: Problem }
  | { readonly cambium: number; readonly progress: Progress }
  | { readonly cambium: number; readonly epoch: number; readonly logs: Logs };

/** An error as plain data. */
export interface Problem {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly code: ErrorCode | undefined;
  readonly where: string;
  readonly hint: string | undefined;
}

export function toProblem(error: unknown): Problem {
  const { name, message, stack } = error instanceof Error ? error : { name: "Error", message: String(error), stack: undefined };
  const known = error instanceof CambiumError ? error : undefined;
  return { name, message, stack, code: known?.code, where: known?.where ?? "", hint: known?.hint };
}

/** The error again, on the other side. */
export function toError({ name, message, stack, code, where, hint }: Problem): Error {
  const error = code
    ? new CambiumError(code, where, message.slice(where.length + 2, hint === undefined ? undefined : -`\n  hint: ${hint}`.length), hint)
    : Object.assign(new Error(message), { name });
  if (stack !== undefined) error.stack = stack;
  return error;
}

interface TensorLike extends Omit<Numbers, "data"> {
  data(): Promise<Numbers["data"]>;
}

/** Long lists of numbers hold nothing to look for. */
export const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

/** Tensors as `Numbers`, within lists and records too. They are known by their form: a page that only asks need not load what computes. */
export async function pack(value: unknown): Promise<unknown> {
  if (!isObject(value) || ArrayBuffer.isView(value)) return value;
  if (typeof (value as TensorLike).data === "function") {
    const { shape, dtype } = value as TensorLike;
    return { data: await (value as TensorLike).data(), shape: [...shape], dtype } satisfies Numbers;
  }
  if (Array.isArray(value)) return value.some(isObject) ? Promise.all(value.map(pack)) : value;
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(await Promise.all(Object.entries(value).map(async ([name, one]) => [name, await pack(one)] as const)));
}
