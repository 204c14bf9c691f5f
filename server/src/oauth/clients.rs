//! The clients: a file of TOML tables, checked whole before the server starts.
//!
//! ```toml
//! [[clients]]
//! id = "dashboard"
//! name = "Jobiflow dashboard"
//! redirect_uris = ["https://dashboard.jobiflow.com/callback"]
//! scopes = ["openid", "profile", "email"]
//! first_party = true
//! ```

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use scopegate::oauth::{Client, ClientAuth, GrantType, Pkce, SecretMethod, check_redirect_uri, hash_secret};
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use zeroize::Zeroizing;

use crate::config::{ConfigError, Place, line_and_column, nearest};

/// The fewest characters of a client secret: its hash is a plain one, so it must be random.
const SECRET_CHARS: usize = 32;

/// A client of the configuration.
#[derive(Clone, Debug)]
pub struct Registered {
    /// As the flows know it.
    pub client: Client,
    /// Whether it is the operator's own: its tokens may manage its users' keys, as the policy's `clients` says too.
    pub first_party: bool,
    place: String,
}

/// The clients by their id.
#[derive(Clone, Debug, Default)]
pub struct Clients(BTreeMap<String, Registered>);

impl Clients {
    /// The client with this id.
    #[must_use]
    pub fn client(&self, id: &str) -> Option<&Client> {
        self.0.get(id).map(|registered| &registered.client)
    }

    /// Every client.
    pub fn iter(&self) -> impl Iterator<Item = &Registered> {
        self.0.values()
    }

    /// Adds a client that no file names.
    pub fn add(&mut self, client: Client, first_party: bool) {
        let place = client.client_id.clone();
        self.0.insert(client.client_id.clone(), Registered { client, first_party, place });
    }

    /// Reads the file. `known_scopes` may be asked for at all, `resources` are the APIs that tokens may be for.
    ///
    /// # Errors
    /// [`ConfigError`] with the place of the first mistake. It never repeats a value.
    pub fn from_file(path: &Path, known_scopes: &[String], resources: &[String]) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|error| ConfigError::file(path, error.to_string()))?;
        let at = |offset: usize, name: &str| {
            let (line, column) = line_and_column(&text, offset);
            Place::File(path.to_owned(), line, column, name.to_owned())
        };
        let document = DeTable::parse(&text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            ConfigError::new(at(start, "TOML"), error.message().split(['`', '"']).next().unwrap_or_default().trim())
        })?;
        let mut clients = Self::default();
        for (name, value) in document.get_ref() {
            let tables = match (name.get_ref().as_ref(), value.get_ref()) {
                ("clients", DeValue::Array(tables)) => tables,
                ("clients", _) => return Err(ConfigError::new(at(value.span().start, "clients"), TABLES)),
                (other, _) => return Err(ConfigError::new(at(name.span().start, other), TABLES)),
            };
            for table in tables {
                let DeValue::Table(members) = table.get_ref() else {
                    return Err(ConfigError::new(at(table.span().start, "clients"), TABLES));
                };
                let reader = Reader { path, at: &at, start: table.span().start, members };
                let registered = reader.client(known_scopes, resources)?;
                let id = registered.client.client_id.clone();
                if clients.0.insert(id, registered).is_some() {
                    return Err(reader.wrong("id", "another client has it already: expected an id of its own"));
                }
            }
        }
        if clients.0.is_empty() {
            return Err(ConfigError::file(path, "expected at least one table [[clients]]"));
        }
        Ok(clients)
    }

    /// Holds the clients against those that the policy lets manage keys.
    ///
    /// # Errors
    /// [`ConfigError`] with the place of a client that is first-party in one of the two alone, or when the policy lets any client do so.
    pub fn check_first_party(&self, credential: &str, allowed: Option<&[Box<str>]>) -> Result<(), ConfigError> {
        let Some(allowed) = allowed else {
            let place = format!("policy: credentials/{credential}/clients");
            return Err(ConfigError::new(
                place,
                "expected the ids of the first-party clients: without them every client's token would manage its users' keys",
            ));
        };
        for registered in self.0.values() {
            let listed = allowed.iter().any(|id| **id == *registered.client.client_id);
            if registered.first_party && !listed {
                let told =
                    format!("first_party: expected its id among the clients of the policy's credential {credential}");
                return Err(ConfigError::new(&registered.place, told));
            }
            if listed && !registered.first_party {
                let told = format!(
                    "the policy's credential {credential} lets it manage its users' keys: expected first_party = true, or another id"
                );
                return Err(ConfigError::new(&registered.place, told));
            }
        }
        Ok(())
    }
}

