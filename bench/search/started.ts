/** A search in a process of its own, followed line by line. */
import type { Told } from "./told_run.ts";

const RUN = new URL("./told_run.ts", import.meta.url);

/** How such a search ended. */
export interface Ended {
  /** All that it found, unless it was killed or failed. */
  readonly result: string | undefined;
  /** What it complained of. */
  readonly complaint: string;
}

/** A search that runs. */
export class StartedSearch {
  readonly #child: Deno.ChildProcess;
  readonly ended: Promise<Ended>;

  /** `window` is told how many windows of births are over. */
  constructor(told: Told, window: (count: number) => unknown = () => {}) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", RUN.href, JSON.stringify(told)],
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.ended = this.#follow(window);
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  async #follow(window: (count: number) => unknown): Promise<Ended> {
    const complaint = new Response(this.#child.stderr).text();
    let [rest, windows] = ["", 0];
    for await (const text of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) {
        if (line === "window") await window(++windows);
        else rest = line;
      }
    }
    const { success } = await this.#child.status;
    return { result: success ? rest : undefined, complaint: await complaint };
  }
}
