/**
 * Puts faults into the code, one at a time, and tells which of them no test notices:
 * `deno run -A bench/faults.ts [PART OF A PATH] [--from N]`.
 *
 * All is done in a copy. What survives wants a test, or is no fault: some changes are the same program.
 */
import { FAULTS } from "./faults/list.ts";

/** A trial that takes longer has been noticed: the tests hang. */
const PATIENCE = 240_000;

const root = new URL("..", import.meta.url).pathname;

async function output(command: string, args: readonly string[], cwd: string): Promise<string> {
  const { stdout } = await new Deno.Command(command, { args: [...args], cwd }).output();
  return new TextDecoder().decode(stdout);
}

/** The tests' end, of one file: passed, failed or too late. */
async function outcome(test: string, cwd: string): Promise<"passed" | "failed" | "hung"> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--quiet", "--no-check", "--fail-fast", test],
    cwd,
    stdout: "null",
    stderr: "null",
  }).spawn();
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    child.kill("SIGKILL");
  }, PATIENCE);
  const { success } = await child.status;
  clearTimeout(timer);
  return isLate ? "hung" : success ? "passed" : "failed";
}

/** A copy of what git knows, as it is in the working tree. */
async function copied(): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "faults" });
  const names = (await output("git", ["ls-files", "-z"], root)).split("\0").filter(Boolean);
  for (const name of names) {
    await Deno.mkdir(`${folder}/${name}`.replace(/\/[^/]*$/, ""), { recursive: true });
    await Deno.copyFile(`${root}/${name}`, `${folder}/${name}`).catch(() => {});
  }
  return folder;
}

const at = Deno.args.indexOf("--from");
const first = at < 0 ? 0 : Number(Deno.args[at + 1]);
const part = Deno.args[0]?.startsWith("--") ? "" : Deno.args[0] ?? "";
const chosen = FAULTS.map((fault, number) => ({ fault, number }))
  .filter(({ fault, number }) => number >= first && fault.file.includes(part));
const folder = await copied();
const survivors: string[] = [];
/** Tests that fail without any fault, which would notice all. */
const useless = new Map<string, Promise<boolean>>();
try {
  for (const { fault: { file, find, replace, tests }, number } of chosen) {
    const path = `${folder}/${file}`;
    const whole = await Deno.readTextFile(path);
    const name = `${number}  ${file}: ${find}`;
    if (whole.split(find).length !== 2) {
      console.log(`CANNOT  ${name}\n        it must be there once`);
      continue;
    }
    let noticed: string | undefined;
    for (const test of tests) {
      if (!useless.has(test)) {
        useless.set(test, outcome(test, folder).then((before) => before !== "passed"));
      }
      if (await useless.get(test)) continue;
      await Deno.writeTextFile(path, whole.replace(find, () => replace));
      const end = await outcome(test, folder);
      await Deno.writeTextFile(path, whole);
      if (end === "passed") continue;
      noticed = `${test}${end === "hung" ? ", which hangs" : ""}`;
      break;
    }
    if (noticed === undefined) survivors.push(name);
    console.log(
      noticed === undefined ? `SURVIVES  ${name}` : `noticed  ${name}\n         by ${noticed}`,
    );
  }
} finally {
  await Deno.remove(folder, { recursive: true });
}
for (const [test, isUseless] of useless) {
  if (await isUseless) console.log(`${test} fails without any fault, and was left out`);
}
console.log(`\n${survivors.length} of ${chosen.length} survive${["", ...survivors].join("\n  ")}`);
