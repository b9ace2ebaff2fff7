/** What an engine can do, as far as the compiler has to know. */
export interface Target {
  /** One kernel an op, nothing fused: for the reference. */
  readonly plain: boolean;
  /** Threads a step may use. Programs are compiled for this number, so that results do not depend on how busy the machine is. */
  readonly threads: number;
  /** Bytes of fast memory a thread has to itself: what a chunk of samples should fit into. */
  readonly cache: number;
  /** Composite ops, by name, for which it has kernels of its own; all others reach it in parts. */
  readonly composites?: ReadonlySet<string>;
}
