/// <reference lib="dom" />
/// <reference lib="dom.asynciterable" />
/** A training as it is kept in the page's private files between visits: one, which a new one replaces. */
import type { GivenFile, History, OptimizerChoice, Plan, SampleName, Source } from "./protocol.ts";

/** What a training is of, but for its progress. */
export interface Session {
  readonly source: Source;
  readonly plan: Plan;
  readonly optimizers: readonly OptimizerChoice[];
}

/** The same as JSON says it: files by their paths, whose bytes lie beside it. */
interface Noted extends Omit<Session, "source"> {
  readonly model: SampleName | readonly string[];
  readonly files: readonly string[];
  readonly text?: string;
  readonly drawn: readonly { readonly image: readonly number[]; readonly label: number }[];
}

const FOLDER = "studio";
const SESSION = "session.json";

/** Keeps what a training is of; whatever was kept before is gone. */
export async function keepSession({ source, ...rest }: Session): Promise<void> {
  await forgetSession();
  const { model, files, text, drawn } = source;
  const paths = (all: readonly GivenFile[]) => all.map(({ path }) => path);
  const noted: Noted = {
    ...rest,
    model: typeof model === "string" ? model : paths(model),
    files: paths(files),
    text,
    drawn: drawn.map(({ image, label }) => ({ image: [...image], label })),
  };
  const named = (kind: string, given: readonly GivenFile[]) =>
    given.map(({ file }, i) => [`${kind}-${i}`, file] as const);
  const all = [...named("model", typeof model === "string" ? [] : model), ...named("file", files)];
  for (const [name, file] of all) await write(name, file);
  // The last: without it there is no session.
  await write(SESSION, JSON.stringify(noted));
}

/** The training that is kept, or undefined. */
export async function keptSession(): Promise<Session | undefined> {
  const text = await (await read(SESSION))?.text();
  if (text === undefined || await read(checkpointOf(0)) === undefined) return undefined;
  const { model, files, text: learned, drawn, ...rest }: Noted = JSON.parse(text);
  const given = async (kind: string, paths: readonly string[]) => {
    const found = await Promise.all(paths.map((_, i) => read(`${kind}-${i}`)));
    return paths.flatMap((path, i) => found[i] === undefined ? [] : [{ path, file: found[i]! }]);
  };
  const source: Source = {
    model: typeof model === "string" ? model : await given("model", model),
    files: await given("file", files),
    text: learned,
    drawn: drawn.map(({ image, label }) => ({ image: Float32Array.from(image), label })),
  };
  return { ...rest, source };
}

/** Removes what is kept. */
export async function forgetSession(): Promise<void> {
  const root = await navigator.storage.getDirectory();
  await root.removeEntry(FOLDER, { recursive: true }).catch(() => {});
}

/** Keeps how far a training is: its curves first, of which those beyond the checkpoint are not read. */
export async function keepProgress(
  lane: number,
  checkpoint: Uint8Array<ArrayBuffer>,
  history: History,
): Promise<void> {
  await write(historyOf(lane), JSON.stringify(history));
  await write(checkpointOf(lane), checkpoint);
}

/** How far a training was, or undefined. */
export async function keptProgress(
  lane: number,
): Promise<
  { readonly checkpoint: Uint8Array<ArrayBuffer>; readonly history: History } | undefined
> {
  const [checkpoint, history] = await Promise.all([
    read(checkpointOf(lane)),
    read(historyOf(lane)),
  ]);
  if (checkpoint === undefined) return undefined;
  return {
    checkpoint: new Uint8Array(await checkpoint.arrayBuffer()),
    history: history === undefined ? { losses: [], scores: [] } : JSON.parse(await history.text()),
  };
}

function checkpointOf(lane: number): string {
  return `lane-${lane}.safetensors`;
}

function historyOf(lane: number): string {
  return `lane-${lane}.json`;
}

async function folder(): Promise<FileSystemDirectoryHandle> {
  const root = await navigator.storage.getDirectory();
  return await root.getDirectoryHandle(FOLDER, { create: true });
}

/** Replaces a file when all has been written: after a crash it is the one of before, or the new one. */
async function write(
  name: string,
  content: Blob | Uint8Array<ArrayBuffer> | string,
): Promise<void> {
  const handle = await (await folder()).getFileHandle(name, { create: true });
  const stream = await handle.createWritable();
  await stream.write(content);
  await stream.close();
}

async function read(name: string): Promise<File | undefined> {
  try {
    return await (await (await folder()).getFileHandle(name)).getFile();
  } catch {
    return undefined;
  }
}
