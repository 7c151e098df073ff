import type { RefusalReason } from "@countersign/swap-proxy";
import type { Attempt, Change, TokenForge } from "@countersign/fixture";
import type { Stage } from "@countersign/fixture/stage";

export type Forge = (stage: Stage) => Attempt | Promise<Attempt>;

/** An attack, and a twin that differs only in the attack and passes. */
export interface HostileCase {
  readonly attack: string;
  /** Why it is refused: the precise reason, which only the log tells. */
  readonly refused: RefusalReason;
  readonly forge: Forge;
  readonly twin: Forge;
}

type ChangeOf = Change | ((stage: Stage) => Change);
type Issuer = (stage: Stage) => TokenForge;

/**
 * A case in which one change of an honest token is the attack. The twin is the token without the
 * change.
 */
export function tokenAttack(
  attack: string,
  refused: RefusalReason,
  change: ChangeOf,
  { twin = {}, as = (stage) => stage.warehouse, twinAs = as }: {
    twin?: ChangeOf;
    as?: Issuer;
    twinAs?: Issuer;
  } = {},
): HostileCase {
  const forge = (issuer: Issuer, made: ChangeOf): Forge => (stage) => ({
    token: issuer(stage).token(typeof made === "function" ? made(stage) : made),
  });
  return { attack, refused, forge: forge(as, change), twin: forge(twinAs, twin) };
}
