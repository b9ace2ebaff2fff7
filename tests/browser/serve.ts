/** The package's files over http, for a page: as they are, or bundled. */
import { readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

export const root: string = fileURLToPath(new URL("../..", import.meta.url));

const kinds: Record<string, string> = { js: "text/javascript", map: "application/json", html: "text/html", ts: "text/plain" };

/** Where each door lies for a browser: the `default` condition of package.json. */
function doors(): [name: string, path: string][] {
  const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  return Object.entries<{ default: string } | string>(exports).flatMap(([path, door]) => (typeof door === "string" ? [] : [[path.replace(".", "cambium"), door.default.replace(".", "")]]));
}

/** The doors as esbuild makes them for a browser, by path: a handful of files, which a page loads ten times faster than three hundred. */
async function bundle(): Promise<Map<string, Uint8Array>> {
  const { outputFiles } = await build({
    entryPoints: doors().map(([name, path]) => ({ in: join(root, path), out: name })),
    bundle: true,
    splitting: true,
    format: "esm",
    outdir: "/bundle",
    write: false,
    logLevel: "warning",
  });
  return new Map(outputFiles.map(({ path, contents }) => [path, contents]));
}

export interface Server {
  readonly address: string;
  /** What was fetched. */
  readonly asked: string[];
  close(): void;
}

export interface ServeOptions {
  /** Whether the page gets the package as a bundler would give it. Default `true`. */
  bundled?: boolean;
  /** Whether the page is isolated from others, so that threads may share memory. Default `false`. */
  isolated?: boolean;
}

/** What isolates a page; its workers must say so too. */
const isolation = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };

/** Workers come with a policy of their own, which the page's does not cover. */
const policy = "default-src 'self' 'wasm-unsafe-eval'";

/** A server on a free port. `/cambium.js` is the front door, for workers, which know no import map. */
export async function serve({ bundled = true, isolated = false }: ServeOptions = {}): Promise<Server> {
  const files = bundled ? await bundle() : new Map<string, Uint8Array>();
  const imports = Object.fromEntries(doors().map(([name, path]) => [name, bundled ? `/bundle/${name}.js` : path]));
  files.set("/cambium.js", Buffer.from(`export * from ${JSON.stringify(imports["cambium"])};\n`));
  files.set("/", Buffer.from(readFileSync(join(root, "tests", "browser", "page.html"), "utf8").replace('{ "imports": {} }', JSON.stringify({ imports }))));
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url!, "http://here").pathname);
    asked.push(path);
    const file = join(root, path);
    const known = files.get(path) ?? (/^\/(dist|tests\/browser)\//.test(path) && statSync(file, { throwIfNoEntry: false })?.isFile() ? readFileSync(file) : undefined);
    if (!known) return void response.writeHead(404).end();
    const kind = path === "/" ? "text/html" : (kinds[path.split(".").at(-1)!] ?? "application/octet-stream");
    response.writeHead(200, { "content-type": kind, ...(path !== "/" && { "content-security-policy": policy }), ...(isolated && isolation) });
    response.end(known);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, asked, close: () => server.close() };
}
