/** Runs Chromium without a window, and opens pages in it over the DevTools protocol. */
import { assert } from "../assert.ts";

const FLAGS = [
  "--headless=new",
  "--no-sandbox",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--remote-debugging-port=0",
];
/** What a browser is given besides, by whether its pages have WebGPU; where there is no GPU, in software. */
const GPU_FLAGS = { none: ["--disable-gpu"], webgpu: ["--enable-unsafe-webgpu"] };
/** How long a page may take to report, and the browser to answer, in milliseconds. */
const PATIENCE = 120_000;

/** What a page left behind. */
export interface Visit {
  /** What it reported. */
  readonly report: string;
  /** What it said on the console: the kind, then the text. */
  readonly console: readonly string[];
  /** What was looked for in the end. */
  readonly seen: unknown;
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly sessionId?: string;
  // deno-lint-ignore no-explicit-any
  readonly params?: any;
  // deno-lint-ignore no-explicit-any
  readonly result?: any;
  readonly error?: { readonly message: string };
}

/** How a browser is started: whether its pages have WebGPU. */
export type Gpu = keyof typeof GPU_FLAGS;

/** The browsers that the tests of a file share: to start one takes seconds. */
const shared = new Map<Gpu, Promise<Chromium | undefined>>();

/**
 * A test in a browser, which all of a file share that ask for the same: a page of another site has nothing
 * of theirs. It is left out, aloud, where there is no browser, but not under CI.
 */
export function chromiumTest(
  name: string,
  run: (chromium: Chromium) => Promise<void>,
  gpu: Gpu = "none",
): void {
  Deno.test(name, async () => {
    const chromium = await sharedChromium(gpu);
    if (chromium !== undefined) return await run(chromium);
    assert(!Deno.env.has("CI"), "Chromium is required here: it is missing");
    console.log("Not tested: Chromium is missing (Debian has it as `chromium`)");
  });
}

async function sharedChromium(gpu: Gpu): Promise<Chromium | undefined> {
  let browser = shared.get(gpu);
  if (browser !== undefined && (await browser)?.isClosed) browser = undefined;
  if (browser === undefined) shared.set(gpu, browser = Chromium.start(gpu));
  return await browser;
}

Deno.test.afterAll(async () => {
  for (const browser of shared.values()) await (await browser)?.[Symbol.asyncDispose]();
});

