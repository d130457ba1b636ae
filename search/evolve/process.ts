/** Processes that serve orders: what a task's own code does in one, it can be ended with the process. */
import { type Kind, POSITIVE } from "../../dsl/options.ts";
import { builtin } from "../../runtime/builtin.ts";
import { frame, unframed } from "./frames.ts";
import type { Answer, Order } from "./serve.ts";
import { greeted, moduleUrl, type Server, Talk } from "./thread.ts";

/** What a process says. */
export type Told = Answer | { readonly died: string };

interface Child {
  readonly told: AsyncIterable<Uint8Array>;
  /** How it ended. */
  readonly ended: Promise<string>;
  write(bytes: Uint8Array): void;
  kill(): void;
}

interface DenoChild {
  readonly stdin: WritableStream<Uint8Array>;
  readonly stdout: ReadableStream<Uint8Array>;
  readonly status: Promise<{ readonly code: number; readonly signal: string | null }>;
  kill(signal: string): void;
}
interface DenoProcesses {
  readonly build: { readonly standalone?: boolean };
  readonly permissions: {
    querySync(of: { readonly name: "run"; readonly command: string }): { readonly state: string };
  };
  readonly Command: new (path: string, options: object) => { spawn(): DenoChild };
  execPath(): string;
}
interface NodeChild {
  readonly stdin: { write(bytes: Uint8Array): void; on(name: "error", listen: () => void): void };
  readonly stdout: AsyncIterable<Uint8Array>;
  on(name: "exit", listen: (code: number | null, signal: string | null) => void): void;
  on(name: "error", listen: (error: Error) => void): void;
  kill(signal: string): void;
}
interface NodeProcesses {
  spawn(path: string, args: readonly string[], options: object): NodeChild;
}

const { Deno: deno, process: node } = globalThis as {
  readonly Deno?: DenoProcesses;
  readonly process?: { readonly execPath: string };
};

/** What the memory of a process must be, in megabytes. */
export const MEMORY: Kind = POSITIVE;

/** Whether processes can be started here without asking anybody. */
export function canStartProcesses(): boolean {
  if (deno === undefined) return builtin("node:child_process") !== undefined;
  try {
    const { build, permissions } = deno;
    // A compiled program has no `deno` to run.
    return build.standalone !== true &&
      permissions.querySync({ name: "run", command: deno.execPath() }).state === "granted";
  } catch {
    return false;
  }
}

const ending = (code: number | null, signal: string | null) =>
  `its process ended with ${signal ?? `code ${code}`}`;

/** Starts this engine anew; in Deno it may read files, and nothing else. */
function spawned(script: string, argument: string): Child {
  if (deno !== undefined) {
    const child = new deno.Command(deno.execPath(), {
      args: ["run", "--quiet", "--no-prompt", "--allow-read", script, argument],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const writer = child.stdin.getWriter();
    return {
      told: child.stdout,
      ended: child.status.then(({ code, signal }) => ending(code, signal)),
      // That it is gone is told by its end.
      write: (bytes) => void writer.write(bytes).catch(() => {}),
      kill: () => child.kill("SIGKILL"),
    };
  }
  const { spawn } = builtin<NodeProcesses>("node:child_process")!;
  const path = builtin<{ fileURLToPath(url: string): string }>("node:url")!.fileURLToPath(script);
  const child = spawn(node!.execPath, [path, argument], { stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.on("error", () => {});
  return {
    told: child.stdout,
    ended: new Promise((resolve) => {
      child.on("exit", (code, signal) => resolve(ending(code, signal)));
      child.on("error", ({ message }) => resolve(message));
    }),
    write: (bytes) => child.stdin.write(bytes),
    kill: () => child.kill("SIGKILL"),
  };
}

/** Starts a process that may take so many megabytes of memory. */
export async function startProcess(megabytes: number, patience?: number): Promise<Server> {
  const talk = new Talk();
  const child = spawned(moduleUrl("process_main"), String(megabytes));
  const listen = async () => {
    try {
      for await (const told of unframed<Told>(child.told)) {
        if ("died" in told) talk.died(told.died);
        else talk.took(told);
      }
    } catch (error) {
      talk.died((error as Error).message);
    }
    talk.died(await child.ended);
  };
  void listen();
  const end = () => {
    try {
      child.kill();
    } catch {
      // It has ended by itself.
    }
  };
  await greeted(talk, end, patience);
  return { order: (order: Order) => talk.ask(() => child.write(frame(order))), end };
}
