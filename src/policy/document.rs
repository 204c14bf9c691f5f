//! The policy document (version 1) as people write it: a serde model, strict about unknown and duplicate members.
//!
//! JSON is canonical; any self-describing serde format (TOML, for one) carries the same model. Nothing is checked here
//! beyond shape: [`super::compile`] turns a document into a [`Policy`](super::Policy) or says what is wrong.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::json::object::Object;
pub use crate::json::object::{object, objects};

/// A map that keeps the order of its members and refuses a name that comes twice.
#[derive(Clone, Debug, PartialEq)]
pub struct Ordered<T>(pub Vec<(String, T)>);

impl<T> Default for Ordered<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Ordered<T> {
    /// The value of the member with this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&T> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Ordered<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = Ordered<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ordered<T>, A::Error> {
                let mut members: Vec<(String, T)> = Vec::new();
                let mut seen = hashbrown::HashSet::new();
                while let Some(name) = map.next_key::<String>()? {
                    if !seen.insert(name.clone()) {
                        return Err(de::Error::custom(format_args!("duplicate member `{name}`")));
                    }
                    members.push((name, map.next_value()?));
                }
                Ok(Ordered(members))
            }
        }
        deserializer.deserialize_map(Members(PhantomData))
    }
}

/// Any JSON value, with duplicate members refused at every depth.
#[derive(Clone, Debug, PartialEq)]
pub struct StrictValue(pub Value);

impl<'de> Deserialize<'de> for StrictValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = StrictValue;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any JSON value")
            }
            fn visit_unit<E>(self) -> Result<StrictValue, E> {
                Ok(StrictValue(Value::Null))
            }
            fn visit_bool<E>(self, v: bool) -> Result<StrictValue, E> {
                Ok(StrictValue(Value::Bool(v)))
            }
            fn visit_i64<E>(self, v: i64) -> Result<StrictValue, E> {
                Ok(StrictValue(v.into()))
            }
            fn visit_u64<E>(self, v: u64) -> Result<StrictValue, E> {
                Ok(StrictValue(v.into()))
            }
            fn visit_f64<E>(self, v: f64) -> Result<StrictValue, E> {
                Ok(StrictValue(v.into()))
            }
            fn visit_str<E>(self, v: &str) -> Result<StrictValue, E> {
                Ok(StrictValue(Value::String(v.to_owned())))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<StrictValue, A::Error> {
                let mut items = Vec::new();
                while let Some(StrictValue(item)) = seq.next_element()? {
                    items.push(item);
                }
                Ok(StrictValue(Value::Array(items)))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<StrictValue, A::Error> {
                let members = Ordered::<StrictValue>::deserialize(de::value::MapAccessDeserializer::new(map))?;
                Ok(StrictValue(Value::Object(members.0.into_iter().map(|(name, value)| (name, value.0)).collect())))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

/// The whole document.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct PolicyDocument {
    /// The version of this format: 1.
    pub version: u64,
    /// The name of the policy; it is the `realm` of challenges.
    pub name: String,
    /// A path prefix of every route, `""` or like `/api`.
    #[serde(default)]
    pub base: String,
    /// Whether a request must have come over HTTPS.
    #[serde(default)]
    pub https: Https,
    /// Whether a trailing slash makes another path.
    #[serde(default)]
    pub trailing_slash: TrailingSlash,
    /// Whether literal segments match without regard to ASCII case.
    #[serde(default)]
    pub case_insensitive: bool,
    /// What a method-override header means.
    #[serde(default)]
    pub method_override: MethodOverride,
    /// Whether a wrong method is answered like an unknown path.
    #[serde(default)]
    pub hide: bool,
    /// What the framework behind folds; read by the linter only.
    #[serde(default, deserialize_with = "some")]
    pub router: Option<RouterProfile>,
    /// The scopes, in the order people see them.
    pub scopes: Ordered<ScopeDocument>,
    /// The credentials, by the name that `allow` uses.
    #[serde(deserialize_with = "named_objects")]
    pub credentials: Ordered<CredentialDocument>,
    /// The routes.
    #[serde(deserialize_with = "objects")]
    pub routes: Vec<RouteDocument>,
    /// Tests that travel with the policy.
    #[serde(default, deserialize_with = "objects")]
    pub tests: Vec<TestDocument>,
}

/// The `https` member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Https {
    /// Plain HTTP is refused with 403 `insecure_transport`. The default.
    #[default]
    Required,
    /// Plain HTTP is accepted.
    Optional,
}

/// The `trailingSlash` member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TrailingSlash {
    /// `/a` and `/a/` are two paths. The default.
    #[default]
    Strict,
    /// `/a/` means `/a`.
    Same,
}

