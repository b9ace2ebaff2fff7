/** Where the threads of a program meet: none goes on before all have come. */
import type { Callable } from "./assembler.ts";
import type { Context } from "./context.ts";

/** Words at the beginning of the memory that threads share, in bytes, each in a cache line of its own. */
export const meeting = {
  /** How many meetings there have been. */
  round: 64,
  /** Who has come to the next one. */
  arrived: 128,
  /** Who sleeps until it is over. */
  asleep: 192,
  end: 256,
};

/** Looks at the round this often before a thread goes to sleep: some 50 µs, which is what waking it would take. */
const looks = 20_000;

/** The function () that meets. Sleeping is left to whoever has made the module: not every thread may. */
export function emitMeeting(context: Context): Callable {
  const { module, threads } = context;
  const sleep = module.imported("threads", "sleep", ["i32"]);
  return module.define(undefined, [], undefined, (f) => {
    const round = f.hold("i32", f.i32.atomicLoad(f.integer(0), meeting.round));
    const last = f.i32.eq(f.i32.atomicAdd(f.integer(0), f.integer(1), meeting.arrived), f.integer(threads - 1));
    f.when(
      last,
      () => {
        f.i32.atomicStore(f.integer(0), f.integer(0), meeting.arrived);
        f.i32.atomicStore(f.integer(0), f.plus(f.get(round), 1), meeting.round);
        f.when(f.i32.atomicLoad(f.integer(0), meeting.asleep), () => f.drop(f.i32.notify(f.integer(0), f.integer(-1), meeting.round)));
      },
      () => {
        const left = f.local("i32");
        f.set(left, f.integer(looks));
        f.block((end) => {
          f.loop((again) => {
            f.branchIf(end, f.i32.ne(f.i32.atomicLoad(f.integer(0), meeting.round), f.get(round)));
            f.branchIf(again, f.tee(left, f.plus(f.get(left), -1)));
          });
          f.call(sleep, f.get(round));
        });
      },
    );
  });
}
