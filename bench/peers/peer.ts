/** A contestant in a process of its own: it is sent lines, and answers each by one. */
import { Absent } from "../contestant.ts";

/** How a contestant's process is started. */
export interface Start {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The most bytes of memory that it takes for a parameter. */
  readonly bytesEach?: number;
}

/** What went wrong with a contestant. */
export class PeerError extends Error {
  constructor(readonly peer: Peer, message: string) {
    super(message);
  }
}

/** Parameters, gradients, those of the check, two states and what is in between. */
const BYTES_EACH = 28;
/** Seconds that an answer may take. */
const PATIENCE = 300;
/** Characters of what it complained of that are shown. */
const LAST_WORDS = 500;

/** A contestant that runs. */
export class Peer {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #lines: ReadableStreamDefaultReader<string>;
  readonly #complaints: Promise<string>;
  #rest = "";
  /** The line that it was sent last. */
  #asked = "";
  /** The most bytes of memory that it takes for a parameter. */
  readonly bytesEach: number;
  /** What it says of itself. */
  hello = "";
  /** Whether its process has ended. */
  isEnded = false;

  private constructor({ command, args, env, bytesEach = BYTES_EACH }: Start) {
    this.bytesEach = bytesEach;
    this.#child = new Deno.Command(command, {
      args: [...args],
      env: { ...env },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#writer = this.#child.stdin.getWriter();
    this.#lines = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    this.#complaints = new Response(this.#child.stderr).text();
  }

  /** Starts a contestant, which a signal ends; absent is one that is not there or does not begin. */
  static async start(start: Start | Absent, signal?: AbortSignal): Promise<Peer | Absent> {
    if (start instanceof Absent) return start;
    if (signal?.aborted) return new Absent(String(signal.reason));
    let peer: Peer;
    try {
      peer = new Peer(start);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      return new Absent(`${start.command} is not installed`);
    }
    signal?.addEventListener("abort", () => peer.end());
    try {
      peer.hello = (await peer.#answer()).replace(/^hello /, "");
      return peer;
    } catch (error) {
      if (error instanceof PeerError) return new Absent(error.message);
      throw error;
    }
  }

  /**
   * Sends a line and gives the answer.
   *
   * @throws {PeerError} if it fails, ends or takes too long; it is ended then.
   */
  async ask(line: string): Promise<string> {
    this.#asked = line;
    // One that ended says why in its answer, which is then missing.
    await this.#writer.write(new TextEncoder().encode(line + "\n")).catch(() => {});
    return await this.#answer();
  }

  /** Milliseconds of so many steps. */
  async time(steps: number): Promise<number> {
    // Threads of others may look for work some time after they have none.
    await new Promise((resolve) => setTimeout(resolve, 2));
    return Number(await this.ask(`time ${steps}`)) / 1e6;
  }

  /** Ends the process. */
  async end(): Promise<void> {
    this.isEnded = true;
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await this.#child.status;
    await this.#writer.abort().catch(() => {});
    await this.#lines.cancel().catch(() => {});
  }

  async #answer(): Promise<string> {
    const { promise: late, resolve } = Promise.withResolvers<"late">();
    const timer = setTimeout(() => resolve("late"), 1000 * PATIENCE);
    const line = await Promise.race([this.#line(), late]);
    clearTimeout(timer);
    if (line === "late") {
      await this.end();
      throw new PeerError(this, `it did not answer within ${PATIENCE} s`);
    }
    if (line !== undefined && !line.startsWith("failed ")) return line;
    await this.end();
    throw new PeerError(this, line?.slice("failed ".length) ?? await this.#reason());
  }

  /** Why its process ended: the line of its error, where one can be told, else all that is known. */
  async #reason(): Promise<string> {
    const lines = (await this.#complaints).trim().split("\n");
    const error = lines.findLast((line) => /^(error: |\w+Error\b)/.test(line));
    if (error !== undefined) return error;
    const { code, signal } = await this.#child.status;
    const asked = this.#asked.split(" ", 1)[0];
    return `its process ended by ${signal ?? `exit code ${code}`}` +
      (asked === "" ? "" : `, asked to ${asked}`) +
      (lines[0] === "" ? "" : `; it said last: ${lines.join(" ").slice(-LAST_WORDS)}`);
  }

  /** The next line that is whole; undefined at the end. */
  async #line(): Promise<string | undefined> {
    while (!this.#rest.includes("\n")) {
      const { value, done } = await this.#lines.read();
      if (done) return undefined;
      this.#rest += value;
    }
    const end = this.#rest.indexOf("\n");
    const line = this.#rest.slice(0, end);
    this.#rest = this.#rest.slice(end + 1);
    return line;
  }
}
