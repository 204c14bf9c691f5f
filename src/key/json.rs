//! Records as JSON text, without serde: what the module that travels reads and writes. It holds the members of version 1 only; who
//! stores a record with others keeps them beside it.

use base64ct::{Base64UrlUnpadded, Encoding};

use super::record::KeyHash;
#[cfg(any(test, target_arch = "wasm32"))]
use super::record::KeyRecord;
use crate::json::write::Writer;
use crate::time::UnixSeconds;

impl KeyHash {
    /// Writes the members of a hash.
    pub(crate) fn members(&self, json: &mut Writer) {
        let mut text = [0_u8; 43];
        json.name("alg").string(self.alg.name());
        json.name("kid").nullable(self.kid.as_deref());
        json.name("hash").string(Base64UrlUnpadded::encode(self.hash.as_bytes(), &mut text).unwrap_or_default());
        json.name("notAfter");
        instant(self.not_after, json);
    }
}

fn instant(value: Option<UnixSeconds>, json: &mut Writer) {
    match value {
        Some(seconds) => json.signed(seconds.get()),
        None => json.null(),
    }
}

#[cfg(any(test, target_arch = "wasm32"))]
impl KeyRecord {
    /// Writes the members of version 1.
    pub(crate) fn members(&self, json: &mut Writer) {
        json.name("v").whole(self.v.into());
        json.name("id").string(self.id.as_str());
        json.name("env").string(&self.env);
        json.name("owner").string(&self.owner);
        json.name("label").string(&self.label);
        json.name("scopes").strings(self.scopes.iter().map(|scope| &**scope));
        json.name("hashes").array(|json| {
            for hash in &self.hashes {
                json.object(|json| hash.members(json));
            }
        });
        json.name("sealed").boolean(self.sealed);
        let instants = [
            ("createdAt", Some(self.created_at)),
            ("expiresAt", self.expires_at),
            ("revokedAt", self.revoked_at),
            ("graceUntil", self.grace_until),
            ("lastUsedAt", self.last_used_at),
        ];
        for (name, value) in instants {
            json.name(name);
            instant(value, json);
        }
        json.name("ipAllow").array(|json| {
            for block in &self.ip_allow {
                json.shown(block);
            }
        });
        json.name("rotatedFrom").nullable(self.rotated_from.as_ref().map(|id| id.as_str()));
        json.name("version").whole(self.version);
    }
}

#[cfg(target_arch = "wasm32")]
pub(crate) use self::reading::{
    checked, decode, from_json, instant as read_instant, ip_block, record as read_record, some_instant,
};

#[cfg(any(test, target_arch = "wasm32"))]
mod reading {
    use alloc::collections::BTreeMap;
    use alloc::format;
    use alloc::string::String;
    use alloc::vec::Vec;

    use super::*;
    use crate::json::members::{Place, known_members, members};
    use crate::json::read::{Read, Reader, Wrong, whole};
    use crate::key::format::KeyId;
    use crate::key::hash::{HashAlgorithm, KeyDigest};
    use crate::key::ip::IpBlock;

    /// Whole Unix seconds.
    pub(crate) fn instant(reader: &mut Reader<'_>) -> Read<UnixSeconds> {
        let seconds = i64::try_from(reader.whole()?).ok();
        seconds.and_then(UnixSeconds::new).ok_or_else(|| reader.fault("not an instant"))
    }

    /// Whole Unix seconds, or null.
    pub(crate) fn some_instant(reader: &mut Reader<'_>) -> Read<Option<UnixSeconds>> {
        reader.nullable(instant)
    }

    /// A block of addresses.
    pub(crate) fn ip_block(reader: &mut Reader<'_>) -> Read<IpBlock> {
        reader.string()?.parse().map_err(|error| reader.fault(format!("{error}")))
    }

    fn key_id(reader: &mut Reader<'_>) -> Read<KeyId> {
        KeyId::parse(&reader.string()?).ok_or_else(|| reader.fault("not an id"))
    }

