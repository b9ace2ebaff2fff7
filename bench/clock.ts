/** How much of a program's time passes inside of the engine; the rest is JavaScript's. */
import { engine } from "cambium";

let inside = 0;
let watched = false;

/** From now on, programs that are prepared add to the clock whenever they run. */
export function watchEngine(): void {
  if (watched) return;
  watched = true;
  const current = engine();
  const prepare = current.prepare.bind(current);
  current.prepare = (program) => {
    const prepared = prepare(program);
    return {
      run(inputs, outputs, scalars) {
        const begin = performance.now();
        prepared.run(inputs, outputs, scalars);
        inside += performance.now() - begin;
      },
    };
  };
}

/** What `run` gives, and the share of its time, from 0 to 1, that was not the engine's. */
export async function withShareOutside<T>(run: () => Promise<T>): Promise<[result: T, outside: number]> {
  const before = inside;
  const begin = performance.now();
  const result = await run();
  return [result, 1 - (inside - before) / (performance.now() - begin)];
}
