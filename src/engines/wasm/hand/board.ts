/** What the caller's thread and the hands beside it tell each other: words of a memory they share. */
export const board = {
  /** Rung whenever there is something new: in the low byte how many hands are wanted, above it how often it was rung. */
  bell: 0,
  /** Who sleeps until it rings. */
  asleep: 1,
  /** The program to go through, its first desk, and bytes from one desk to the next. */
  program: 2,
  desks: 3,
  step: 4,
  /** Set when somebody has come to grief: whoever waits for others gives up. */
  broken: 5,
  /** For each of up to 256 hands: messages it was sent and has read, and the latest bell it has done with. */
  sent: 64,
  read: 320,
  done: 576,
  words: 832,
};

/** What a hand is sent. */
export type Mail =
  | { readonly board: SharedArrayBuffer; readonly index: number; readonly round: number; readonly asleep: number }
  | { readonly program: number; readonly module: WebAssembly.Module; readonly memory: WebAssembly.Memory }
  | { readonly forget: number };
