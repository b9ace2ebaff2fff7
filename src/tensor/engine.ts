import { chooseEngine } from "../engines/choose.ts";
import type { Engine } from "../engines/engine.ts";
import { currentEngine, setEngine, whenNeeded } from "./evaluate.ts";

/** Computes with the engine called `name` from now on: "native", "wasm" or "reference". */
export function useEngine(name: string): void {
  setEngine(chooseEngine(name).engine);
}

/** The engine in use; the best that works here is chosen when it is first needed. The environment variable CAMBIUM_ENGINE names another. */
export const engine = (): Engine => currentEngine();

whenNeeded(() => {
  const wish = (globalThis as { process?: { env?: Record<string, string | undefined> } }).process?.env?.CAMBIUM_ENGINE;
  const { engine, passedOver } = chooseEngine(wish || undefined);
  for (const { name, reason } of passedOver)
    console.warn(`cambium: computing with the ${engine.name} engine, because the ${name} engine does not work here: ${reason}`);
  return engine;
});
