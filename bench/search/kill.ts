/** A run that is killed at random moments again and again ends as the unbroken one does. */

const RUN = new URL("./killed_run.ts", import.meta.url);

/** Kills a run so many times, and says whether what it found is what the unbroken one found. */
export async function kill(times: number): Promise<void> {
  const folder = await Deno.makeTempDir();
  const start = (checkpoint: string) =>
    new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", RUN.href, checkpoint],
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
  const whole = await new Response(start(`${folder}/whole.json`).stdout).text();
  let kills = 0;
  for (;;) {
    const child = start(`${folder}/killed.json`);
    const told = new Response(child.stdout).text();
    const delay = kills < times ? 300 + Math.random() * 1500 : 1e9;
    const timer = setTimeout(() => child.kill("SIGKILL"), Math.min(delay, 2 ** 30));
    const { success } = await child.status;
    clearTimeout(timer);
    const text = await told;
    if (success) {
      console.log(
        `killed ${kills} times; the result is ${text === whole ? "the same" : "ANOTHER"}: ` +
          `${text.length} characters of front, hall, counts and curve`,
      );
      if (text !== whole) Deno.exit(1);
      return;
    }
    kills++;
  }
}
