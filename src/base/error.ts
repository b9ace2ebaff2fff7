/** What kind of mistake it was. Stable: programs may branch on it. */
export type ErrorCode =
  | "shape" // sizes do not fit together
  | "dtype" // number types do not fit together
  | "value" // an argument is outside what is allowed
  | "name" // an unknown name
  | "data" // the numbers or labels given are unusable
  | "state" // something is used too early, too late, or twice
  | "engine" // the engine cannot do it here
  | "file"; // a file is missing, damaged or foreign

/**
 * What cambium throws: where it happened, what was wrong, and, when it can be guessed, how to mend it.
 * `message` reads `where: problem`, followed by a `hint:` line when there is one.
 */
export class CambiumError extends Error {
  override readonly name: string = "CambiumError";
  readonly code: ErrorCode;
  readonly where: string;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, where: string, problem: string, hint?: string) {
    super(`${where}: ${problem}${hint ? `\n  hint: ${hint}` : ""}`);
    this.code = code;
    this.where = where;
    this.hint = hint;
  }
}
