/**
 * A compiled step as plain data: it can be printed, cached, sent to a worker and encoded for any engine.
 *
 * A program is a list of stages run one after another. A stage either holds kernels that do not need each other, whose work is shared out
 * among the threads (or done by one of them, beside the others), or splits `samples` among them: then each thread takes its own samples through all of the stage's kernels,
 * `chunk` samples at a time, so that what passes between these kernels stays in its cache.
 */
import type { DType } from "../base/dtype.ts";
import type { Attrs, Node } from "../graph/node.ts";

/** Where a value lives while the program runs. Offsets are in bytes and multiples of 64. */
export type Home =
  /** Memory given by the caller: `inputs[slot]`. */
  | { readonly at: "input"; readonly slot: number }
  /** Memory given by the caller: `outputs[slot]`. It may be the same memory as an input that the program updates. */
  | { readonly at: "output"; readonly slot: number }
  /** One of the run-time numbers (float64): `scalars[slot]`. */
  | { readonly at: "scalar"; readonly slot: number }
  /** The program's own memory, shared by all threads. */
  | { readonly at: "arena"; readonly offset: number }
  /** Memory of one thread that holds only the samples of the chunk in flight: sample `s` lies at `offset + (s - first of chunk) * bytes / samples`. */
  | { readonly at: "local"; readonly offset: number }
  /** One copy a thread, each the sum over that thread's samples; who loads it gets the sum of all copies, thread 0 first. */
  | { readonly at: "partial"; readonly offset: number }
  /** Inside a loop: where the loop says, at each step anew. */
  | { readonly at: "bound" };

export interface Value {
  readonly home: Home;
  readonly dtype: DType;
  /** How many numbers it holds (over all samples). */
  readonly length: number;
}

/** Numbers a kernel reads or writes at each position of its index space: `value[offset + Σ index[i] * strides[i]]`, in elements. Stride 0 repeats. */
export interface View {
  readonly value: number;
  readonly offset: number;
  readonly strides: readonly number[];
}

/**
 * One step of a body. Its result is the next register. Ops: the names of the elementwise ops, and
 * `number` (attrs.value), `index` (the position along axis attrs.axis of the body's space), `random` (args: seed, stream; attrs.strides
 * and attrs.offset turn the position into the counter), `cast` (attrs.dtype: rounds and saturates nothing, truncates to integers),
 * and in `rows` bodies the folds over the last axis `sum`, `max`, `min`, `prod`, `argMax`, `argMin`, whose result is one number a row.
 */
export interface Instruction {
  readonly op: string;
  readonly args: readonly number[];
  readonly attrs?: Attrs;
}

/**
 * What happens at each position of an index space. Registers are numbered: first what the kernel gives (its own results),
 * then the loads, then the instructions' results. All arithmetic is done in `type`: float64 when a float64 or int32 value takes part.
 */
export interface Body {
  readonly type: "float32" | "float64";
  readonly given: number;
  readonly loads: readonly View[];
  readonly code: readonly Instruction[];
  /** Registers stored. A number-a-row register is stored at positions with index 0 on the last axis. */
  readonly stores: readonly (View & { readonly register: number })[];
}

export interface Geometry {
  readonly samples: number;
  /** Spatial sizes, outermost first (1 to 3 of them). */
  readonly input: readonly number[];
  readonly output: readonly number[];
  /** Size of the kernel or window. */
  readonly window: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly inputDilation: readonly number[];
  /** Padding in front; negative crops. The padding behind follows from `output`. */
  readonly padding: readonly number[];
}

/** What can be asked of matrices. */
export const tasks = ["cholesky", "triangularSolve", "solve", "logDeterminant", "qrFactors", "eighFactors", "svdFactors"] as const;

/** What can be done along an axis. */
export const lineTasks = ["argSort", "cumSum", "cumProd", "cumMax", "cumMin", "logCumSumExp", "searchSorted", "dft"] as const;

