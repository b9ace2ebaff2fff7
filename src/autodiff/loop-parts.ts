import type { Node } from "../graph/node.ts";

/** What a loop is made from: nodes of a body, with what they stand for. */
export interface LoopParts {
  readonly steps: number;
  /** Whether the last piece comes first. */
  readonly reverse: boolean;
  readonly carries: readonly (readonly [stand: Node, start: Node])[];
  readonly xs: readonly (readonly [stand: Node, stack: Node])[];
  /** The carries after a step. */
  readonly next: readonly Node[];
  readonly ys: readonly Node[];
  /** Nodes of the body for which another stands inside. */
  readonly inside?: ReadonlyMap<Node, Node>;
  /** Placeholders of another body, with what they stand for outside. */
  readonly outside?: ReadonlyMap<Node, Node>;
  /** The carry of truths that are false once no step changes any carry. */
  readonly going?: number | undefined;
  /** Whether each step draws random numbers of its own from this stream. */
  readonly fresh?: (stream: Node) => boolean;
}
