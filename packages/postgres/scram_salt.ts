import type { PostgresTarget } from "./postgres_url.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Types of an Authentication message (PostgreSQL protocol, "Message Formats"). */
const SASL = 10;
const SASL_CONTINUE = 11;

/** StartupMessage of protocol 3.0. */
export function startup({ user, database }: PostgresTarget): Uint8Array {
  const parameters = ["user", user, "database", database, "application_name", "countersign", ""];
  const text = encoder.encode(parameters.join("\0") + "\0");
  return concat(int32(8 + text.length), int32(3 << 16), text);
}

/**
 * SASLInitialResponse for SCRAM-SHA-256. The nonce protects whoever goes on to the proof, which nobody does
 * after this one.
 */
export function scramFirst(): Uint8Array {
  const message = encoder.encode("n,,n=,r=countersign");
  const mechanism = encoder.encode("SCRAM-SHA-256\0");
  const body = concat(mechanism, int32(message.length), message);
  return concat(encoder.encode("p"), int32(4 + body.length), body);
}

/** Whether the server asks for SCRAM-SHA-256. */
export function offersScram(message: Uint8Array): boolean {
  return authentication(message, SASL)?.split("\0").includes("SCRAM-SHA-256") ?? false;
}

/**
 * The salt of the role's password, from the server's first message (RFC 5802, section 5). Postgres draws a
 * new one whenever a password is set, be it the same, and makes one up for a role that has none.
 */
export function saltIn(message: Uint8Array): string | undefined {
  return /,s=([^,]+)/.exec(authentication(message, SASL_CONTINUE) ?? "")?.[1];
}

/** What an Authentication message of this type says. */
function authentication(bytes: Uint8Array, type: number): string | undefined {
  if (bytes[0] !== "R".charCodeAt(0) || bytes.length < 9) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return view.getInt32(5) === type
    ? decoder.decode(bytes.subarray(9, 1 + view.getInt32(1)))
    : undefined;
}

function int32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value);
  return bytes;
}

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
