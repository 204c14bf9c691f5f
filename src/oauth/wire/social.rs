//! Sign-in with providers as JSON text: options and steps. Providers are read by hand, a member at a time: what is derived for a struct of
//! many optional members is as large as all of this.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde_json::{Map, Value};

use super::{AnswerJson, MessageJson, WireError, options, out, read};
use crate::oauth::client::SecretMethod;
use crate::oauth::http::object;
use crate::oauth::social::{
    ClientCredential, ClientSecret, ConfigError, FACEBOOK_GRAPH_VERSION, Failed, LoggedIn, Outcome, Provider, Social,
};
use crate::oauth::step::Step;
use crate::time::UnixSeconds;

impl From<ConfigError> for WireError {
    fn from(error: ConfigError) -> Self {
        Self::new(error.fault.code(), error.provider)
    }
}

/// The members that were not read yet, and where they are. What is wrong with one is told by its place alone.
struct Members {
    code: &'static str,
    place: String,
    rest: Map<String, Value>,
}

impl Members {
    fn new(code: &'static str, place: &str, value: Value) -> Result<Self, WireError> {
        match value {
            Value::Object(rest) => Ok(Self { code, place: String::from(place), rest }),
            _ => Err(WireError::new(code, place)),
        }
    }

    fn wrong(&self, member: &str) -> WireError {
        let dot = if self.place.is_empty() { "" } else { "." };
        WireError::new(self.code, format!("{}{dot}{member}", self.place))
    }

    fn text(&mut self, member: &str) -> Result<Option<String>, WireError> {
        match self.rest.remove(member) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.wrong(member)),
        }
    }

    fn needed(&mut self, member: &str) -> Result<String, WireError> {
        self.text(member)?.ok_or_else(|| self.wrong(member))
    }

    fn list(&mut self, member: &str) -> Result<Vec<Value>, WireError> {
        match self.rest.remove(member) {
            Some(Value::Array(list)) => Ok(list),
            _ => Err(self.wrong(member)),
        }
    }

    /// Nothing may be left over: it would be a word that somebody misspelt.
    fn end(&self) -> Result<(), WireError> {
        self.rest.keys().next().map_or(Ok(()), |member| Err(self.wrong(member)))
    }

    fn secret(&mut self) -> Result<ClientSecret, WireError> {
        self.needed("clientSecret").map(ClientSecret::new)
    }
}

fn provider(value: Value) -> Result<Provider, WireError> {
    let mut given = Members::new("provider_invalid", "?", value)?;
    let preset = given.needed("preset")?;
    given.place = given.text("id")?.unwrap_or_else(|| preset.clone());
    let client_id = given.needed("clientId")?;
    let mut provider = match preset.as_str() {
        "google" => Provider::google(client_id, given.secret()?),
        "github" => Provider::github(client_id, given.secret()?),
        "microsoft" => Provider::microsoft(client_id, given.secret()?, &given.needed("tenant")?),
        "apple" => {
            let credential = match given.text("keyId")? {
                Some(key_id) => Provider::apple_credential(key_id, given.needed("team")?),
                None => ClientCredential::Secret { secret: given.secret()?, method: None },
            };
            Provider::apple(client_id, credential)
        }
        "gitlab" => {
            let url = given.text("url")?;
            Provider::gitlab(client_id, given.secret()?, url.as_deref().unwrap_or("https://gitlab.com"))
        }
        "facebook" => {
            let version = given.text("graphVersion")?;
            let version = version.as_deref().unwrap_or(FACEBOOK_GRAPH_VERSION);
            Provider::facebook(client_id, given.secret()?, version)
        }
        "oidc" => {
            let auth = given.text("auth")?;
            let credential = match auth.as_deref() {
                Some("none") => ClientCredential::Public,
                None => ClientCredential::Secret { secret: given.secret()?, method: None },
                Some("basic") => {
                    ClientCredential::Secret { secret: given.secret()?, method: Some(SecretMethod::Basic) }
                }
                Some("post") => ClientCredential::Secret { secret: given.secret()?, method: Some(SecretMethod::Post) },
                Some(_) => return Err(given.wrong("auth")),
            };
            let issuer = given.needed("issuer")?;
            Provider::oidc(&given.place, &given.place, issuer, client_id, credential)
        }
        _ => return Err(given.wrong("preset")),
    };
    if let Some(name) = given.text("name")? {
        provider.name = name;
    }
    if given.rest.contains_key("scopes") {
        let texts = given.list("scopes")?.into_iter().map(|scope| scope.as_str().map(String::from));
        provider.scopes = texts.collect::<Option<_>>().ok_or_else(|| given.wrong("scopes"))?;
    }
    if let Some(parameters) = given.rest.remove("parameters") {
        let mut parameters = Members::new(given.code, &given.place, parameters)?;
        while let Some(name) = parameters.rest.keys().next().cloned() {
            let value = parameters.needed(&name)?;
            provider.parameters.push((name, value));
        }
    }
    // What is left is nowhere a member, or another preset's.
    given.end()?;
    provider.id = given.place;
    Ok(provider)
}

