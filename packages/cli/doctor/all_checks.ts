import { accessCheck } from "./checks/access.ts";
import { apikeyCheck } from "./checks/apikey.ts";
import type { Check } from "./finding.ts";
import { clockCheck } from "./checks/clock.ts";
import { functionCheck } from "./checks/function.ts";
import { guardCheck } from "./checks/guard.ts";
import { issuersCheck } from "./checks/issuers.ts";
import { keysCheck } from "./checks/keys.ts";
import { migrationsCheck } from "./checks/migrations.ts";
import { registryCheck } from "./checks/registry.ts";
import { rolesCheck } from "./checks/roles.ts";
import { secretCheck } from "./checks/secret.ts";
import { tablesCheck } from "./checks/tables.ts";
import { verifyJwtCheck } from "./checks/verify_jwt.ts";

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