export type Kernel =
  /** Index space `dims`; number by number, with folds over the last axis. */
  | { readonly kind: "map"; readonly dims: readonly number[]; readonly body: Body }
  /**
   * Index space `[...outer, ...fold, inner]` is folded to `[...outer, inner]`. `body` makes the number that is folded (its one store has value -1),
   * `finish` (given: the folded number; space `[...outer, inner]`) stores it. In a sample stage fold[0] is the samples and `finish` stores into a partial value only.
   */
  | {
      readonly kind: "reduce";
      readonly op: "sum" | "max" | "min" | "prod" | "argMax" | "argMin";
      readonly outer: readonly number[];
      readonly fold: readonly number[];
      readonly inner: number;
      readonly body: Body;
      readonly finish: Body;
    }
  /** Space `[...batch, m, n]`; `a.strides` are over `[...batch, m, k]`, `b.strides` over `[...batch, k, n]`. `finish` is given the product. */
  | {
      readonly kind: "matmul";
      readonly batch: readonly number[];
      readonly m: number;
      readonly n: number;
      readonly k: number;
      readonly a: View;
      readonly b: View;
      readonly finish: Body;
      /** How threads share the work. */
      readonly split: "batch" | "m" | "n";
    }
  /** x `[samples, ...input, channels]`, w `[...window, channels / groups, filters]`; finish space `[samples, ...output, filters]`. */
  | {
      readonly kind: "conv";
      readonly geometry: Geometry;
      readonly channels: number;
      readonly filters: number;
      readonly groups: number;
      readonly x: number;
      readonly w: number;
      readonly finish: Body;
    }
  /** The gradient of a convolution with respect to its kernel: `out`, shaped like w, is a partial value. */
  | {
      readonly kind: "convKernel";
      readonly geometry: Geometry;
      readonly channels: number;
      readonly filters: number;
      readonly groups: number;
      readonly x: number;
      readonly dy: number;
      readonly out: number;
    }
  /** Pooling; finish space `[samples, ...output, channels]`, given: the result and, for `max`, the winner's place in its window. */
  | { readonly kind: "pool"; readonly mode: "max" | "sum"; readonly geometry: Geometry; readonly channels: number; readonly x: number; readonly finish: Body }
  /** Adjoint of pooling: `dy [samples, ...output, channels]` added to where it came from (`index`; without it to the whole window) in `out [samples, ...input, channels]`. */
  | {
      readonly kind: "unpool";
      readonly geometry: Geometry;
      readonly channels: number;
      readonly dy: number;
      readonly index: number | undefined;
      readonly out: number;
    }
  /** `out[s, o, c] = x[s, the place `index` names in o's window, c]`. */
  | { readonly kind: "poolTake"; readonly geometry: Geometry; readonly channels: number; readonly x: number; readonly index: number; readonly out: number }
  /** `out[o, i, n] = x[o, index[i], n]`, with `outer`, `count` and `inner` of them, `size` along x's axis. Negative or too large indices give zeros. */
  | {
      readonly kind: "gather";
      readonly outer: number;
      readonly size: number;
      readonly count: number;
      readonly inner: number;
      readonly x: number;
      readonly index: number;
      readonly out: number;
    }
  /** `out = zeros [outer, size, inner]; out[o, index[i], n] += x[o, i, n]`, in the order of i. Indices outside are left out. */
  | {
      readonly kind: "scatterAdd";
      readonly outer: number;
      readonly size: number;
      readonly count: number;
      readonly inner: number;
      readonly x: number;
      readonly index: number;
      readonly out: number;
      /** The largest of this and the updates instead of the sum of the updates. */
      readonly least?: number;
    }
  /** `x` of shape `dims` set into `out`, with `low` and `high` more numbers (negative: fewer) at each axis' ends, all `number`. */
  | {
      readonly kind: "pad";
      readonly dims: readonly number[];
      readonly low: readonly number[];
      readonly high: readonly number[];
      readonly number: number;
      readonly x: number;
      readonly out: number;
    }
  /**
   * One matrix problem for each of `batch` matrices x [rows, columns]; solutions also have right sides [rows, width].
   * The op of the task's name in src/ops says what is asked for, and how `out` lies.
   */
  | {
      readonly kind: "factorization";
      readonly task: (typeof tasks)[number];
      readonly batch: number;
      readonly rows: number;
      readonly columns: number;
      readonly width: number;
      readonly upper: boolean;
      readonly transposed: boolean;
      readonly unit: boolean;
      readonly x: number;
      readonly right: number | undefined;
      readonly out: number;
    }
  /**
   * Something done along the middle axis of x [outer, size, inner] (`dft`: [outer, size, inner, 2]); `searchSorted` looks for `second` [outer, count] in it.
   * The op of the task's name in src/ops says what it is; `backward` and `apart` are its settings.
   */
  | {
      readonly kind: "lines";
      readonly task: (typeof lineTasks)[number];
      readonly outer: number;
      readonly size: number;
      readonly count: number;
      readonly inner: number;
      readonly backward: boolean;
      readonly apart: boolean;
      readonly x: number;
      readonly second: number | undefined;
      readonly out: number;
    }
  /** Values mixed by how well keys match, or what flows back; one problem for each of `lead`. */
  | Attention
  /** A body of stages run `steps` times; alone in its stage. */
  | Loop
  /** One op as it is, for engines that do not fuse. A loop gives several results: `parts` says which are wanted, and where they go. */
  | {
      readonly kind: "op";
      readonly node: Node;
      readonly inputs: readonly number[];
      readonly out: number;
      readonly parts?: readonly (readonly [index: number, value: number])[];
    };