const TABLES: &str = "expected tables [[clients]] and nothing else";
const MEMBERS: [&str; 14] = [
    "id",
    "name",
    "redirect_uris",
    "auth",
    "secret_file",
    "secret_sha256",
    "scopes",
    "default_scopes",
    "grants",
    "resources",
    "pkce",
    "trusted",
    "first_party",
    "skip_consent",
];

/// Reads one table.
struct Reader<'r, A> {
    path: &'r Path,
    at: &'r A,
    start: usize,
    members: &'r DeTable<'r>,
}

impl<A: Fn(usize, &str) -> Place> Reader<'_, A> {
    fn get(&self, name: &str) -> Option<&Spanned<DeValue<'_>>> {
        self.members.iter().find(|(known, _)| known.get_ref().as_ref() == name).map(|(_, value)| value)
    }

    fn wrong(&self, name: &str, told: impl Into<String>) -> ConfigError {
        let start = self.get(name).map_or(self.start, |value| value.span().start);
        ConfigError::new((self.at)(start, &format!("clients.{name}")), told)
    }

    fn text(&self, name: &str, expected: &str) -> Result<Option<&str>, ConfigError> {
        match self.get(name).map(Spanned::get_ref) {
            None => Ok(None),
            Some(DeValue::String(text)) if !text.is_empty() => Ok(Some(text)),
            Some(_) => Err(self.wrong(name, format!("expected {expected}"))),
        }
    }

    fn list(&self, name: &str, expected: &str) -> Result<Option<Vec<String>>, ConfigError> {
        let wrong = || self.wrong(name, format!("expected a list of {expected}"));
        let Some(value) = self.get(name) else { return Ok(None) };
        let DeValue::Array(items) = value.get_ref() else { return Err(wrong()) };
        let texts: Option<Vec<String>> = items.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect();
        texts.map(Some).ok_or_else(wrong)
    }

    fn switch(&self, name: &str, default: bool) -> Result<bool, ConfigError> {
        match self.get(name).map(Spanned::get_ref) {
            None => Ok(default),
            Some(DeValue::Boolean(value)) => Ok(*value),
            Some(_) => Err(self.wrong(name, "expected true or false")),
        }
    }

    /// A list whose items must be among others.
    fn some_of(&self, name: &str, all: &[String], what: &str) -> Result<Option<Vec<String>>, ConfigError> {
        let list = self.list(name, what)?;
        if let Some(at) = list.iter().flatten().position(|item| !all.contains(item)) {
            let item = at.saturating_add(1);
            return Err(self.wrong(name, format!("item {item}: expected one of {}", all.join(", "))));
        }
        Ok(list)
    }

    fn client(&self, known_scopes: &[String], resources: &[String]) -> Result<Registered, ConfigError> {
        for (name, _) in self.members {
            let name_text = name.get_ref().as_ref();
            if !MEMBERS.contains(&name_text) {
                let hint = nearest(name_text, MEMBERS).map(|meant| format!("; {meant} is meant?")).unwrap_or_default();
                let place = (self.at)(name.span().start, &format!("clients.{name_text}"));
                return Err(ConfigError::new(place, format!("no such setting{hint}")));
            }
        }
        let id = self.text("id", "an id")?.filter(|id| is_id(id));
        let id = id.ok_or_else(|| self.wrong("id", "expected an id: 1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-'"))?;
        let name = self.text("name", "a name for people")?;
        let name = name.filter(|name| name.chars().count() <= 100 && !name.chars().any(char::is_control));
        let name = name.ok_or_else(|| self.wrong("name", "expected a name for people, up to 100 characters"))?;
        let auth = self.auth()?;
        let redirect_uris = self.redirect_uris()?;
        let scopes = self.some_of("scopes", known_scopes, "scopes")?.filter(|scopes| !scopes.is_empty());
        let scopes = scopes.ok_or_else(|| self.wrong("scopes", "expected the scopes that it may ask for"))?;
        let default_scopes = self.some_of("default_scopes", &scopes, "scopes")?.unwrap_or_default();
        let grant_types = self.grants()?;
        let resources = self.some_of("resources", resources, "resources")?.unwrap_or_default();
        let public = matches!(auth, ClientAuth::None);
        let pkce = match self.text("pkce", "required or nonce_ok")? {
            None | Some("required") => Pkce::Required,
            Some("nonce_ok") if !public => Pkce::NonceOk,
            Some("nonce_ok") => return Err(self.wrong("pkce", "expected required: the client has no secret")),
            Some(_) => return Err(self.wrong("pkce", "expected required or nonce_ok")),
        };
        let (trusted, first_party) = (self.switch("trusted", true)?, self.switch("first_party", false)?);
        if first_party && !trusted {
            return Err(self.wrong("trusted", "expected true for a first-party client"));
        }
        let skip_consent = self.switch("skip_consent", false)?;
        if skip_consent && (public || !first_party) {
            let told =
                "expected false: only a first-party client with a secret needs no approval (OAuth 2.1 section 7.3)";
            return Err(self.wrong("skip_consent", told));
        }
        let client = Client {
            client_id: id.to_owned(),
            name: name.to_owned(),
            auth,
            redirect_uris,
            grant_types,
            scopes,
            default_scopes,
            resources,
            pkce,
            trusted,
            skip_consent,
        };
        let place = (self.at)(self.start, &format!("clients: {id}")).to_string();
        Ok(Registered { client, first_party, place })
    }

    fn redirect_uris(&self) -> Result<Vec<String>, ConfigError> {
        let uris = self.list("redirect_uris", "redirect URIs")?.filter(|uris| !uris.is_empty());
        let uris = uris.ok_or_else(|| self.wrong("redirect_uris", "expected at least one redirect URI"))?;
        for (item, uri) in (1_usize..).zip(&uris) {
            if let Err(fault) = check_redirect_uri(uri) {
                let told = format!(
                    "item {item}: {fault}: expected an https URL without fragment and user, http on 127.0.0.1, [::1] or localhost, or a private scheme with a dot"
                );
                return Err(self.wrong("redirect_uris", told));
            }
        }
        Ok(uris)
    }

    fn grants(&self) -> Result<Vec<GrantType>, ConfigError> {
        let all = ["authorization_code", "refresh_token"].map(str::to_owned);
        let names = self.some_of("grants", &all, "grants")?.unwrap_or_else(|| all.to_vec());
        if !names.contains(&all[0]) {
            return Err(self.wrong("grants", "expected authorization_code among them"));
        }
        let of = |name: &String| {
            if *name == all[0] { GrantType::AuthorizationCode } else { GrantType::RefreshToken }
        };
        Ok(names.iter().map(of).collect())
    }

    fn auth(&self) -> Result<ClientAuth, ConfigError> {
        const EXPECTED: &str = "expected none, client_secret_basic or client_secret_post";
        let method = match self.text("auth", "none, client_secret_basic or client_secret_post")? {
            None | Some("none") => {
                let secret = ["secret_file", "secret_sha256"].into_iter().find(|name| self.get(name).is_some());
                return match secret {
                    Some(name) => {
                        Err(self.wrong(name, "a client with a secret says how it sends it: expected auth beside it"))
                    }
                    None => Ok(ClientAuth::None),
                };
            }
            Some("client_secret_basic") => SecretMethod::Basic,
            Some("client_secret_post") => SecretMethod::Post,
            Some(_) => return Err(self.wrong("auth", EXPECTED)),
        };
        let mut hashes = Vec::new();
        if let Some(file) = self.text("secret_file", "the path of a file")? {
            hashes.push(hash_secret(&self.secret(file)?));
        }
        for (item, text) in
            (1_usize..).zip(self.list("secret_sha256", "SHA-256 hashes in hexadecimal")?.unwrap_or_default())
        {
            let hash = hex(&text);
            let told = || self.wrong("secret_sha256", format!("item {item}: expected 64 hexadecimal digits"));
            hashes.push(hash.ok_or_else(told)?);
        }
        if hashes.is_empty() {
            return Err(self.wrong("auth", "expected secret_file or secret_sha256 beside it"));
        }
        Ok(ClientAuth::Hashed { method, hashes })
    }

    /// The secret of a file, which is looked for beside the file of clients.
    fn secret(&self, file: &str) -> Result<Zeroizing<String>, ConfigError> {
        let path = self.path.parent().map_or_else(|| PathBuf::from(file), |folder| folder.join(file));
        let text = std::fs::read_to_string(&path).map(Zeroizing::new);
        let text = text.map_err(|error| self.wrong("secret_file", format!("{}: {error}", path.display())))?;
        let secret = Zeroizing::new(text.trim().to_owned());
        let plain = secret.len() >= SECRET_CHARS && secret.bytes().all(|byte| byte.is_ascii_graphic());
        if plain {
            Ok(secret)
        } else {
            Err(self.wrong("secret_file", "expected a random text of at least 32 characters, without spaces"))
        }
    }
}

fn is_id(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

fn hex(text: &str) -> Option<[u8; 32]> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs: Option<Vec<u8>> = text
        .as_bytes()
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        })
        .collect();
    pairs?.try_into().ok()
}

#[cfg(test)]
mod tests;
