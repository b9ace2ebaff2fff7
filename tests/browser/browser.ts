/** A page of the package's own files in Chromium, for the tests of a file. */
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect } from "vitest";
import { type ServeOptions, type Server, serve } from "./serve.ts";

export interface Bench {
  readonly page: Page;
  readonly server: Server;
  /** Runs a module in the page; `done(value)` hands its result back. What the page complains of is a failure. */
  inPage<T>(program: string): Promise<T>;
}

/** A browser for all tests of a file, and a new page for each. */
export function bench(options: ServeOptions = {}): Bench {
  let browser: Browser;
  let server: Server;
  let page: Page;
  let complaints: string[];

  beforeAll(async () => {
    server = await serve(options);
    browser = await chromium.launch({ executablePath: process.env.CAMBIUM_BROWSER, args: ["--no-sandbox"] });
  });

  afterAll(async () => {
    await browser?.close();
    server?.close();
  });

  beforeEach(async () => {
    complaints = [];
    await page?.close();
    page = await browser.newPage();
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
    await page.goto(server.address);
  });

  let runs = 0;
  return {
    get page() {
      return page;
    },
    get server() {
      return server;
    },
    async inPage<T>(program: string): Promise<T> {
      // Each program has a way back of its own, so that a page can run several.
      const done = `done${runs++}`;
      let tell!: (value: T) => void;
      const answer = new Promise<T>((resolve, reject) => {
        tell = resolve;
        page.on("pageerror", reject);
      });
      answer.catch(() => undefined);
      await page.exposeFunction(done, tell);
      await page.addScriptTag({ type: "module", content: `const done = globalThis.${done};\n${program}` });
      const value = await answer;
      expect(complaints).toEqual([]);
      return value;
    },
  };
}