/**
 * Shares of `softmax(query · keyᵀ · scale)` for each head, `heads / shared` of which read the same keys and values, times the values.
 * With `flow`, what flows back to query, key and value instead, when that flows back to the result.
 */
export interface Attention {
  readonly kind: "attention";
  readonly lead: readonly number[];
  readonly heads: number;
  readonly shared: number;
  readonly queries: number;
  readonly keys: number;
  readonly features: number;
  readonly depth: number;
  /** Query i looks at keys 0 to i. */
  readonly causal: boolean;
  readonly scale: number;
  /** The score of what a bool mask hides; none: −∞. */
  readonly hidden: number | undefined;
  /** Strides over `[...lead, positions, heads, features or depth]`. */
  readonly query: View;
  readonly key: View;
  readonly value: View;
  readonly flow: View | undefined;
  /** Strides over `[...lead, heads, queries, keys]`; a bool that says where to look, or a number to add to the score. */
  readonly mask: View | undefined;
  /** Where results go, with strides like those of what they are results for: that of the queries, or what flows back to query, key and value. */
  readonly results: readonly View[];
  readonly out: number;
}

/** Value `inner`, whose home is `bound`, stands for `outer`. */
export interface Bond {
  readonly inner: number;
  readonly outer: number;
}

/** At step n of a loop, `before` lies where `after` lay at step n − 1; at step 0, at `start`. `after` lies at `odd` at odd steps, else at `even`. */
export interface Carry {
  readonly before: number;
  readonly after: number;
  readonly start: number;
  readonly even: number;
  readonly odd: number;
}

export interface Loop {
  readonly kind: "loop";
  readonly steps: number;
  /** Whether step 0 takes the last piece of each stack. */
  readonly reverse: boolean;
  /** What is the same at each step. */
  readonly same: readonly Bond[];
  /** Stacks that are read and stacks that are written, whose pieces lie one after the other. */
  readonly reads: readonly Bond[];
  readonly writes: readonly Bond[];
  readonly carries: readonly Carry[];
  /**
   * The carry of truths that tells whether anything changes any more, or −1. Before step n > 0, where as many steps are left as make the last one
   * write where the last of all would, an engine may stop if all its numbers are 0.
   */
  readonly going: number;
  readonly stages: readonly Stage[];
}

export interface Stage {
  /** Split among the threads; 0: the one kernel is split by its own work. */
  readonly samples: number;
  readonly chunk: number;
  /** Too little work to wake other threads for. */
  readonly serial: boolean;
  readonly kernels: readonly Kernel[];
  /** For each kernel the thread that does it alone, or −1; absent: none. Kernels of a stage need each other only where one thread does both. */
  readonly owners?: readonly number[];
}

export interface Program {
  readonly values: readonly Value[];
  readonly inputs: readonly { readonly dtype: DType; readonly length: number }[];
  readonly outputs: readonly { readonly dtype: DType; readonly length: number }[];
  readonly scalars: number;
  readonly stages: readonly Stage[];
  /** Bytes of shared memory, of memory a thread for a chunk, and of memory a thread for partial sums. */
  readonly arena: number;
  readonly local: number;
  readonly partial: number;
}
