// The page: draws, shows, and asks the worker. It computes nothing itself, so it never stands still.
import { connect, type Progress } from "cambium/worker";
import { curves, type Series } from "./curves.ts";
import { pad, paint } from "./pad.ts";
import type { Service } from "./worker.ts";

const model = connect<Service>(new Worker(new URL("./worker.js", import.meta.url), { type: "module" }));

const find = <E extends HTMLElement>(id: string): E => document.getElementById(id) as E;
const button = (id: string, act: () => unknown): HTMLButtonElement => {
  const found = find<HTMLButtonElement>(id);
  found.addEventListener("click", () => void Promise.resolve(act()).catch(complain));
  return found;
};
const say = (text: string): void => void (find("status").textContent = text);
const complain = (error: unknown): void => say(error instanceof Error ? error.message.replace("\n  hint: ", ". ") : String(error));
const percent = (share: number | undefined): string => `${(100 * (share ?? 0)).toFixed(1)}%`;

// What is drawn, and what the network says to it.

const bars = Array.from({ length: 10 }, (_, digit) => {
  const row = document.createElement("li");
  row.innerHTML = `<b>${digit}</b><div class="bar"><i></i></div><span></span>`;
  find("bars").append(row);
  return { row, fill: row.querySelector("i")!, text: row.querySelector("span")! };
});

const board = pad(find<HTMLCanvasElement>("pad"), () => void look());
const context = (id: string): CanvasRenderingContext2D => find<HTMLCanvasElement>(id).getContext("2d")!;
const tiles = Array.from({ length: 12 }, () => {
  const tile = document.createElement("div");
  const [map, filter] = [24, 5].map((size) => Object.assign(document.createElement("canvas"), { width: size, height: size }).getContext("2d")!) as [
    CanvasRenderingContext2D,
    CanvasRenderingContext2D,
  ];
  tile.append(map.canvas, filter.canvas);
  find("maps").append(tile);
  return { map, filter };
});

let looking = false;
let again = false;
/** Asks about the drawing as it is now; while an answer is awaited, only that there is more to ask is kept in mind. */
async function look(): Promise<void> {
  if (looking) return void (again = true);
  looking = true;
  try {
    do {
      again = false;
      const pixels = board.pixels();
      find("invite").hidden = pixels !== undefined;
      if (pixels) show(pixels, await model.call("look", pixels));
      else blank();
    } while (again);
  } catch (error) {
    complain(error);
  } finally {
    looking = false;
  }
}

type Seen = Awaited<ReturnType<typeof model.call<"look">>>;
let answer: { readonly best: number; readonly sure: number } | undefined;

function show(pixels: Float32Array, { scores, heat, pull, maps, filters }: Seen): void {
  const list = Array.from(scores.data, Number);
  const best = list.indexOf(Math.max(...list));
  answer = { best, sure: list[best]! };
  bars.forEach(({ row, fill, text }, digit) => {
    row.className = digit === best ? "best" : "";
    fill.style.transform = `scaleX(${list[digit]})`;
    text.textContent = `${Math.round(100 * list[digit]!)}%`;
  });
  over("heat", 10, (at) => flame(Number(heat.data[at])), pixels);
  const most = Math.max(1e-9, ...Array.from(pull.data, (value) => Math.abs(Number(value))));
  over(
    "pull",
    28,
    (at) => {
      const value = Number(pull.data[at]) / most;
      return [...(value > 0 ? [255, 133, 82] : [96, 160, 255]), Math.sqrt(Math.abs(value))] as const;
    },
    pixels.map((ink) => ink * 0.25),
  );
  const strongest = Math.max(1e-9, ...Array.from(maps.data, Number));
  tiles.forEach(({ map, filter }, n) => {
    paint(
      map,
      Array.from({ length: 576 }, (_, at) => Number(maps.data[at * 12 + n])),
      (value) => flame(value / strongest).slice(0, 3) as [number, number, number],
    );
    const weights = Array.from({ length: 25 }, (_, at) => Number(filters.data[at * 12 + n]));
    const reach = Math.max(...weights.map(Math.abs));
    paint(filter, weights, (value) => Array(3).fill(127.5 * (1 + value / reach)) as [number, number, number]);
  });
}

/** Black through green to yellow and white; more of it where there is more. */
function flame(value: number): [r: number, g: number, b: number, a: number] {
  const v = Math.max(0, Math.min(1, value));
  return [255 * Math.min(1, v * v * 1.5), 255 * Math.min(1, v * 1.2), 255 * (0.45 * v * (1 - v) * 2 + Math.max(0, v - 0.8) * 3), Math.min(1, v * 1.1)];
}

/** Numbers on a grid as colours over an image. */
function over(id: string, size: number, color: (at: number) => readonly [number, number, number, number] | readonly number[], pixels: ArrayLike<number>): void {
  const large = context(id);
  const layer = (side: number): CanvasRenderingContext2D => Object.assign(document.createElement("canvas"), { width: side, height: side }).getContext("2d")!;
  const [under, above] = [layer(28), layer(size)];
  paint(under, pixels, (ink) => [150 * ink, 150 * ink, 150 * ink]);
  paint(above, new Float32Array(size * size), (_, at) => color(at) as [number, number, number, number]);
  const { width, height } = large.canvas;
  large.imageSmoothingQuality = "high";
  large.drawImage(under.canvas, 0, 0, width, height);
  // A place on the map of the last convolution stands for what lies around it in the image.
  const border = size === 10 ? width / 14 : 0;
  large.globalCompositeOperation = "screen";
  large.drawImage(above.canvas, border, border, width - 2 * border, height - 2 * border);
  large.globalCompositeOperation = "source-over";
}

