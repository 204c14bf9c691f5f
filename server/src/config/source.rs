//! From a file, the environment and flags to values with the place they came from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::ConfigError;
use super::settings::{Kind, SETTINGS, Setting, VARIABLE_PREFIX, nearest, setting};

/// Where a value was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A flag.
    Flag(String),
    /// A variable of the environment.
    Variable(String),
    /// A file, and the line and the column in it, from 1, and the setting.
    File(PathBuf, usize, usize, String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "--{name}"),
            Self::Variable(name) => f.write_str(name),
            Self::File(path, line, column, name) => write!(f, "{}:{line}:{column}: {name}", path.display()),
        }
    }
}

/// A value of the right type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// For [`Kind::Text`], [`Kind::Address`], [`Kind::Path`] and [`Kind::Choice`].
    Text(String),
    /// For [`Kind::Whole`].
    Whole(u64),
    /// For [`Kind::Switch`].
    Switch(bool),
    /// For [`Kind::List`].
    List(Vec<String>),
}

/// The values by the name of their setting; the strongest source has won.
#[derive(Debug, Default)]
pub struct Values {
    found: BTreeMap<&'static str, (Place, Value)>,
}

impl Values {
    /// Reads all sources: flags over the environment over the file.
    ///
    /// # Errors
    /// [`ConfigError`] with the place of the first mistake.
    pub fn read(
        file: Option<&Path>,
        variables: &[(String, String)],
        flags: &[(String, String)],
    ) -> Result<Self, ConfigError> {
        let mut values = Self::default();
        if let Some(path) = file {
            values.file(path)?;
        }
        for (name, text) in variables.iter().filter(|(name, _)| name.starts_with(VARIABLE_PREFIX)) {
            let place = Place::Variable(name.clone());
            match SETTINGS.iter().find(|setting| setting.variable() == *name) {
                Some(setting) => values.put(setting, place, |kind| of_text(kind, text))?,
                // Others put variables of this prefix there too: a container platform does for a service of this name.
                None => {
                    if let Some(meant) = nearest(name, SETTINGS.iter().map(Setting::variable)) {
                        return Err(ConfigError::new(place, format!("no such setting; {meant} is meant?")));
                    }
                }
            }
        }
        for (name, text) in flags {
            let place = Place::Flag(name.clone());
            match SETTINGS.iter().find(|setting| setting.flag() == *name) {
                Some(setting) => values.put(setting, place, |kind| of_text(kind, text))?,
                None => return Err(ConfigError::new(place, "no such setting")),
            }
        }
        Ok(values)
    }

    /// The value of a setting.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&(Place, Value)> {
        self.found.get(name)
    }

    fn put(
        &mut self,
        setting: &'static Setting,
        place: Place,
        read: impl FnOnce(Kind) -> Option<Value>,
    ) -> Result<(), ConfigError> {
        let Some(value) = read(setting.kind) else { return Err(ConfigError::new(place, setting.kind.expected())) };
        self.found.insert(setting.name, (place, value));
        Ok(())
    }

    fn file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|error| ConfigError::file(path, error.to_string()))?;
        let at = |offset: usize, name: &str| {
            let (line, column) = line_and_column(&text, offset);
            Place::File(path.to_owned(), line, column, name.to_owned())
        };
        let document = DeTable::parse(&text).map_err(|error| {
            let place = at(error.span().map_or(0, |span| span.start), "TOML");
            ConfigError::new(place, without_text(error.message()))
        })?;
        let mut members = Vec::new();
        for (name, value) in document.get_ref() {
            match value.get_ref() {
                DeValue::Table(table) => members.extend(
                    table
                        .iter()
                        .map(|(inner, value)| (format!("{}.{}", name.get_ref(), inner.get_ref()), inner, value)),
                ),
                _ => members.push((name.get_ref().to_string(), name, value)),
            }
        }
        for (name, key, value) in members {
            match setting(&name) {
                Some(setting) => {
                    self.put(setting, at(value.span().start, &name), |kind| of_toml(kind, value.get_ref()))?;
                }
                None => {
                    let meant = nearest(&name, SETTINGS.iter().map(|setting| setting.name));
                    let hint = meant.map(|meant| format!("; {meant} is meant?")).unwrap_or_default();
                    return Err(ConfigError::new(at(key.span().start, &name), format!("no such setting{hint}")));
                }
            }
        }
        Ok(())
    }
}

/// Line and column, from 1, of a byte of a text.
pub(crate) fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count().saturating_add(1);
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count().saturating_add(1);
    (line, column)
}

/// A parser's message up to where it might quote the file.
fn without_text(message: &str) -> String {
    message.split(['`', '"']).next().unwrap_or_default().trim_end_matches([' ', ':']).to_owned()
}

fn whole(kind: Kind, number: u64) -> Option<Value> {
    match kind {
        Kind::Whole(least, most, _) => (least..=most).contains(&number).then_some(Value::Whole(number)),
        _ => None,
    }
}

fn word(kind: Kind, text: &str) -> Option<Value> {
    let fits = match kind {
        Kind::Choice(words) => words.contains(&text),
        Kind::Address => {
            text.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
        }
        Kind::Text(_) | Kind::Path => !text.is_empty() && !text.contains('\0'),
        Kind::Whole(..) | Kind::Switch | Kind::List(_) => false,
    };
    fits.then(|| Value::Text(text.to_owned()))
}

fn of_text(kind: Kind, text: &str) -> Option<Value> {
    match kind {
        Kind::Text(_) | Kind::Address | Kind::Path | Kind::Choice(_) => word(kind, text),
        Kind::Whole(..) => whole(kind, text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))?),
        Kind::Switch => match text {
            "true" => Some(Value::Switch(true)),
            "false" => Some(Value::Switch(false)),
            _ => None,
        },
        Kind::List(_) if text.is_empty() => Some(Value::List(Vec::new())),
        Kind::List(_) => Some(Value::List(text.split(',').map(|item| item.trim().to_owned()).collect())),
    }
}

fn of_toml(kind: Kind, value: &DeValue<'_>) -> Option<Value> {
    match (kind, value) {
        (Kind::Whole(..), DeValue::Integer(number)) => {
            whole(kind, u64::from_str_radix(number.as_str(), number.radix()).ok()?)
        }
        (Kind::Switch, DeValue::Boolean(value)) => Some(Value::Switch(*value)),
        (Kind::Text(_) | Kind::Address | Kind::Path | Kind::Choice(_), DeValue::String(text)) => word(kind, text),
        (Kind::List(_), DeValue::Array(items)) => {
            let text = |item: &Spanned<DeValue<'_>>| item.get_ref().as_str().map(str::to_owned);
            items.iter().map(text).collect::<Option<Vec<_>>>().map(Value::List)
        }
        _ => None,
    }
}
