/** A hand in Node: the program of a worker thread. */
import { parentPort } from "node:worker_threads";
import { worker } from "./work.ts";

parentPort?.on("message", worker());
