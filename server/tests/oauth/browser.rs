//! A browser without scripts: it keeps cookies, sends forms and follows nothing by itself. And a client that holds what it was given.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use base64ct::{Base64, Encoding};
use serde_json::Value;

use super::site::{CALLBACK, PASSWORD, REPORTS, SECRET, Site, USER};

pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}\n\n{}", self.head, self.body)
    }
}

impl Answer {
    pub fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(move |(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub fn header(&self, name: &str) -> Option<String> {
        self.headers(name).next().map(str::to_owned)
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub fn text(&self, member: &str) -> String {
        self.json()[member].as_str().unwrap_or_else(|| panic!("no {member}: {self:?}")).to_owned()
    }

    /// The value of a hidden field.
    pub fn field(&self, name: &str) -> String {
        let start = format!("name=\"{name}\" value=\"");
        let (_, rest) = self.body.split_once(&start).unwrap_or_else(|| panic!("no field {name}: {self:?}"));
        rest.split('"').next().unwrap().to_owned()
    }

    /// A parameter of the redirect.
    pub fn sent(&self, name: &str) -> Option<String> {
        let location = self.header("location").unwrap_or_else(|| panic!("no redirect: {self:?}"));
        let query = location.split_once('?')?.1.to_owned();
        query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}="))).map(str::to_owned)
    }
}

pub fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

pub fn form(fields: &[(&str, &str)]) -> String {
    fields.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect::<Vec<_>>().join("&")
}

impl Site {
    /// Sends a request as it is written here.
    pub fn send(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut text = format!("{method} {target} HTTP/1.1\r\nHost: id.jobiflow.example\r\nConnection: close\r\n");
        if self.secure {
            text.push_str("X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\n");
        }
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        // A request that is refused early may not be read to its end.
        let _ = stream.write_all(text.as_bytes());
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }

    pub fn get(&self, target: &str) -> Answer {
        self.send("GET", target, &[], "")
    }

    pub fn with_token(&self, method: &str, target: &str, token: &str) -> Answer {
        self.send(method, target, &[("Authorization", &format!("Bearer {token}"))], "")
    }

    /// Posts a form as a client: the one with a secret proves it.
    pub fn post_as(&self, client: &str, target: &str, fields: &[(&str, &str)]) -> Answer {
        let basic = format!("Basic {}", Base64::encode_string(format!("{REPORTS}:{}", encode(SECRET)).as_bytes()));
        let mut headers = vec![("Content-Type", "application/x-www-form-urlencoded")];
        let mut all = fields.to_vec();
        if client == REPORTS {
            headers.push(("Authorization", &basic));
        } else {
            all.push(("client_id", client));
        }
        self.send("POST", target, &headers, &form(&all))
    }

    pub fn redeem(&self, client: &str, code: &str) -> Answer {
        let fields = [("grant_type", "authorization_code"), ("code", code), ("code_verifier", VERIFIER)];
        self.post_as(client, "/oauth2/token", &fields)
    }

    pub fn refresh(&self, client: &str, token: &str) -> Answer {
        self.post_as(client, "/oauth2/token", &[("grant_type", "refresh_token"), ("refresh_token", token)])
    }

    /// The whole way to tokens, in a browser of its own.
    pub fn tokens(&self, client: &str, more: &[(&str, &str)]) -> Value {
        let code = Browser::of(self).code(client, more);
        let answer = self.redeem(client, &code);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }
}

pub struct Browser<'s> {
    site: &'s Site,
    pub cookies: BTreeMap<String, String>,
}

impl<'s> Browser<'s> {
    pub fn of(site: &'s Site) -> Self {
        Self { site, cookies: BTreeMap::new() }
    }

    pub fn go(&mut self, method: &str, target: &str, fields: &[(&str, &str)]) -> Answer {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = cookies.join("; ");
        let mut headers = vec![("Content-Type", "application/x-www-form-urlencoded")];
        if !cookies.is_empty() {
            headers.push(("Cookie", &cookies));
        }
        let answer = self.site.send(method, target, &headers, &form(fields));
        for line in answer.headers("set-cookie") {
            let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
            if line.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    pub fn authorize(&mut self, client: &str, more: &[(&str, &str)]) -> Answer {
        self.go("GET", &authorize(client, more), &[])
    }

    pub fn sign_in(&mut self, page: &Answer, name: &str, password: &str) -> Answer {
        let (ticket, client) = (page.field("ticket"), page.field("client_id"));
        let fields = [("ticket", &*ticket), ("client_id", &client), ("username", name), ("password", password)];
        self.go("POST", "/login", &fields)
    }

    pub fn decide(&mut self, page: &Answer, decision: &str) -> Answer {
        let (ticket, scope) = (page.field("ticket"), page.field("scope"));
        self.go("POST", "/consent", &[("ticket", &ticket), ("scope", &scope), ("decision", decision)])
    }

    /// Signs in and approves as far as it is asked; the code.
    pub fn code(&mut self, client: &str, more: &[(&str, &str)]) -> String {
        let mut answer = self.authorize(client, more);
        if answer.body.contains("name=\"password\"") {
            answer = self.sign_in(&answer, USER, PASSWORD);
        }
        if answer.body.contains("value=\"allow\"") {
            answer = self.decide(&answer, "allow");
        }
        answer.sent("code").unwrap_or_else(|| panic!("no code: {answer:?}"))
    }
}

/// The target of an authorization request; of two parameters with one name the second counts.
pub fn authorize(client: &str, more: &[(&str, &str)]) -> String {
    let mut fields = BTreeMap::from([
        ("response_type", "code"),
        ("client_id", client),
        ("redirect_uri", CALLBACK),
        ("scope", "openid profile email"),
        ("state", "a b"),
        ("nonce", "n-1"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ]);
    fields.extend(more.iter().copied());
    format!("/oauth2/authorize?{}", form(&fields.into_iter().collect::<Vec<_>>()))
}
