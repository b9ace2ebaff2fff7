/** Resident memory, in MiB, after thirty-two steps of P1 at batch 128; in a process of its own. */
import { cnn, start } from "./programs.ts";

const { model, x, y } = start({ batch: 128, model: cnn }, 16);
await model.fit(x, y, { epochs: Number(process.argv[2] ?? 2), batchSize: 128, verbose: 0 });
console.log(process.memoryUsage.rss() / 2 ** 20);
