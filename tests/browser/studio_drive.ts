/** Scripts that use the studio as a person does, and report what they saw. */

/** What a script has: `until`, `phase`, `told`, `press`, `train`, and what a person sees. */
const HANDS = `
  const until = async (test, what) => {
    for (const begun = Date.now(); !await test();) {
      if (!document.getElementById("error").hidden && what !== "error") {
        throw new Error(document.getElementById("error").textContent);
      }
      if (Date.now() - begun > 240_000) throw new Error("not in time: " + what);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const text = (id) => document.getElementById(id).textContent;
  const phase = () => document.body.dataset.phase;
  const press = (id) => document.getElementById(id).click();
  const button = (name, within = document) =>
    [...within.querySelectorAll("button")].find((each) => each.textContent === name);
  /** The control under a label. */
  const control = (label, within = document) => document.getElementById(
    [...within.querySelectorAll("label")].find((each) => each.textContent === label).htmlFor);
  const set = (label, value, within) => {
    const field = control(label, within);
    field.value = value;
    field.dispatchEvent(new Event("change"));
  };
  const ready = () => until(() => phase() === "ready" && text("status").includes("operators"), "ready");
  const choose = async (name) => {
    document.querySelector("input[value=" + name + "]").click();
    await until(() => phase() === "opening", "opening");
    await ready();
  };
  const step = () => Number(/Step ([\\d,]+)/.exec(text("status"))?.[1].replaceAll(",", "") ?? 0);
  const saved = () => Number(/Saved at step ([\\d,]+)/.exec(text("status"))?.[1].replaceAll(",", "") ?? 0);
  const train = async () => {
    press("train");
    await until(() => phase() === "done", "done");
  };
  /** What is kept of the curves. */
  const kept = async () => {
    const root = await navigator.storage.getDirectory();
    const file = await (await root.getDirectoryHandle("studio")).getFileHandle("lane-0.json");
    return JSON.parse(await (await file.getFile()).text());
  };
  const drop = (...files) => {
    const dataTransfer = new DataTransfer();
    for (const file of files) dataTransfer.items.add(file);
    document.dispatchEvent(new DragEvent("drop", { dataTransfer }));
  };
  const last = () => Object.fromEntries([...document.querySelectorAll("#numbers dt")].map((each) =>
    [each.textContent, parseFloat(each.nextElementSibling.textContent)]));
`;

/** A script that does `work` when the page is there, and reports what it returns. */
export function driven(work: string): string {
  return `
    addEventListener("DOMContentLoaded", async () => {
      ${HANDS}
      try {
        report(JSON.stringify({ value: await (async () => { ${work} })() }));
      } catch (error) {
        report(JSON.stringify({ error: error.message + " (" + phase() + ": " + text("status") + ")" }));
      }
    });
  `;
}
