/** `gradus worker`: trains programs for searches on other machines. */
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Command } from "./command.ts";
import { NATS, NATS_NOTE, natsOptions } from "./nats.ts";
import { type Options, UsageError, wholeNumber } from "./values.ts";

/** The command. */
export const workerCommand: Command = {
  usage: ["--nats nats://HOST:4222 [--workers N] [--module FILE]"],
  summary:
    "Trains for `gradus search --nats` and `gradus sweep --nats` on any machine, until it is told to " +
    "end: by Ctrl-C or SIGTERM, after what it has begun.",
  notes: [
    "It runs programs of the language, and of tasks' own code only the modules that are named here. It " +
    "must be of the version of the search.",
    NATS_NOTE,
  ],
  options: {
    ...NATS,
    workers: { value: "N", text: "threads that train, by default one a core" },
    module: {
      value: "FILE",
      isMultiple: true,
      text: "a module that tasks are made by; it must be the same file as that of the search",
    },
  },
  takes: () => ({ least: 0, most: 0, what: "" }),
  run: (_, options, print) => work(options, print),
};

async function work(options: Options, print: (line: string) => void): Promise<void> {
  const nats = natsOptions(options, (text) => print(`worker: ${text}`));
  if (nats === undefined) throw new UsageError("`worker` needs --nats URL");
  const cores = globalThis.navigator?.hardwareConcurrency ?? 1;
  const workers = wholeNumber(options, "workers", cores);
  const modules = (options.module as readonly string[] | undefined ?? []).map((path) =>
    pathToFileURL(resolve(path)).href
  );
  const { serveNats } = await import("../search/nats/mod.ts");
  const ending = new AbortController();
  const signals: readonly Deno.Signal[] = Deno.build.os === "windows"
    ? ["SIGINT"]
    : ["SIGINT", "SIGTERM"];
  const end = () => ending.abort();
  for (const signal of signals) Deno.addSignalListener(signal, end);
  try {
    print(`worker: ${workers} at ${[nats.servers].flat().join(", ")}`);
    await serveNats({ ...nats, workers, modules, signal: ending.signal });
    print("worker: it has ended what it had begun");
  } finally {
    for (const signal of signals) Deno.removeSignalListener(signal, end);
  }
}
