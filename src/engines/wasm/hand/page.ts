/** A hand in a page: the program of a worker. */
import type { Mail } from "./board.ts";
import { worker } from "./work.ts";

const work = worker();
addEventListener("message", ({ data }: MessageEvent<Mail>) => work(data));
