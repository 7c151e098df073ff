import { JwtVerificationError } from "../errors.ts";
import type { IssuerRecord, KeySource } from "../types.ts";
import { hasControlCharacter, MAX_NAME_LENGTH } from "./name.ts";

/**
 * Finds the record of the issuer that a token names; without a promise if the source has it at hand.
 *
 * The name is compared exactly. One that the registry can't hold is not looked up.
 *
 * @throws {JwtVerificationError} `malformed`, `issuer_not_allowed`, `unknown_issuer`, `inactive_issuer`,
 * `registry_unavailable`, `registry_overloaded`; a promise rejects with the same.
 */
export function findIssuer(
  iss: unknown,
  source: KeySource,
  allowedIssuers: readonly string[] | undefined,
): IssuerRecord | Promise<IssuerRecord> {
  if (typeof iss !== "string" || iss === "") {
    throw new JwtVerificationError("malformed", 'Expected "iss" to be a non-empty string');
  }
  if (allowedIssuers !== undefined && !allowedIssuers.includes(iss)) {
    throw new JwtVerificationError("issuer_not_allowed", "Expected one of the allowed issuers");
  }
  if (iss.length > MAX_NAME_LENGTH || hasControlCharacter(iss)) throw unknownIssuer();

  let found: ReturnType<KeySource["find"]>;
  try {
    found = source.find(iss);
  } catch (cause) {
    throw unavailable(cause);
  }
  if (!(found instanceof Promise)) return activeRecord(found, iss);
  return found.then(
    (record) => activeRecord(record, iss),
    (cause) => {
      throw unavailable(cause);
    },
  );
}

function activeRecord(record: IssuerRecord | undefined, iss: string): IssuerRecord {
  if (record === undefined || record === null) throw unknownIssuer();
  // A source that folds case, trims or matches a pattern would hand one issuer's rights to another.
  if (record.issuer !== iss) {
    throw new JwtVerificationError(
      "registry_unavailable",
      "Expected the key source to answer with the issuer it was asked for",
    );
  }
  if (record.isActive !== true) {
    throw new JwtVerificationError("inactive_issuer", "The issuer is deactivated", {
      issuer: record.issuer,
    });
  }
  return record;
}

function unknownIssuer(): JwtVerificationError {
  return new JwtVerificationError("unknown_issuer", "The issuer is not registered");
}

function unavailable(cause: unknown): JwtVerificationError {
  if (cause instanceof JwtVerificationError && cause.reason === "registry_overloaded") return cause;
  return new JwtVerificationError("registry_unavailable", "The registry cannot be read", { cause });
}
