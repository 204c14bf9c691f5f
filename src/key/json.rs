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
pub(crate) use self::reading::{from_json, instant as read_instant, ip_block};

#[cfg(any(test, target_arch = "wasm32"))]
mod reading {
    use alloc::boxed::Box;
    use alloc::collections::BTreeMap;
    use alloc::format;
    use alloc::string::String;

    use super::*;
    use crate::json::read::{Read, Reader, Wrong, whole};
    use crate::key::format::KeyId;
    use crate::key::hash::{HashAlgorithm, KeyDigest};
    use crate::key::ip::IpBlock;

    /// Whole Unix seconds.
    pub(crate) fn instant(reader: &mut Reader<'_>) -> Read<UnixSeconds> {
        let seconds = i64::try_from(reader.whole()?).ok();
        seconds.and_then(UnixSeconds::new).ok_or_else(|| reader.fault("not an instant"))
    }

    /// A block of addresses.
    pub(crate) fn ip_block(reader: &mut Reader<'_>) -> Read<IpBlock> {
        reader.string()?.parse().map_err(|error| reader.fault(format!("{error}")))
    }

    fn short(reader: &mut Reader<'_>) -> Read<Box<str>> {
        reader.string().map(String::into_boxed_str)
    }

    fn key_id(reader: &mut Reader<'_>) -> Read<KeyId> {
        KeyId::parse(&reader.string()?).ok_or_else(|| reader.fault("not an id"))
    }

    fn small(reader: &mut Reader<'_>) -> Read<u8> {
        u8::try_from(reader.whole()?).map_err(|_| reader.fault("not a version"))
    }

    fn digest(reader: &mut Reader<'_>) -> Read<KeyDigest> {
        let mut bytes = [0_u8; 32];
        match Base64UrlUnpadded::decode(reader.string()?, &mut bytes) {
            Ok(decoded) if decoded.len() == 32 => Ok(KeyDigest::from_bytes(bytes)),
            _ => Err(reader.fault("not a digest")),
        }
    }

    fn key_hash(reader: &mut Reader<'_>) -> Read<KeyHash> {
        let (mut alg, mut kid, mut hash, mut not_after) = (None, None, None, None);
        reader.object("", &mut |reader, name| match name {
            "alg" => reader.once(&mut alg, name, |reader| {
                let known = [HashAlgorithm::HmacSha256, HashAlgorithm::Sha256];
                let index = reader.choice(&known.map(HashAlgorithm::name))?;
                known.get(index).copied().ok_or_else(|| reader.fault("not an algorithm"))
            }),
            "kid" => reader.once(&mut kid, name, |reader| reader.nullable(short)),
            "hash" => reader.once(&mut hash, name, digest),
            "notAfter" => reader.once(&mut not_after, name, |reader| reader.nullable(instant)),
            _ => Err(reader.fault("an unknown member")),
        })?;
        Ok(KeyHash {
            alg: reader.need("alg", alg)?,
            kid: kid.flatten(),
            hash: reader.need("hash", hash)?,
            not_after: not_after.flatten(),
        })
    }

    /// Writes the reader of a record: each member must be there, once. No message repeats what was found.
    macro_rules! members {
        ($($field:ident $name:literal $expected:literal $read:expr,)*) => {
            fn record(reader: &mut Reader<'_>) -> Read<KeyRecord> {
                $(let mut $field = None;)*
                if reader.token() != Some(b'{') {
                    return Err(reader.fault("expected a key record"));
                }
                reader.object("a key record", &mut |reader, name| match name {
                    $($name => reader.once(&mut $field, name, $read).map_err(|_| wrong(reader, $name, $expected)),)*
                    _ => reader.skip().map_err(|_| wrong(reader, "a member unknown to version 1", "JSON")),
                })?;
                Ok(KeyRecord {
                    $($field: $field.ok_or_else(|| reader.fault(concat!($name, ": expected ", $expected, "; it is missing")))?,)*
                    extra: BTreeMap::new(),
                })
            }
        };
    }

    fn wrong(reader: &mut Reader<'_>, name: &str, expected: &str) -> Wrong {
        reader.instead(format!("{name}: expected {expected}, once"))
    }

    members! {
        v "v" "1" small,
        id "id" "12 base62 characters" key_id,
        env "env" "a string" short,
        owner "owner" "a string" short,
        label "label" "a string" short,
        scopes "scopes" "a list of scope names" |reader| reader.list(short),
        hashes "hashes" "a list of hashes: alg, kid, hash, notAfter" |reader| reader.list(key_hash),
        sealed "sealed" "true or false" Reader::boolean,
        created_at "createdAt" "whole Unix seconds" instant,
        expires_at "expiresAt" "whole Unix seconds or null" |reader| reader.nullable(instant),
        revoked_at "revokedAt" "whole Unix seconds or null" |reader| reader.nullable(instant),
        grace_until "graceUntil" "whole Unix seconds or null" |reader| reader.nullable(instant),
        last_used_at "lastUsedAt" "whole Unix seconds or null" |reader| reader.nullable(instant),
        ip_allow "ipAllow" "a list of addresses and CIDR blocks" |reader| reader.list(ip_block),
        rotated_from "rotatedFrom" "12 base62 characters or null" |reader| reader.nullable(key_id),
        version "version" "a whole number" Reader::whole,
    }

    /// Reads and checks a record.
    pub(crate) fn from_json(text: &str) -> Result<KeyRecord, String> {
        let record = whole(text, record).map_err(|fault| fault.in_text(text))?;
        record.validate().map_err(|error| format!("{error}"))?;
        Ok(record)
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use alloc::vec;
        use alloc::vec::Vec;

        const GOOD: &str = r#"{"v":1,"id":"Q9s9Xw1BgXP4","env":"live","owner":"acme","label":"CI \"x\"\u0000","scopes":["jobs:read"],"hashes":[{"alg":"hmac-sha256","kid":"p1","hash":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","notAfter":null}],"sealed":true,"createdAt":1764000000,"expiresAt":null,"revokedAt":null,"graceUntil":5,"lastUsedAt":1764000001,"ipAllow":["192.0.2.0/24"],"rotatedFrom":null,"version":7}"#;

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
            let mut members: Vec<&str> = good[1..ends[0]].split_terminator(',').collect();
            members.push(&good[ends[0]..ends[1]]);
            members.extend(good[ends[1] + 1..good.len() - 1].split(','));
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
