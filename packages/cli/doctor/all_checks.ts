import { accessCheck } from "./access.ts";
import { apikeyCheck } from "./apikey.ts";
import type { Check } from "./check.ts";
import { clockCheck } from "./clock.ts";
import { functionCheck } from "./function.ts";
import { guardCheck } from "./guard.ts";
import { issuersCheck } from "./issuers.ts";
import { keysCheck } from "./keys.ts";
import { migrationsCheck } from "./migrations.ts";
import { registryCheck } from "./registry.ts";
import { rolesCheck } from "./roles.ts";
import { secretCheck } from "./secret.ts";
import { tablesCheck } from "./tables.ts";
import { verifyJwtCheck } from "./verify_jwt.ts";

/** Every check, from the outside to the inside: an earlier problem often explains a later one. */
export const CHECKS: readonly Check[] = [
  functionCheck,
  verifyJwtCheck,
  apikeyCheck,
  registryCheck,
  secretCheck,
  clockCheck,
  accessCheck,
  migrationsCheck,
  guardCheck,
  issuersCheck,
  rolesCheck,
  keysCheck,
  tablesCheck,
];
