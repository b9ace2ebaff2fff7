import { CambiumError } from "../base/error.ts";
import type { Node } from "../graph/node.ts";

/** A handle whose node and gradient may change: a tensor. */
export interface Handle {
  leaf: Node;
  grad: Handle | undefined;
}

/** What a traced function changed: `tensor` held `from` and now holds `to`. */
export interface Change {
  readonly tensor: Handle;
  readonly from: Node;
  readonly to: Node;
}

/** What a function did to tensors outside of it while it was traced; undone at the end, and done again by every run of the program. */
export class Trace {
  private readonly before = new Map<Handle, Node>();
  private readonly grads = new Map<Handle, Handle | undefined>();
  /** What trained tensors have been changed into so far: there gradients end, as they do at leaves. */
  readonly renewed: Map<Node, Handle> = new Map();

  /** To be called before `tensor` gets another node. */
  touch(tensor: Handle): void {
    if (this.before.has(tensor)) return;
    if (tensor.leaf.op && !tensor.leaf.value)
      throw new CambiumError(
        "state",
        "assign",
        "a tensor changed inside a compiled function must have been computed before",
        "read it once (`x.dataSync()`) after making it",
      );
    this.before.set(tensor, tensor.leaf);
  }

  /** To be called before `tensor.grad` changes. */
  touchGrad(tensor: Handle): void {
    if (!this.grads.has(tensor)) this.grads.set(tensor, tensor.grad);
  }

  /** How many tensors have got another gradient. */
  get graded(): number {
    return this.grads.size;
  }

  /** Puts everything back and says which tensors the function changed, into which nodes. */
  undo(): Change[] {
    const changes = [...this.before].map(([tensor, from]) => ({ tensor, from, to: tensor.leaf }));
    for (const { tensor, from } of changes) tensor.leaf = from;
    for (const [tensor, grad] of this.grads) tensor.grad = grad;
    return changes.filter(({ from, to }) => from !== to);
  }
}

let current: Trace | undefined;

/** The trace under way, if a function is being traced. */
export const currentTrace = (): Trace | undefined => current;

let differentiating = 0;

/** Whether a compiled function called now becomes part of a larger graph: of one being traced, or of one whose derivative is taken. */
export const isInlining = (): boolean => current !== undefined || differentiating > 0;

/** Runs `f` so that compiled functions in it show their graph, which a derivative needs. */
export function inlining<T>(f: () => T): T {
  differentiating++;
  try {
    return f();
  } finally {
    differentiating--;
  }
}

/** Runs `f` so that nothing it does to tensors has an effect yet. `graded` counts the tensors whose gradient it changed. */
export function traced<T>(f: () => T): { result: T; changes: Change[]; graded: number } {
  const outer = current;
  const trace = new Trace();
  current = trace;
  try {
    const result = f();
    return { result, changes: trace.undo(), graded: trace.graded };
  } catch (error) {
    trace.undo();
    throw error;
  } finally {
    current = outer;
  }
}