/// The providers of options as JSON: `issuer` (where this server is), `secrets`, `providers`, and by choice `lifetime` in seconds. A provider
/// has `preset` (`google`, `github`, `microsoft`, `apple`, `gitlab`, `facebook`, `oidc`), `clientId`, `clientSecret`, and by choice `id`,
/// `name`, `scopes`, `parameters`; `tenant` (Microsoft), `url` (GitLab), `graphVersion` (Facebook), `team` and `keyId` (Apple), `issuer`
/// and `auth` (`oidc`: `basic`, `post`, `none`).
///
/// # Errors
/// `options_invalid` and `provider_invalid` for the shape, else the code of the [`ConfigError`] or of the server's.
pub fn social(options: &str) -> Result<Social, WireError> {
    let mut given = Members::new("options_invalid", "", read(options, "options_invalid")?)?;
    let issuer = given.needed("issuer")?;
    let lifetime = match given.rest.remove("lifetime") {
        None => None,
        Some(seconds) => Some(seconds.as_i64().ok_or_else(|| given.wrong("lifetime"))?),
    };
    let mut secrets = Vec::new();
    for value in given.list("secrets")? {
        let mut secret = Members::new("secrets_invalid", "", value)?;
        secrets.push(options::secret(secret.needed("id")?, &secret.needed("key")?)?);
        secret.end()?;
    }
    let mut providers = Vec::new();
    for value in given.list("providers")? {
        providers.push(provider(value)?);
    }
    given.end()?;
    Social::alone(issuer, secrets, lifetime, providers)?.map_err(WireError::from)
}

/// The id and name of each provider, as JSON pairs.
#[must_use]
pub fn providers(social: &Social) -> String {
    let each = social
        .providers()
        .iter()
        .map(|provider| Value::from([&provider.id, &provider.name].map(|text| Value::from(text.as_str())).to_vec()));
    Value::Array(each.collect()).to_string()
}

/// What comes after the answers so far, as JSON: `{"need": {"op", …}}`, `{"respond": {"status", "headers", "body"}}`, `{"loggedIn": {"provider",
/// "providerSub", "issuer", "claims", "email", "emailVerified", "name", "ticket", "headers"}}` or `{"failed": {"provider", "code", "detail",
/// "message", "ticket", "headers"}}`. `input` is a request; the rest is as in [`step`](super::step).
///
/// # Errors
/// `input_invalid` or `answer_invalid`. The host treats a fault of an answer as an outage.
pub fn social_step(
    social: &Social,
    input: &str,
    now: UnixSeconds,
    entropy: [u8; 64],
    answers: &str,
) -> Result<String, WireError> {
    let mut flow = social.handle(read::<MessageJson>(input, "input_invalid")?.request()?, now, entropy);
    for answer in read::<Vec<AnswerJson>>(answers, "answer_invalid")? {
        flow.answer(answer.answer()?);
    }
    let (ended, value) = match flow.step() {
        Step::Need(need) => ("need", out::need(&need)),
        Step::Done(Outcome::Respond(response)) => ("respond", out::response(&response)),
        Step::Done(Outcome::LoggedIn(login)) => ("loggedIn", logged_in(*login)),
        Step::Done(Outcome::Failed(failed)) => ("failed", failure(failed)),
    };
    Ok(object(&mut [(ended, value)]).to_string())
}

fn logged_in(login: LoggedIn) -> Value {
    object(&mut [
        ("provider", login.provider.into()),
        ("providerSub", login.provider_sub.into()),
        ("issuer", login.issuer.into()),
        ("claims", login.claims.into()),
        ("email", login.email.into()),
        ("emailVerified", login.email_verified.into()),
        ("name", login.name.into()),
        ("ticket", login.ticket.into()),
        ("headers", out::headers(&login.headers)),
    ])
}

fn failure(failed: Failed) -> Value {
    object(&mut [
        ("provider", failed.provider.into()),
        ("code", failed.fault.code().into()),
        ("detail", failed.fault.detail().into()),
        ("message", failed.fault.message().into()),
        ("ticket", failed.ticket.into()),
        ("headers", out::headers(&failed.headers)),
    ])
}