/// The `methodOverride` member: what `X-HTTP-Method-Override` and its relatives mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MethodOverride {
    /// A request that carries one is refused with 400. The default.
    #[default]
    Deny,
    /// The header is known to mean nothing to the application.
    Ignore,
    /// The application obeys the header on POST, so the decision does too.
    Apply,
}

/// The `router` member: the framework whose folding the linter assumes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names of frameworks")]
pub enum RouterProfile {
    Express,
    Koa,
    Fastify,
    Hono,
    H3,
    Edge,
}

/// A declared scope: its title alone, or `{ "title": …, "implies": […] }`.
#[derive(Clone, Debug)]
pub struct ScopeDocument {
    /// What a person reads on a settings or consent page.
    pub title: String,
    /// Scopes a holder of this one also has.
    pub implies: Vec<String>,
}

impl<'de> Deserialize<'de> for ScopeDocument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Long {
            title: String,
            #[serde(default)]
            implies: Vec<String>,
        }
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = ScopeDocument;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a title, or an object with `title` and `implies`")
            }
            fn visit_str<E>(self, title: &str) -> Result<ScopeDocument, E> {
                Ok(ScopeDocument { title: title.to_owned(), implies: Vec::new() })
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ScopeDocument, A::Error> {
                let Long { title, implies } = Long::deserialize(de::value::MapAccessDeserializer::new(map))?;
                Ok(ScopeDocument { title, implies })
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// A declared credential.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum CredentialDocument {
    /// An API key in a header.
    ApiKey(ApiKeyDocument),
    /// A JWT in `Authorization: Bearer` (RFC 6750 section 2.1).
    Bearer(Box<BearerDocument>),
}

/// An API key credential.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ApiKeyDocument {
    /// The header that carries the key, like `X-API-Key`.
    pub header: String,
    /// The product part of the keys, like `jbf`.
    pub prefix: String,
    /// Every environment a key may name; the default is `live` and `test`.
    #[serde(default, deserialize_with = "some")]
    pub environments: Option<Vec<String>>,
    /// The environments accepted here; the default is all of them.
    #[serde(default, deserialize_with = "some")]
    pub accept: Option<Vec<String>>,
    /// The keys of other systems that are taken too.
    #[serde(default, deserialize_with = "objects")]
    pub imported: Vec<ImportedDocument>,
}

/// Keys of another system, whose hashes were imported.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ImportedDocument {
    /// The system: `seam`, `unkey`, `better-auth`, `keypal` or `sha256`.
    pub from: String,
    /// The prefix as that system was told it; the default is none.
    #[serde(default)]
    pub prefix: String,
    /// The environment of the keys; the default is the first accepted one.
    #[serde(default, deserialize_with = "some")]
    pub environment: Option<String>,
    /// How many characters follow the prefix; the default is what the system makes.
    #[serde(default, deserialize_with = "some")]
    pub length: Option<u64>,
    /// Whether imported hashes no longer count, but only those made anew under a pepper.
    #[serde(default)]
    pub upgraded_only: bool,
}

/// A bearer credential; the defaults are tokens.md's.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct BearerDocument {
    /// The exact `iss`.
    pub issuer: String,
    /// Any one of these must be in `aud`.
    pub audiences: Vec<String>,
    /// Allowed `alg` values.
    pub algorithms: Vec<String>,
    /// Allowed `typ` values; an empty list turns the check off.
    #[serde(default, deserialize_with = "some")]
    pub types: Option<Vec<String>>,
    /// Tolerated clock difference in seconds, at most 300.
    #[serde(default, deserialize_with = "some")]
    pub leeway: Option<u64>,
    /// Oldest accepted age since `iat`, in seconds.
    #[serde(default, deserialize_with = "some")]
    pub max_age: Option<u64>,
    /// Claims that must be there.
    #[serde(default, deserialize_with = "some")]
    pub required_claims: Option<Vec<String>>,
    /// A named bundle of requirements.
    #[serde(default, deserialize_with = "some")]
    pub profile: Option<TokenProfile>,
    /// Claims that hold scopes.
    #[serde(default, deserialize_with = "some")]
    pub scope_claims: Option<Vec<String>>,
    /// Allowed `client_id` / `azp`; absent means any.
    #[serde(default, deserialize_with = "some")]
    pub clients: Option<Vec<String>>,
    /// A fixed key set; absent means the host gives one.
    #[serde(default, deserialize_with = "some")]
    pub jwks: Option<StrictValue>,
    /// Size limits.
    #[serde(default, deserialize_with = "some_object")]
    pub limits: Option<LimitsDocument>,
    /// The URL of the protected-resource metadata, named in challenges (RFC 9728 section 5.1).
    #[serde(default, deserialize_with = "some")]
    pub resource_metadata: Option<String>,
}

