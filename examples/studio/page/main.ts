/// <reference lib="dom" />
/** Begins: opens the page with the first sample, and offers to go on with what was kept. */
import { typesetter } from "../../../search/page/typesetter.ts";
import type { SampleName } from "../protocol.ts";
import { SAMPLES } from "../samples/list.ts";
import { keptSession } from "../storage.ts";
import { h, messageOf, the } from "./dom.ts";
import { fail } from "./notices.ts";
import { offer } from "./offer.ts";
import { Studio } from "./studio.ts";

/** Whether no other tab of this page is open: two would write the same files. */
function isAlone(): Promise<boolean> {
  return new Promise((resolve) => {
    if (navigator.locks === undefined) return resolve(true);
    const options = { ifAvailable: true };
    void navigator.locks.request("gradus-studio", options, (lock) => {
      resolve(lock !== null);
      // Held until the page is closed.
      return lock === null ? Promise.resolve() : new Promise<never>(() => {});
    });
  });
}

try {
  const alone = await isAlone();
  const session = alone ? await keptSession().catch(() => undefined) : undefined;
  const studio = new Studio(await typesetter(), alone);
  if (session !== undefined) await offer(session, () => void studio.resume(session));
  if (!alone) {
    the("saved").replaceChildren(
      h("p", {}, "This page is open in another tab too. What is trained here is not saved."),
    );
    the("saved").hidden = false;
  }
  // A link may name another sample than the first: `#moons`.
  const asked = location.hash.slice(1);
  await studio.start(Object.hasOwn(SAMPLES, asked) ? asked as SampleName : "digits");
} catch (error) {
  fail(`This page could not begin: ${messageOf(error)}`);
}
