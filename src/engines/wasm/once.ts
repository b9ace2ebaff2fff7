/** Functions that several kernels of a module share. */
import type { Callable, ModuleBuilder } from "./assembler.ts";

const made = new WeakMap<ModuleBuilder, Map<string, Callable>>();

/** The function of this name, written where it is first asked for. The name says all that distinguishes it. */
export function once(module: ModuleBuilder, name: string, write: () => Callable): Callable {
  let functions = made.get(module);
  if (!functions) made.set(module, (functions = new Map()));
  let known = functions.get(name);
  if (!known) functions.set(name, (known = write()));
  return known;
}