function blank(): void {
  answer = undefined;
  for (const { row, fill, text } of bars) {
    row.className = text.textContent = "";
    fill.style.transform = "scaleX(0)";
  }
  for (const id of ["heat", "pull"]) context(id).clearRect(0, 0, 280, 280);
  for (const { map, filter } of tiles) for (const { canvas } of [map, filter]) canvas.getContext("2d")!.clearRect(0, 0, canvas.width, canvas.height);
}

button("clear", () => board.clear());
button("sample", async () => board.show((await model.call("sample", set())).pixels.data as Float32Array));

// Training.

const set = (): "drawn" | "mnist" => find<HTMLSelectElement>("set").value as "drawn" | "mnist";
const line = (color: string, dots: boolean): Series => ({ color, dots, points: [] });
const pictures = { loss: [line("--learning", false), line("--unseen", true)], accuracy: [line("--learning", false), line("--unseen", true)] } as const;
let epochs = 5;

function drawCurves(): void {
  curves(find<HTMLCanvasElement>("loss"), pictures.loss, { epochs });
  curves(find<HTMLCanvasElement>("accuracy"), pictures.accuracy, { from: 0, to: 1, epochs });
}

function progressed({ epoch, done, steps, speed, examining, logs }: Progress): void {
  const at = epoch + done / (steps ?? done);
  find<HTMLProgressElement>("progress").value = at / epochs;
  if (!examining) for (const name of ["loss", "accuracy"] as const) pictures[name][0].points.push({ at, value: logs[name]! });
  say(
    examining
      ? `Epoch ${epoch + 1} of ${epochs}: examining`
      : `Epoch ${epoch + 1} of ${epochs} · ${Math.round(speed).toLocaleString()} images/s · loss ${logs["loss"]!.toFixed(3)} · accuracy ${percent(logs["accuracy"])}`,
  );
  drawCurves();
  void look();
}

const train = button("train", async () => {
  epochs = Math.max(1, Math.min(50, find<HTMLInputElement>("epochs").valueAsNumber || 5));
  for (const both of Object.values(pictures)) for (const { points } of both) points.length = 0;
  steer();
  say("Making the data…");
  const begin = performance.now();
  try {
    const run = model.fit(set(), {
      epochs,
      batchSize: 64,
      validationData: `${set()}Test`,
      onProgress: progressed,
      onEpochEnd(epoch, logs) {
        for (const name of ["loss", "accuracy"] as const) pictures[name][1].points.push({ at: epoch + 1, value: logs[`val_${name}`]! });
        drawCurves();
      },
    });
    steer();
    const { epoch, history } = await run;
    const seconds = ((performance.now() - begin) / 1000).toFixed(0);
    if (epoch.length === epochs) find<HTMLProgressElement>("progress").value = 1;
    say(
      epoch.length === 0
        ? "Stopped."
        : `${epoch.length === epochs ? "Trained" : "Stopped"} after ${seconds} s: ${percent(history["val_accuracy"]?.at(-1))} right on digits it has not seen. Draw one!`,
    );
  } finally {
    steer();
    await look();
    await about();
  }
});

const pause = button("pause", async () => {
  const paused = (): boolean => model.state === "paused";
  if (paused()) await model.resume();
  else {
    await model.pause();
    if (paused()) say(`${find("status").textContent} · paused`);
  }
  steer();
});
const stop = button("stop", () => model.stop());

function steer(): void {
  const busy = model.state !== "idle";
  train.disabled = find<HTMLSelectElement>("set").disabled = find<HTMLInputElement>("epochs").disabled = busy;
  pause.disabled = stop.disabled = !busy;
  pause.textContent = model.state === "paused" ? "Resume" : "Pause";
}

// What is kept.

button("save", async () => {
  await model.save(`indexeddb://digits ${new Date().toLocaleString()}`);
  await list();
});
button("download", () => model.download("digits.safetensors"));
const file = find<HTMLInputElement>("file");
button("open", () => file.click());
file.addEventListener("change", () => void (file.files?.[0] && load(file.files[0], file.files[0].name).catch(complain)));

async function load(from: string | File, name: string): Promise<void> {
  await model.load(from);
  say(`Loaded ${name}.`);
  await look();
  await about();
}

async function list(): Promise<void> {
  const rows = (await model.call("kept")).map(({ address, size }) => {
    const row = document.createElement("li");
    const act = (name: string, action: () => Promise<void>): HTMLButtonElement => {
      const made = Object.assign(document.createElement("button"), { type: "button", textContent: name });
      made.addEventListener("click", () => void action().catch(complain));
      return made;
    };
    const name = address.slice("indexeddb://".length);
    row.append(
      Object.assign(document.createElement("span"), { textContent: `${name} · ${Math.round(size / 1024)} kB` }),
      act("Load", () => load(address, name)),
      act("Remove", async () => {
        await model.call("remove", address);
        await list();
      }),
    );
    return row;
  });
  find("kept").replaceChildren(...rows);
}

async function about(): Promise<void> {
  const { engine, parameters, epochs } = await model.call("about");
  find("about").textContent =
    `${parameters.toLocaleString()} parameters · ${epochs === 0 ? "untrained" : `trained for ${epochs} epoch${epochs === 1 ? "" : "s"}`} · ${engine}`;
}

const more = await fetch("sets.json").then((answer) => answer.json() as Promise<Record<string, string>>);
for (const [value, textContent] of Object.entries(more)) find("set").append(Object.assign(document.createElement("option"), { value, textContent }));

addEventListener("resize", drawCurves);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawCurves);
drawCurves();
await about();
await list();
document.documentElement.dataset["ready"] = "";

/** For tests: what the page shows. */
declare global {
  var demo: { answer(): typeof answer };
}
globalThis.demo = { answer: () => answer };
