/** How far something is: lines that are rewritten on a terminal, or a line once in a while elsewhere. */
import { cut, WIDTH } from "./text.ts";

/** Seconds between lines where the terminal cannot overwrite one. */
const QUIET = 10;

/** Seconds between one picture and the next on a terminal. */
const BLINK = 0.1;

/** Live lines on the error output. */
export class Progress {
  readonly #print: (line: string) => void;
  readonly #isLive: boolean;
  #height = 0;
  #began = performance.now();
  #said = 0;

  /** `print` takes what is to stay. */
  constructor(print: (line: string) => void) {
    this.#print = print;
    this.#isLive = Deno.stderr.isTerminal();
  }

  /** Seconds since it began. */
  get seconds(): number {
    return (performance.now() - this.#began) / 1000;
  }

  /** Shows lines in place of those shown before; elsewhere than on a terminal the last, now and then. */
  show(lines: readonly string[]): void {
    if (this.#isLive) {
      if (this.#height > 0 && this.seconds - this.#said < BLINK) return;
      this.#said = this.seconds;
      this.#clear();
      const width = terminalWidth();
      this.#write(lines.map((line) => cut(line, width - 1)).join("\n"));
      this.#height = lines.length;
    } else if (this.seconds - this.#said > QUIET) {
      this.#said = this.seconds;
      this.#print(lines[lines.length - 1]);
    }
  }

  /** Prints a line that stays, in place of the live ones. */
  say(line: string): void {
    this.end();
    this.#print(line);
  }

  /** Takes the live lines away. */
  end(): void {
    this.#clear();
    this.#height = 0;
  }

  #clear(): void {
    if (!this.#isLive || this.#height === 0) return;
    const up = this.#height > 1 ? `\x1b[${this.#height - 1}A` : "";
    this.#write(`\r${up}\x1b[J`);
  }

  #write(text: string): void {
    Deno.stderr.writeSync(new TextEncoder().encode(text));
  }
}

function terminalWidth(): number {
  try {
    // A terminal that does not know its size says 0.
    return Deno.consoleSize().columns || WIDTH;
  } catch {
    return WIDTH;
  }
}

/** The share of the whole that is done, and how long the rest will take if it goes on so. */
export function wholeText(seconds: number, share: number): string {
  const percent = `${Math.min(100, Math.floor(100 * share))} %`;
  if (share >= 1 || share < 0.02) return percent;
  return `${percent} · ${duration(seconds * (1 - share) / share)} left`;
}

/** A time in words: `40 s`, `2 min 10 s`, `3 h 5 min`. */
export function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
