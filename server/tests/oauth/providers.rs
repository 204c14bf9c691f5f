//! The file of providers: what it says, and what it may not say.

use std::path::{Path, PathBuf};

use scopegate::oauth::social::{ClientCredential, LinkPolicy, Source};
use scopegate_server::oauth::Providers;

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("scopegate-providers-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        let folder = Self(path);
        folder.write("s", "s3cret \n");
        folder.write("key.p8", &rcgen::KeyPair::generate().unwrap().serialize_pem());
        folder
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.join(name), text).unwrap();
    }

    fn read(&self, text: &str) -> Result<Providers, String> {
        self.write("providers.toml", text);
        Providers::from_file(&self.0.join("providers.toml")).map_err(|error| error.to_string())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn every_preset_is_read() {
    let folder = Folder::new("read");
    let text = r#"
        google = { client_id = "c", client_secret_file = "s", parameters = { hd = "example.com" }, require = { hd = "example.com" } }
        github = { client_id = "c", client_secret_file = "s", name = "Hub", link_by_verified_email = true }
        microsoft = { client_id = "c", client_secret_file = "s", tenant = "common" }
        apple = { client_id = "c", team = "T", key_id = "K1", key_file = "key.p8" }
        facebook = { client_id = "c", client_secret_file = "s", graph_version = "v25.0" }
        lab = { preset = "gitlab", client_id = "c", client_secret_file = "s", url = "https://git.example" }
        corp = { issuer = "https://login.example", client_id = "c", auth = "none", sign_up = false, scopes = ["openid"] }
    "#;
    let read = folder.read(text).unwrap();
    let ids: Vec<&str> = read.list.iter().map(|(provider, _)| provider.id.as_str()).collect();
    assert_eq!(ids, ["apple", "corp", "facebook", "github", "google", "lab", "microsoft"]);
    let of = |id: &str| read.list.iter().find(|(provider, _)| provider.id == id).unwrap();
    assert!(of("github").1.sign_up && of("github").1.link == LinkPolicy::ByVerifiedEmail);
    assert!(!of("corp").1.sign_up && of("corp").1.link == LinkPolicy::ByIdentity);
    assert_eq!((of("github").0.name.as_str(), of("lab").0.name.as_str()), ("Hub", "GitLab"));
    assert_eq!(of("corp").0.source, Source::Discovered { issuer: "https://login.example".into() });
    assert!(matches!(of("corp").0.credential, ClientCredential::Public));
    let domain = [("hd".to_owned(), "example.com".to_owned())];
    assert!(of("google").0.parameters == domain && of("google").1.require == domain);
    assert_eq!(read.keys.keys().collect::<Vec<_>>(), ["K1"]);
    let printed = format!("{read:?}");
    assert!(!printed.contains("s3cret") && printed.contains("SecretKey(redacted)"), "{printed}");
}

#[test]
fn a_mistake_is_named_with_its_place_and_without_a_value() {
    let folder = Folder::new("wrong");
    for (text, expected) in [
        ("", "expected at least one table"),
        (
            "[google]\nclient_id = \"c\"",
            "providers.toml:1:1: google.client_secret_file: expected the file of the secret",
        ),
        ("[google]\nclient_secret_file = \"s\"", "missing field `client_id`"),
        ("[google]\nclient_id = \"c\"\nclient_secret_file = \"none\"", "none: "),
        ("[google]\nclient_id = \"c\"\nclient_secret = \"hunter2\"", "unknown field `client_secret`"),
        (
            "[google]\nclient_id = \"c\"\nclient_secret_file = \"s\"\ntenant = \"common\"",
            "google.tenant: not a setting of this provider",
        ),
        ("[google]\nclient_id = \"c\"\nclient_secret_file = \"s\"\nsign_up = \"hunter2\"", "invalid type"),
        ("[myspace]\nclient_id = \"c\"", "myspace.preset: expected google, github"),
        ("[microsoft]\nclient_id = \"c\"\nclient_secret_file = \"s\"", "microsoft.tenant: expected the id of a tenant"),
        ("[apple]\nclient_id = \"c\"\nteam = \"T\"", "apple.key_file: expected team, key_id and key_file together"),
        (
            "[apple]\nclient_id = \"c\"\nteam = \"T\"\nkey_id = \"K\"\nkey_file = \"s\"",
            "apple.key_file: expected an EC key on P-256",
        ),
        (
            "[x]\nissuer = \"https://x.example\"\nclient_id = \"c\"\nauth = \"none\"\nclient_secret_file = \"s\"",
            "a public client has none",
        ),
        (
            "[x]\nissuer = \"https://x.example\"\nclient_id = \"c\"\nauth = \"jwt\"",
            "x.auth: expected basic, post or none",
        ),
        ("[x]\npreset = \"oidc\"\nclient_id = \"c\"\nclient_secret_file = \"s\"", "x.issuer: expected the issuer"),
        ("[google]\nclient_id = \"hunter2", "providers.toml:2:"),
    ] {
        let error = folder.read(text).unwrap_err();
        assert!(error.contains(expected), "{text}: {error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
    assert!(Providers::from_file(Path::new("/nowhere/providers.toml")).is_err());
}
