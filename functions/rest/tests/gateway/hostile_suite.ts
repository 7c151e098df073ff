/**
 * The hostile suite through a gateway that keeps answers (the function allows half a minute), and the same refusals,
 * word for word, from a function without a gateway.
 */
import { behindNginx, inProcess, ownProcess } from "@countersign/fixture/stage";
import { runHostileSuite } from "../hostile/run_hostile_suite.ts";

/** What nginx does not take for HTTP, or not for HTTP that one may ask it. Nothing else. */
const REFUSED_BY_NGINX = [
  "a Host header that spells another path",
  "method get",
  "path /rest/v1/widgets%00",
  "two Authorization headers, the first honest",
  "two Authorization headers, the second honest",
];

runHostileSuite(
  behindNginx(inProcess),
  ownProcess,
  { env: { COUNTERSIGN_MAX_STALENESS: "30s" } },
  REFUSED_BY_NGINX,
);
