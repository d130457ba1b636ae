/** What contestants in TypeScript share: a line is read, done, and answered by a line, as README.md tells. */

/** A cell that is open. */
export interface Opened {
  /** So many steps by sets of gradients in turn, then every so manieth parameter. */
  check(
    steps: number,
    stride: number,
  ): Float32Array<ArrayBuffer> | Promise<Float32Array<ArrayBuffer>>;
  /** Milliseconds of so many steps, or of so many trainings. */
  time(steps: number): number | Promise<number>;
  /** Gives back all arrays. */
  close(): void | Promise<void>;
}

/** What a line that opens a cell says. */
export interface Opening {
  readonly rule: string;
  readonly form: string;
  readonly folder: string;
  readonly shapes: readonly (readonly number[])[];
  readonly numbers: Readonly<Record<string, number>>;
}

/** Answers lines until there are no more; an error ends the process. */
export async function serve(
  hello: string,
  open: (opening: Opening) => Opened | string | Promise<Opened | string>,
): Promise<void> {
  console.log(`hello ${hello}`);
  let opened: Opened | undefined;
  let rest = "";
  for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      try {
        console.log(await answer(line.split(" ")));
      } catch (error) {
        console.log(`failed ${String(error).replaceAll("\n", " ")}`);
        Deno.exit(1);
      }
    }
  }
  Deno.exit(0);

  async function answer([what, ...words]: string[]): Promise<string> {
    if (what === "open") {
      const made = await open(openingOf(words));
      if (typeof made === "string") return `absent ${made.replaceAll("\n", " ")}`;
      opened = made;
      return "ready";
    }
    if (what === "check") {
      const [steps, stride] = words.map(Number);
      const found = await opened!.check(steps, stride);
      await Deno.writeFile(words[2], new Uint8Array(found.buffer));
      return "done";
    }
    if (what === "time") return String(Math.round(1e6 * await opened!.time(Number(words[0]))));
    if (what === "close") {
      await opened?.close();
      opened = undefined;
      return "closed";
    }
    throw new Error(`no such line: ${what}`);
  }
}

/** What the words behind `open` say. */
export function openingOf([rule, form, folder, ...spelled]: string[]): Opening {
  const numbers = Object.fromEntries(
    spelled.map((each) => each.split("=")).map(([name, number]) => [name, Number(number)]),
  );
  const lines = Deno.readTextFileSync(`${folder}/shapes.txt`).trim().split("\n");
  return { rule, form, folder, shapes: lines.map((line) => line.split(" ").map(Number)), numbers };
}

/** A block of numbers that a folder holds. */
export function blockOf(folder: string, name: "w" | "g"): Float32Array<ArrayBuffer> {
  return new Float32Array(Deno.readFileSync(`${folder}/${name}.f32`).buffer);
}

/** Arrays of some sizes that are filled with a block again and again, from some place in it on. */
export function repeated(
  block: Float32Array,
  sizes: readonly number[],
  start = 0,
): Float32Array<ArrayBuffer>[] {
  let from = start % block.length;
  return sizes.map((size) => {
    const array = new Float32Array(size);
    for (let at = 0; at < size;) {
      const some = block.subarray(from, from + Math.min(size - at, block.length - from));
      array.set(some, at);
      at += some.length;
      from = (from + some.length) % block.length;
    }
    return array;
  });
}

/** Every so manieth number of all arrays, one behind the other. */
export function sampled(
  arrays: readonly Float32Array[],
  stride: number,
): Float32Array<ArrayBuffer> {
  const found: number[] = [];
  let at = 0;
  for (const array of arrays) {
    for (; at < array.length; at += stride) found.push(array[at]);
    at -= array.length;
  }
  return Float32Array.from(found);
}

/** The number of elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}
