/** Worker threads that serve orders, one at a time. */
import { GradusError } from "../../dsl/errors.ts";
import { builtin } from "../../runtime/builtin.ts";
import type { Answer, Order } from "./serve.ts";

/** What serves orders; an order is told of its death. */
export interface Server {
  order(order: Order): Promise<Answer>;
  end(): void;
}

/** The caller's side of the talk with a server. */
export class Talk {
  #asked: { resolve(answer: Answer): void; reject(error: Error): void } | undefined;
  #death: Error | undefined;

  /** Sends something, and gives the answer. */
  ask(send: () => void): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#death !== undefined) return reject(this.#death);
      this.#asked = { resolve, reject };
      send();
    });
  }

  took(answer: Answer): void {
    this.#asked?.resolve(answer);
  }

  died(reason: string): void {
    this.#death ??= new GradusError(`Cannot train programs: a worker died: ${reason}`);
    this.#asked?.reject(this.#death);
  }
}

interface AnyWorker {
  postMessage(message: Order): void;
  terminate(): void;
}
interface NodeWorker extends AnyWorker {
  on(name: "message", listen: (answer: Answer) => void): void;
  on(name: "error", listen: (error: Error) => void): void;
  on(name: "exit", listen: (code: number) => void): void;
}
interface NodeThreads {
  readonly Worker: new (
    source: string,
    options: { readonly eval: true; readonly env: object },
  ) => NodeWorker;
}

/** How long a worker may take until it is there, in milliseconds; one that takes longer never will be. */
const START = 60_000;

/** Waits until a worker says that it is there, and ends one that does not. */
export async function greeted(
  talk: Talk,
  end: () => void,
  patience: number = START,
): Promise<void> {
  const timer = setTimeout(
    () => talk.died(`it did not start within ${patience} milliseconds`),
    patience,
  );
  try {
    await talk.ask(() => {});
  } catch (error) {
    end();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** Where a module beside this one is, in source and as it is published. */
export function moduleUrl(name: string): string {
  return new URL(`./${name}.${import.meta.url.endsWith(".ts") ? "ts" : "js"}`, import.meta.url)
    .href;
}

/** Starts a thread, which runs `first` before all else where that can be. */
export async function startThread(first: string = "", patience?: number): Promise<Server> {
  const url = moduleUrl("worker");
  const talk = new Talk();
  let worker: AnyWorker;
  const threads = builtin<NodeThreads>("node:worker_threads");
  if (threads !== undefined) {
    // Without `env` it is given a copy of all variables, for which Deno asks the user.
    const options = { eval: true, env: {} } as const;
    const thread = worker = new threads.Worker(`${first} import(${JSON.stringify(url)})`, options);
    thread.on("message", (answer) => talk.took(answer));
    thread.on("error", ({ message }) => talk.died(message));
    thread.on("exit", (code) => talk.died(`it ended with code ${code}`));
  } else if (globalThis.Worker !== undefined) {
    const thread = worker = new Worker(url, { type: "module" });
    thread.onmessage = ({ data }) => talk.took(data);
    thread.onerror = (event) => {
      event.preventDefault();
      // Where the script is not found, as in a bundle that left it out, there is no message.
      talk.died(
        event.message ?? `its script cannot be loaded from ${url}; without workers none is needed`,
      );
    };
  } else throw new GradusError("Cannot start workers: there are none here");
  const end = () => worker.terminate();
  await greeted(talk, end, patience);
  return { order: (order) => talk.ask(() => worker.postMessage(order)), end };
}
