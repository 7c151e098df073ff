import { allowedIssuersCheck } from "./checks/outside/allowed_issuers.ts";
import { apikeyCheck } from "./checks/outside/apikey.ts";
import { audienceCheck } from "./checks/outside/audience.ts";
import { clockCheck } from "./checks/outside/clock.ts";
import { functionCheck } from "./checks/outside/function.ts";
import { registryCheck, versionCheck } from "./checks/outside/registry.ts";
import { roleClaimCheck } from "./checks/outside/role_claim.ts";
import { secretCheck } from "./checks/outside/secret.ts";
import { upstreamCheck } from "./checks/outside/upstream.ts";
import { verifyJwtCheck } from "./checks/outside/verify_jwt.ts";
import { accessCheck } from "./checks/registry/access.ts";
import { federationCheck } from "./checks/registry/federation.ts";
import { grantsCheck } from "./checks/registry/grants.ts";
import { guardCheck } from "./checks/registry/guard.ts";
import { issuersCheck } from "./checks/registry/issuers.ts";
import { keysCheck } from "./checks/registry/keys.ts";
import { migrationsCheck } from "./checks/registry/migrations.ts";
import { postgrestCheck } from "./checks/registry/postgrest.ts";
import { rolesCheck } from "./checks/registry/roles.ts";
import { sessionsCheck } from "./checks/registry/sessions.ts";
import { functionsCheck } from "./checks/tables/functions.ts";
import { policiesCheck } from "./checks/tables/policies.ts";
import { rowSecurityCheck } from "./checks/tables/row_security.ts";
import { schemasCheck } from "./checks/tables/schemas.ts";
import { userIdsCheck } from "./checks/tables/user_ids.ts";
import { viewsCheck } from "./checks/tables/views.ts";
import type { Check } from "./finding.ts";

/** Every check, from the outside to the inside: an earlier problem often explains a later one. */
export const CHECKS: readonly Check[] = [
  functionCheck,
  verifyJwtCheck,
  versionCheck,
  apikeyCheck,
  upstreamCheck,
  secretCheck,
  roleClaimCheck,
  clockCheck,
  audienceCheck,
  allowedIssuersCheck,
  accessCheck,
  registryCheck,
  migrationsCheck,
  guardCheck,
  grantsCheck,
  sessionsCheck,
  postgrestCheck,
  issuersCheck,
  keysCheck,
  federationCheck,
  rolesCheck,
  schemasCheck,
  rowSecurityCheck,
  policiesCheck,
  viewsCheck,
  functionsCheck,
  userIdsCheck,
];
