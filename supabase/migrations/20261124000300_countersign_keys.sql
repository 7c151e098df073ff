-- Countersign: which public keys are accepted, and what their ids are.
select countersign.begin_migration();
select countersign.begin_migration();

-- A key's id is a hash of its bytes, so two spellings of one key would be two keys: revoke one, and the
-- other still verifies; register it for two issuers, and each can sign for both. So exactly one encoding
-- of each key is accepted: RFC 5280 SubjectPublicKeyInfo in DER as every mainstream tool writes it.
-- Whether the numbers make a good key (a point on the curve, a modulus without small factors) is for the
-- verifier's importPublicKey, which registration tools run as well.
create or replace function countersign.spki(pem text) returns bytea
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
  body text;
  der bytea;
  head text;
  n_length int;
  e_at int;
  e_length int;
begin
  if length(pem) > 8192 then
    raise exception 'Public key is too long: expected at most 8192 characters' using errcode = 'check_violation';
  elsif pem ~ 'PRIVATE KEY' then
    raise exception 'Expected a public key, got a private one: treat it as disclosed and make a new pair'
      using errcode = 'check_violation', hint = 'The public half comes from: openssl pkey -in <file> -pubout';
  elsif pem ~ 'BEGIN CERTIFICATE' then
    raise exception 'Expected a public key, got a certificate' using errcode = 'check_violation',
      hint = 'Take its key out: openssl x509 -in <file> -noout -pubkey';
  elsif pem ~ 'BEGIN RSA PUBLIC KEY' then
    raise exception 'Expected an SPKI public key ("BEGIN PUBLIC KEY"), got PKCS #1' using errcode = 'check_violation',
      hint = 'Convert it: openssl rsa -RSAPublicKey_in -in <file> -pubout';
  end if;
  body := translate(
    substring(pem from '^[ \t\r\n]*-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/= \t\r\n]+)-----END PUBLIC KEY-----[ \t\r\n]*$'),
    E' \t\r\n', ''
  );
  if body is null then
    raise exception 'Expected exactly one PEM block, "-----BEGIN PUBLIC KEY-----" to "-----END PUBLIC KEY-----", and nothing around it'
      using errcode = 'check_violation';
  end if;
  if body !~ '^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$' then
    raise exception 'Public key is not base64 inside its PEM block' using errcode = 'check_violation';
  end if;
  der := decode(body, 'base64');
  if translate(encode(der, 'base64'), E'\n', '') <> body then
    raise exception 'Public key is not canonical base64 inside its PEM block' using errcode = 'check_violation';
  end if;

  head := encode(substring(der for 32), 'hex');
  if head ~ '^302a300506032b6570032100' and octet_length(der) = 44 -- Ed25519, RFC 8410 §4
    or head ~ '^3059301306072a8648ce3d020106082a8648ce3d03010703420004' and octet_length(der) = 91 -- P-256, RFC 5480 §2.1.1
    or head ~ '^3076301006072a8648ce3d020106052b8104002203620004' and octet_length(der) = 120 -- P-384
  then
    return der;
  end if;
  if head ~ '06072a8648ce3d0201' then
    raise exception 'EC keys have to be on P-256 or P-384, as an uncompressed point on a named curve'
      using errcode = 'check_violation', hint = 'Convert it: openssl ec -pubin -in <file> -pubout -conv_form uncompressed';
  end if;
  if head !~ '06092a864886f70d010101' then
    raise exception 'Public key is of no supported kind: expected RSA, P-256, P-384 or Ed25519 in SPKI'
      using errcode = 'check_violation';
  end if;
  -- RSA, RFC 3279 §2.3.1: SEQUENCE { SEQUENCE { rsaEncryption, NULL }, BIT STRING { SEQUENCE { n, e } } }.
  -- From 2048 bits up every length of the nest takes two bytes, except that of e: n begins at byte 32.
  if octet_length(der) >= 292 and head ~ '^3082....300d06092a864886f70d01010105000382....003082....0282' then
    n_length := get_byte(der, 30) * 256 + get_byte(der, 31);
    e_at := 32 + n_length;
    if octet_length(der) > e_at + 2 and n_length - (get_byte(der, 32) = 0)::int > 512 then
      raise exception 'RSA keys need at most 4096 bits: Deno verifies with no longer one'
        using errcode = 'check_violation', hint = 'Make one: openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072';
    end if;
  end if;
  if (n_length between 257 and 513 and octet_length(der) > e_at + 2) is not true then
    raise exception 'RSA keys need 2048 to 4096 bits, in the DER that openssl writes' using errcode = 'check_violation';
  end if;
  e_length := get_byte(der, e_at + 1);
  if get_byte(der, 2) * 256 + get_byte(der, 3) <> octet_length(der) - 4
    or get_byte(der, 21) * 256 + get_byte(der, 22) <> octet_length(der) - 23
    or get_byte(der, 26) * 256 + get_byte(der, 27) <> octet_length(der) - 28
    or get_byte(der, e_at) <> 2
    or e_length not between 1 and 127
    or octet_length(der) <> e_at + 2 + e_length
    -- DER integers are minimal and these are positive: a leading zero only where the next bit is set.
    or get_byte(der, 32) > 127 or (get_byte(der, 32) = 0 and get_byte(der, 33) < 128)
    or get_byte(der, e_at + 2) > 127
    or (get_byte(der, e_at + 2) = 0 and (e_length = 1 or get_byte(der, e_at + 3) < 128))
  then
    raise exception 'RSA key is not in the DER that openssl writes' using errcode = 'check_violation';
  end if;
  if get_byte(der, e_at - 1) % 2 = 0 then
    raise exception 'RSA modulus is even' using errcode = 'check_violation';
  end if;
  if get_byte(der, octet_length(der) - 1) % 2 = 0
    or e_length not between 3 and 5
    or (e_length = 3 and substring(der from e_at + 3) < '\x010001')
    or (e_length = 5 and get_byte(der, e_at + 2) > 0)
  then
    raise exception 'RSA exponent has to be odd, and from 65537 to 2^32' using errcode = 'check_violation';
  end if;
  return der;
