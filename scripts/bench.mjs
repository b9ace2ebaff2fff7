// Our programs against PyTorch: `npm run bench -- [names] [--json] [--seconds 1] [--rounds 5] [--eager] [--smoke]`; `--engine wasm --against tfjs` takes another engine, another peer.
// `ops` measures single ops, `steady` memory through many eager steps.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build, prepare, root } from "./prepare.mjs";

// In JSON mode stdout is for answers only.
if (process.argv.includes("--json")) console.log = (...text) => console.error(...text);
await prepare();
await build();
const esbuild = await import("esbuild");
// The benchmark meets the package as a user would: built, through its doors.
await esbuild.build({
  entryPoints: ["bench/main.ts", "bench/resident.ts", "bench/first.ts", "bench/ops.ts", "bench/steady.ts"].map((name) => join(root, name)),
  outdir: join(root, "build", "bench"),
  bundle: true,
  external: ["cambium", "cambium/*"],
  platform: "node",
  format: "esm",
  target: "node20",
  logLevel: "warning",
});
// Programs of their own, which compare nothing.
const own = ["ops", "steady"].find((name) => process.argv.includes(name));
await import(pathToFileURL(join(root, "build", "bench", `${own ?? "main"}.js`)).href);
