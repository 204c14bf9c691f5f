// The reasons behind the codes, in the words of the native command: `tests/js/command.test.mjs` holds both side by side.

const TARGET = {
  dot_segment: 'the path has a "." or ".." segment',
  encoded_delimiter: "the path has an encoded delimiter",
  encoded_slash: "the path has an encoded slash, which this route does not accept",
  encoded_unreserved: "the path encodes a character that needs no encoding",
  matrix_parameter: 'the path has a ";"',
  backslash: "the target has a backslash",
  fragment: 'the target has a "#"',
  control_character: "the target has a control character",
  non_ascii: "the target has a byte outside ASCII",
  invalid_utf8: "the path encodes bytes that are no UTF-8",
  empty_segment: "the path has an empty segment",
  not_absolute_path: 'the target does not start with "/"',
  bad_percent_encoding: 'the path has a "%" without two hexadecimal digits',
  invalid_character: "the target has a character that is not allowed there",
  too_long: "the target is too long",
  too_many_segments: "the path has too many segments",
};

const SHAPE = {
  too_long: "the text is longer than any key",
  not_ascii: "the text has a character that no key has",
  wrong_prefix: "the text does not start with the product and an environment",
  wrong_length: "the text is too short or too long",
  wrong_alphabet: "the text has a character that is not base62",
  wrong_checksum: "the checksum does not match; the key was mistyped or cut",
  token_malformed: "the bearer value is not three parts joined by dots",
  empty: '"Bearer" stands without a token',
};

const TOKEN = {
  token_malformed: "not three parts joined by dots",
  token_too_large: "the token is too large",
  base64_invalid: "a part is not strict base64url",
  header_invalid: "the header is not what a header may be",
  header_duplicate_member: "the header has a member twice",
  alg_missing: "the header names no algorithm",
  alg_not_allowed: "the policy does not allow the algorithm",
  alg_key_mismatch: "the key is not for this algorithm",
  crit_invalid: '"crit" is not what it may be',
  crit_unsupported: "the header demands an extension that is not supported",
  b64_unsupported: "an unencoded payload is not supported",
  typ_mismatch: "the token is of another type",
  nested_unsupported: "a token inside a token is not supported",
  key_not_found: "the issuer has no such key",
  key_ambiguous: "several keys of the issuer could be meant",
  key_use_mismatch: "the key is not for verifying signatures",
  key_invalid: "the key is broken",
  key_weak: "the key is too weak",
  jwks_invalid: "the key set is none",
  jwks_private_key: "the key set holds a private key",
  signature_invalid: "the signature is wrong",
  claims_invalid: "the claims are not a JSON object",
  claims_duplicate_member: "the claims have a member twice",
  claim_missing: "a required claim is missing",
  claim_type: "a claim is of the wrong type",
  issuer_mismatch: "it is from another issuer",
  audience_mismatch: "it is for another audience",
  expired: "it has expired",
  not_yet_valid: "it is not valid yet",
  issued_in_future: "it was issued in the future",
  token_too_old: "it is too old",
};

/** Why a request was denied, for whoever runs the command; undefined where the code says it all. */
export function reasonOf({ code, detail, effects }) {
  switch (code) {
    case "noncanonical_target": return TARGET[detail];
    case "malformed_credential": return SHAPE[detail];
    case "invalid_token": return `${detail}: ${TOKEN[detail]}`;
    case "invalid_credential": return effects.audit.reason.replaceAll("_", " ");
    default: return undefined;
  }
}
