/** The package's files over http, for a page that uses them as they are. */
import { readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

export const root: string = fileURLToPath(new URL("../..", import.meta.url));

const kinds: Record<string, string> = { js: "text/javascript", map: "application/json", html: "text/html", ts: "text/plain" };

/** Where each door lies for a browser: the `default` condition of package.json. */
function importMap(): string {
  const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const doors = Object.entries<{ default: string } | string>(exports).flatMap(([path, door]) => (typeof door === "string" ? [] : [[path.replace(".", "cambium"), door.default.replace(".", "")]]));
  return JSON.stringify({ imports: Object.fromEntries(doors) });
}

/** A server on a free port; `asked` lists what was fetched. */
export async function serve(): Promise<{ address: string; asked: string[]; close(): void }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url!, "http://here").pathname);
    asked.push(path);
    const file = path === "/" ? join(root, "tests", "browser", "page.html") : join(root, path);
    if ((path !== "/" && !path.startsWith("/dist/")) || !statSync(file, { throwIfNoEntry: false })?.isFile()) return void response.writeHead(404).end();
    const kind = kinds[file.split(".").at(-1)!] ?? "application/octet-stream";
    response.writeHead(200, { "content-type": kind });
    response.end(path === "/" ? readFileSync(file, "utf8").replace('{ "imports": {} }', importMap()) : readFileSync(file));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, asked, close: () => server.close() };
}