    fn digest(reader: &mut Reader<'_>) -> Read<KeyDigest> {
        let bytes = decode(&reader.string()?).and_then(|bytes| bytes.try_into().ok());
        bytes.map(KeyDigest::from_bytes).ok_or_else(|| reader.fault("not a digest"))
    }

    /// The bytes of base64url without padding.
    #[inline(never)]
    pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
        Base64UrlUnpadded::decode_vec(text).ok()
    }

    fn key_hash(reader: &mut Reader<'_>) -> Read<KeyHash> {
        let (mut alg, mut hash) = (0, KeyDigest::from_bytes([0; 32]));
        let (mut kid, mut not_after) = (None, None);
        members!(reader, "", {
            "alg" => Place::Choice(&mut alg, const { &[HashAlgorithm::HmacSha256.name(), HashAlgorithm::Sha256.name()] }),
            "kid??" => Place::SomeText(&mut kid),
            "hash" => Place::Other(&mut |reader| reader.put(&mut hash, digest)),
            "notAfter?" => Place::Other(&mut |reader| reader.put(&mut not_after, some_instant)),
        })?;
        let alg = if alg == 0 { HashAlgorithm::HmacSha256 } else { HashAlgorithm::Sha256 };
        Ok(KeyHash { alg, kid: kid.map(String::into_boxed_str), hash, not_after })
    }

    /// Reads a record: each member must be there, once. No message repeats what was found.
    pub(crate) fn record(reader: &mut Reader<'_>) -> Read<KeyRecord> {
        if reader.token() != Some(b'{') {
            return Err(reader.fault("expected a key record"));
        }
        let (mut v, mut version, mut sealed) = (0, 0, false);
        let (mut env, mut owner, mut label) = (String::new(), String::new(), String::new());
        let (mut scopes, mut hashes, mut ip_allow) = (Vec::new(), Vec::new(), Vec::new());
        let (mut id, mut rotated_from) = (None, None);
        let (mut created_at, mut expires_at, mut revoked_at) = (UnixSeconds::EPOCH, None, None);
        let (mut grace_until, mut last_used_at) = (None, None);
        known_members!(reader, {
            "v", "1" => Place::Whole(&mut v),
            "id", "12 base62 characters" => Place::Other(&mut |reader| {
                id = Some(key_id(reader)?);
                Ok(())
            }),
            "env", "a string" => Place::Text(&mut env),
            "owner", "a string" => Place::Text(&mut owner),
            "label", "a string" => Place::Text(&mut label),
            "scopes", "a list of scope names" => Place::Texts(&mut scopes),
            "hashes", "a list of hashes: alg, kid, hash, notAfter" => Place::Other(&mut |reader| {
                reader.put(&mut hashes, |reader| reader.list(key_hash))
            }),
            "sealed", "true or false" => Place::Flag(&mut sealed),
            "createdAt", "whole Unix seconds" => Place::Other(&mut |reader| reader.put(&mut created_at, instant)),
            "expiresAt", "whole Unix seconds or null" => Place::Other(&mut |reader| {
                reader.put(&mut expires_at, some_instant)
            }),
            "revokedAt", "whole Unix seconds or null" => Place::Other(&mut |reader| {
                reader.put(&mut revoked_at, some_instant)
            }),
            "graceUntil", "whole Unix seconds or null" => Place::Other(&mut |reader| {
                reader.put(&mut grace_until, some_instant)
            }),
            "lastUsedAt", "whole Unix seconds or null" => Place::Other(&mut |reader| {
                reader.put(&mut last_used_at, some_instant)
            }),
            "ipAllow", "a list of addresses and CIDR blocks" => Place::Other(&mut |reader| {
                reader.put(&mut ip_allow, |reader| reader.list(ip_block))
            }),
            "rotatedFrom", "12 base62 characters or null" => Place::Other(&mut |reader| {
                reader.put(&mut rotated_from, |reader| reader.nullable(key_id))
            }),
            "version", "a whole number" => Place::Whole(&mut version),
        })?;
        Ok(KeyRecord {
            v: u8::try_from(v).unwrap_or_default(),
            id: id.ok_or(Wrong)?,
            env: env.into(),
            owner: owner.into(),
            label: label.into(),
            scopes: scopes.into_iter().map(String::into_boxed_str).collect(),
            hashes,
            sealed,
            created_at,
            expires_at,
            revoked_at,
            grace_until,
            last_used_at,
            ip_allow,
            rotated_from,
            version,
            extra: BTreeMap::new(),
        })
    }

    /// Reads and checks a record.
    pub(crate) fn from_json(text: &str) -> Result<KeyRecord, String> {
        checked(whole(text, record).map_err(|fault| fault.in_text(text))?)
    }

    /// Holds a record against the rules of its members.
    pub(crate) fn checked(record: KeyRecord) -> Result<KeyRecord, String> {
        match record.validate() {
            Ok(()) => Ok(record),
            Err(error) => Err(format!("{error}")),
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use alloc::vec;

        const GOOD: &str = r#"{"v":1,"id":"Q9s9Xw1BgXP4","env":"live","owner":"acme","label":"CI \"x\"\u0000","scopes":["jobs:read"],"hashes":[{"alg":"hmac-sha256","kid":"p1","hash":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","notAfter":null}],"sealed":true,"createdAt":1764000000,"expiresAt":null,"revokedAt":null,"graceUntil":5,"lastUsedAt":1764000001,"ipAllow":["192.0.2.0/24"],"rotatedFrom":null,"version":7}"#;

        const HASH: &str =
            r#"{"alg":"hmac-sha256","kid":"p1","hash":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","notAfter":null}"#;
        /// The same without the names of its members.
        const HASH_AS_LIST: &str = r#"["hmac-sha256","p1","AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",null]"#;

        fn write(record: &KeyRecord) -> String {
            Writer::object_text(|json| record.members(json))
        }

        #[test]
        fn text_is_that_of_serde() {
            let good = GOOD.replace("\\u0000", "");
            let record = from_json(&good).unwrap();
            assert_eq!(record, serde_json::from_str(&good).unwrap());
            assert_eq!((write(&record), serde_json::to_string(&record).unwrap()), (good.clone(), good));
        }

        #[test]
        fn what_serde_refuses_is_refused() {
            let good = GOOD.replace("\\u0000", "");
            let mut bad = vec![String::from(GOOD), String::new(), "[]".into(), "\"secret\"".into(), format!("{good}x")];
            let ends = ["\"hashes\":", ",\"sealed\":"].map(|end| good.find(end).unwrap());
            let mut members: Vec<&str> = good.get(1..ends[0]).unwrap().split_terminator(',').collect();
            members.push(good.get(ends[0]..ends[1]).unwrap());
            members.extend(good.get(ends[1] + 1..good.len() - 1).unwrap().split(','));
            assert_eq!(members.len(), 16);
            for member in members {
                let name = member.split('"').nth(1).unwrap();
                let twice = format!("{member},{member}");
                for other in [String::from("\"other\":1"), format!("\"{name}\":{{}}"), format!("\"{name}\":1.5"), twice]
                {
                    bad.push(good.replace(member, &other));
                }
            }
            for (from, to) in [
                (HASH, HASH_AS_LIST),
                ("\"alg\":\"hmac-sha256\",", ""),
                ("hmac-sha256", "md5"),
                ("\"kid\"", "\"kip\""),
                ("\"kid\":\"p1\"", "\"kid\":null"),
                ("AAAA\"", "AAA\""),
                ("\"live\"", "\"Live\""),
                ("192.0.2.0/24", "192.0.2.1/24"),
                ("1764000000", "253402300800"),
            ] {
                assert!(good.contains(from), "{from}");
                bad.push(good.replacen(from, to, 1));
            }
            for text in bad {
                assert!(serde_json::from_str::<KeyRecord>(&text).is_err(), "{text}");
                let error = from_json(&text).unwrap_err();
                assert!(!error.contains("secret") && !error.contains("AAAA"), "{error}");
            }
        }
    }
}
