/** Runs the tests of the group "rest", which `together.ts` describes. */
import { together } from "../together.ts";

await together("rest");
