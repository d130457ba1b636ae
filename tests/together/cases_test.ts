/** Runs the tests of the group "cases", which `together.ts` describes. */
import { together } from "../together.ts";

await together("cases");
