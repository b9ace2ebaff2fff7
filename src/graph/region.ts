import type { Node } from "./node.ts";

let count = 0;

/** A graph of its own on placeholders: what a loop does at each step. Nobody else holds its nodes, so they never get values. */
export class Region {
  /** The placeholders, in the order of the values they stand for. */
  readonly inputs: readonly Node[];
  readonly results: readonly Node[];
  readonly #number: number = ++count;

  constructor(inputs: readonly Node[], results: readonly Node[]) {
    this.inputs = inputs;
    this.results = results;
  }

  /** Settings are compared as text. */
  toJSON(): string {
    return `region ${this.#number}`;
  }
}

/**
 * The settings of a loop. Its inputs are `carries` start values, `xs` values cut along axis 0 (a piece a step), and values that are the same at each step;
 * the body's inputs stand for them in that order. The body's results are the carries after a step, then what is stacked along axis 0.
 * The parts of a loop are the carries after the last step and the stacks.
 */
export interface LoopAttrs {
  readonly [name: string]: unknown;
  readonly steps: number;
  /** Whether the last piece comes first. */
  readonly reverse: boolean;
  readonly carries: number;
  readonly xs: number;
  readonly body: Region;
  /** A carry of truths: once all are false, no step changes any carry, so that an engine may stop. */
  readonly going?: number;
}

export const isLoop = (node: Node): boolean => node.op?.kind === "loop";

/** Whether a node is a result of a loop: a value, whereas a macro's part is only a name for one. */
export const isLoopPart = (node: Node): boolean => node.op?.name === "part" && isLoop(node.inputs[0]!);

export const loopAttrs = (node: Node): LoopAttrs => node.attrs as LoopAttrs;
