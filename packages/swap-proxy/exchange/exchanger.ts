import { verifyMultiIssuerJwt } from "@countersign/verifier";
import { sealed } from "../downstream/sealed_claims.ts";
import type { Swap } from "../events/swap_observer.ts";
import type { GuardGate } from "../health/guard_gate.ts";
import type { RoleClaimGate } from "../health/role_claim_gate.ts";
import type { ProxySettings } from "../options/proxy_settings.ts";
import type { RefusalContext } from "../refusal/refusal_response.ts";
import type { Refusal, RefusalReason } from "../refusal/refusals.ts";
import { narrowedClaims } from "./narrowed_claims.ts";
import { issued, tokenRefusal } from "./token_answers.ts";
import { readTokenForm, type TokenForm } from "./token_request.ts";

/** One token request. */
export interface Exchange {
  /**
   * Answers it with a token.
   *
   * @param verify From the settings, with the rule that the caller names.
   * @throws {JwtVerificationError | SwapProxyError} The request is refused.
   */
  answer(request: Request, verify: ProxySettings["verify"], swap: Swap): Promise<Response>;
  /** Answers it with what was thrown. */
  refused(refusal: Refusal, reason: RefusalReason, context: RefusalContext): Response;
}

/**
 * Makes what exchanges tokens (RFC 8693, RFC 7523): a verified token of an issuer, or of a provider, for one that goes
 * straight to the platform.
 *
 * Only where PostgREST calls the guard: nothing else would tell it of a revocation.
 *
 * **Does not** exchange what it has issued: that is no issuer's token.
 */
export function createExchanger(
  { keySource, signer, verify: rules, now }: ProxySettings,
  roleClaim: RoleClaimGate,
  guard: GuardGate,
): () => Exchange {
  return () => {
    let form: TokenForm | undefined;
    return {
      async answer(request, verify, swap) {
        form = await readTokenForm(request);
        const { subjectToken, issuedType, ...wish } = form.read();
        const verified = await verifyMultiIssuerJwt(subjectToken, verify);
        swap.verified(verified);

        const nowSec = Math.floor(now() / 1000);
        const claims = narrowedClaims(verified, wish, rules, nowSec);
        await roleClaim.pass();
        await guard.require();
        const sealKey = await keySource.sealKey?.();
        const token = await signer.sign(await sealed(claims, sealKey));
        swap.minted();

        const { role, exp } = claims;
        const expiresIn = exp - nowSec;
        return swap.exchanged(
          issued({
            access_token: token,
            issued_token_type: issuedType,
            token_type: "Bearer",
            expires_in: expiresIn,
            scope: role,
          }),
          { role, expiresIn },
        );
      },
      refused: (refusal, reason, context) => tokenRefusal(form?.grant, refusal, reason, context),
    };
  };
}