/** A browser with a profile of its own; pages in it can call `report` once. */
export class Chromium implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #profile: string;
  readonly #socket: WebSocket;
  readonly #answers = new Map<number, (message: Message) => void>();
  readonly #errors: Promise<void>;
  #listen: (message: Message) => void = () => {};
  #asked = 0;

  private constructor(
    process: Deno.ChildProcess,
    profile: string,
    socket: WebSocket,
    errors: Promise<void>,
  ) {
    [this.#process, this.#profile, this.#socket] = [process, profile, socket];
    this.#errors = errors;
    socket.onmessage = ({ data }) => {
      const message: Message = JSON.parse(data);
      if (message.id === undefined) this.#listen(message);
      else this.#answers.get(message.id)?.(message);
    };
  }

  /** A browser that runs, or undefined where none is installed. */
  static async start(gpu: Gpu = "none"): Promise<Chromium | undefined> {
    const profile = await Deno.makeTempDir();
    let process: Deno.ChildProcess;
    try {
      process = new Deno.Command("chromium", {
        args: [...FLAGS, ...GPU_FLAGS[gpu], `--user-data-dir=${profile}`],
        stdout: "null",
        stderr: "piped",
      }).spawn();
    } catch (error) {
      await Deno.remove(profile, { recursive: true });
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
    try {
      const [address, errors] = await inTime(addressOf(process), () => "Chromium did not start");
      const socket = new WebSocket(address);
      const open = new Promise((resolve, reject) =>
        [socket.onopen, socket.onerror] = [resolve, reject]
      );
      await inTime(open, () => "Chromium was not reached");
      return new Chromium(process, profile, socket, errors);
    } catch (error) {
      killed(process);
      throw error;
    }
  }

  /** Whether it has ended, as after a crash. */
  get isClosed(): boolean {
    return this.#socket.readyState === WebSocket.CLOSED;
  }

  /**
   * Opens a page, and closes it when it has reported. `before` is a script that runs before the page's
   * own, `look` an expression for what is wanted of it in the end, `patience` how long it may take.
   */
  async visit(
    address: string,
    { before = "", look = "undefined", patience = PATIENCE } = {},
  ): Promise<Visit> {
    const { targetId } = await this.#ask("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.#ask("Target.attachToTarget", { targetId, flatten: true });
    const console: string[] = [];
    const reported = new Promise<string>((resolve, reject) => {
      this.#listen = ({ method, params, sessionId: from }) => {
        if (from !== sessionId) return;
        if (method === "Runtime.consoleAPICalled") {
          const said = params.args.map(({ value, description }: Record<string, unknown>) =>
            value ?? description
          );
          console.push(`${params.type}: ${said.join(" ")}`);
        } else if (method === "Runtime.exceptionThrown") {
          const { text, exception } = params.exceptionDetails;
          reject(new Error(`the page threw: ${exception?.description ?? text}`));
        } else if (method === "Runtime.bindingCalled") resolve(params.payload);
      };
    });
    try {
      await this.#ask("Runtime.enable", {}, sessionId);
      await this.#ask("Runtime.addBinding", { name: "report" }, sessionId);
      await this.#ask("Page.enable", {}, sessionId);
      await this.#ask("Page.addScriptToEvaluateOnNewDocument", { source: before }, sessionId);
      await this.#ask("Page.navigate", { url: address }, sessionId);
      const report = await inTime(
        reported,
        () => `the page did not report: ${console.join("\n")}`,
        patience,
      );
      const asked = { expression: look, returnByValue: true };
      const { result: { value: seen } } = await this.#ask("Runtime.evaluate", asked, sessionId);
      return { report, console, seen };
    } finally {
      await this.#ask("Target.closeTarget", { targetId });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A browser that crashed has closed it already, and will not say so again.
    const closed = this.isClosed
      ? Promise.resolve()
      : new Promise((resolve) => this.#socket.onclose = resolve);
    try {
      await this.#ask("Browser.close", {});
      await inTime(this.#process.status, () => "Chromium did not end");
    } catch {
      killed(this.#process);
    }
    await this.#process.status;
    await closed;
    await this.#errors;
    await Deno.remove(this.#profile, { recursive: true });
  }

  // deno-lint-ignore no-explicit-any
  #ask(method: string, params: object, sessionId?: string): Promise<any> {
    const id = ++this.#asked;
    const answer = new Promise((resolve, reject) => {
      this.#answers.set(id, ({ result, error }) => {
        this.#answers.delete(id);
        if (error === undefined) resolve(result);
        else reject(new Error(`${method}: ${error.message}`));
      });
      this.#socket.send(JSON.stringify({ id, method, params, sessionId }));
    });
    return inTime(answer, () => `${method} was not answered`);
  }
}

/** Ends a process that may have ended. */
function killed(process: Deno.ChildProcess): void {
  try {
    process.kill("SIGKILL");
  } catch {
    // It has.
  }
}

async function inTime<T>(
  promise: Promise<T>,
  doing: () => string,
  patience = PATIENCE,
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${doing()} in ${patience} ms`)), patience);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Where the browser listens, as it says itself; and a promise of the end of all that it says. */
async function addressOf(process: Deno.ChildProcess): Promise<[string, Promise<void>]> {
  const reader = process.stderr.pipeThrough(new TextDecoderStream()).getReader();
  let said = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`Chromium ended: ${said}`);
    said += value;
    const address = /^DevTools listening on (\S+)$/m.exec(said)?.[1];
    if (address === undefined) continue;
    // Read to the end: a pipe that is full would hold the browser up.
    const errors = (async () => {
      while (!(await reader.read()).done);
    })();
    return [address, errors];
  }
}