end $$;
comment on function countersign.spki(text) is
  'The DER inside one PEM block of type PUBLIC KEY. Raises unless it is an RSA (2048 to 4096 bits), P-256, P-384 or Ed25519 key in its one canonical encoding.';

create or replace function countersign.key_id(pem text) returns text
language sql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
return pg_catalog.rtrim(
  pg_catalog.translate(pg_catalog.encode(pg_catalog.sha256(countersign.spki(pem)), 'base64'), '+/', '-_'), '='
);
comment on function countersign.key_id(text) is 'base64url(SHA-256(SPKI DER)): the kid of a public key.';

create or replace function countersign.key_fits(pem text, algorithm text) returns boolean
language sql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
return case pg_catalog.octet_length(countersign.spki(pem))
  when 44 then algorithm = 'EdDSA'
  when 91 then algorithm = 'ES256'
  when 120 then algorithm = 'ES384'
  else algorithm in ('RS256', 'RS384', 'RS512', 'PS256')
end;
comment on function countersign.key_fits(text, text) is 'Whether a key of this kind can verify this algorithm.';

create or replace function countersign.canonical_pem(pem text) returns text
language sql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
return E'-----BEGIN PUBLIC KEY-----\n'
  || pg_catalog.regexp_replace(
    pg_catalog.translate(pg_catalog.encode(countersign.spki(pem), 'base64'), E'\n', ''), '(.{64})(?=.)', E'\\1\n', 'g'
  )
  || E'\n-----END PUBLIC KEY-----\n';
comment on function countersign.canonical_pem(text) is
  'The same key with lines of 64 characters, so that registering it again is the same row again.';

-- Checks, generated columns and triggers run them as whoever writes the row.
select countersign.ensure_grants('function countersign.spki(text)', array['execute to service_role']);
select countersign.ensure_grants('function countersign.key_id(text)', array['execute to service_role']);
select countersign.ensure_grants('function countersign.key_fits(text, text)', array['execute to service_role']);
select countersign.ensure_grants('function countersign.canonical_pem(text)', array['execute to service_role']);

select countersign.end_migration();
