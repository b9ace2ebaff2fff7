// The demo page, bundled and served: `npm run demo`, then the address it prints. With CAMBIUM_DATA it can learn MNIST too.
import { existsSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { join, normalize } from "node:path";
import { pathToFileURL } from "node:url";
import { build as buildPackage, prepare, root, say } from "./prepare.mjs";

const folder = join(root, "examples", "page");
const kinds = { ".html": "text/html; charset=utf-8", ".css": "text/css", ".js": "text/javascript", ".json": "application/json", ".gz": "application/gzip" };

/** Bundles `page.ts` and `worker.ts`, each on its own; what they import of cambium is what a browser gets. */
async function bundle() {
  const { build } = await import("esbuild");
  const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const alias = Object.fromEntries(
    Object.entries(exports).flatMap(([path, door]) => (door.default ? [[path.replace(".", "cambium"), join(root, door.default)]] : [])),
  );
  // The longest names first: an alias also stands for what begins with it.
  const sorted = Object.fromEntries(Object.entries(alias).sort(([a], [b]) => b.length - a.length));
  const { outputFiles } = await build({
    entryPoints: [
      { in: join(folder, "page.ts"), out: "page" },
      { in: join(folder, "worker.ts"), out: "worker" },
      // The engine's second thread, which it looks for beside the worker.
      { in: join(root, "dist", "engines", "wasm", "hand", "page.js"), out: "hand/page" },
    ],
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    outdir: "/",
    write: false,
    alias: sorted,
    logLevel: "warning",
  });
  return new Map(outputFiles.map(({ path, contents }) => [path.replaceAll("\\", "/"), contents]));
}

/** Serves the demo at `port`, or at any free one; isolated from other origins, so that threads may share memory. */
export async function demo({ port = 0 } = {}) {
  const files = await bundle();
  const data = process.env.CAMBIUM_DATA;
  const sets = data && existsSync(join(data, "mnist", "train-images-idx3-ubyte.gz")) ? { mnist: "MNIST, 30,000 of its digits" } : {};
  files.set("/sets.json", Buffer.from(JSON.stringify(sets)));
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url, "http://here").pathname).replaceAll("\\", "/");
    const ending = /\.\w+$/.exec(path)?.[0] ?? ".html";
    const file = path.startsWith("/mnist/") ? data && join(data, path) : join(folder, path === "/" ? "index.html" : path);
    const content = files.get(path) ?? (kinds[ending] && file && existsSync(file) && statSync(file).isFile() ? readFileSync(file) : undefined);
    response.writeHead(content ? 200 : 404, {
      "content-type": kinds[ending] ?? "text/plain",
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-embedder-policy": "require-corp",
      "content-security-policy": "default-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data:",
    });
    response.end(request.method === "HEAD" ? undefined : content);
  });
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  return { address: `http://127.0.0.1:${server.address().port}/`, close: () => server.close(), files };
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await prepare();
  await buildPackage();
  const { address, files } = await demo({ port: Number(process.env.PORT ?? 5173) });
  say(`the demo is at ${address} (Ctrl-C ends it)`);
  for (const [path, { length }] of files) say(`${path.slice(1)}: ${Math.round(length / 1024)} kB`);
}