/// The `profile` of a bearer credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenProfile {
    /// RFC 9068: `client_id` and `jti` are required too.
    Rfc9068,
}

/// The `limits` of a bearer credential; absent members keep their default.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct LimitsDocument {
    /// Longest token, in bytes.
    #[serde(default, deserialize_with = "some")]
    pub token_bytes: Option<u64>,
    /// Longest decoded header, in bytes.
    #[serde(default, deserialize_with = "some")]
    pub header_bytes: Option<u64>,
    /// Deepest nesting of header and claims.
    #[serde(default, deserialize_with = "some")]
    pub depth: Option<u64>,
    /// Most members and elements of header and claims, each.
    #[serde(default, deserialize_with = "some")]
    pub members: Option<u64>,
}

/// A route: `allow` or `"public": true`, never both, never neither.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RouteDocument {
    /// The name of the route, unique in the policy; an OpenAPI operationId fits.
    pub id: String,
    /// `METHOD /path/{parameter}`.
    #[serde(rename = "match")]
    pub matches: String,
    /// Any of these alternatives; each asks for all its credentials.
    #[serde(default, deserialize_with = "some")]
    pub allow: Option<Vec<Ordered<RequirementDocument>>>,
    /// The word that opens a route to everybody.
    #[serde(default, deserialize_with = "some")]
    pub public: Option<bool>,
    /// `"opaque"` keeps `%2F` inside one parameter.
    #[serde(default, deserialize_with = "some")]
    pub encoded_slash: Option<EncodedSlash>,
}

/// The `encodedSlash` member of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EncodedSlash {
    /// `%2F` is an ordinary part of a parameter's value.
    Opaque,
}

/// What an alternative asks of one credential: `["scope", …]` or `{ "scopes": […], "claims": {…} }`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequirementDocument {
    /// All of these scopes.
    pub scopes: Vec<String>,
    /// All of these claims; bearer credentials only.
    pub claims: Ordered<StrictValue>,
}

impl<'de> Deserialize<'de> for RequirementDocument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Long {
            #[serde(default)]
            scopes: Vec<String>,
            #[serde(default)]
            claims: Ordered<StrictValue>,
        }
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = RequirementDocument;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of scopes, or an object with `scopes` and `claims`")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<RequirementDocument, A::Error> {
                let scopes = Vec::deserialize(de::value::SeqAccessDeserializer::new(seq))?;
                Ok(RequirementDocument { scopes, claims: Ordered::default() })
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RequirementDocument, A::Error> {
                let Long { scopes, claims } = Long::deserialize(de::value::MapAccessDeserializer::new(map))?;
                Ok(RequirementDocument { scopes, claims })
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// A test that travels with the policy: a request, the credentials taken as proven, and a subset of the decision.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TestDocument {
    /// What the test is about; absent, the request stands for it.
    #[serde(default, deserialize_with = "some")]
    pub name: Option<String>,
    /// `METHOD /target`.
    pub request: String,
    /// Credentials taken as proven, each with its scopes and claims.
    #[serde(default)]
    pub with: Ordered<RequirementDocument>,
    /// Whether the request came over HTTPS; the default is yes.
    #[serde(default = "yes")]
    pub https: bool,
    /// Members the decision's JSON must have.
    pub expect: StrictValue,
}

const fn yes() -> bool {
    true
}

/// A member that may be absent and is never null: null would mean what absence means, and open what its writer meant to close.
fn some<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

fn some_object<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    object(deserializer).map(Some)
}

fn named_objects<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Ordered<T>, D::Error> {
    let members = Ordered::<Object<T>>::deserialize(deserializer)?;
    Ok(Ordered(members.0.into_iter().map(|(name, Object(value))| (name, value)).collect()))
}
